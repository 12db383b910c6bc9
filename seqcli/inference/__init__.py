"""Runs the graphs of a saved model."""
