"""Series that are written again, and how odd they are."""
