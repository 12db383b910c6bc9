"""Splits, scaling, vocabularies, calendars, windows, buckets: fitted on training rows only."""
