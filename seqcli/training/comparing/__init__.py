"""Predictors side by side: what is compared, how each is trained and measured, what came of it."""
