"""How far back a gradient reaches: what inspect-gradients works out."""
