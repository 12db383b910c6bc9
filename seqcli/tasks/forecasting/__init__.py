"""What the forecast task is made of."""
