"""Trying options out: what is tried, what comes next, what came of it."""
