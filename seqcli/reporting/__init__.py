"""Tables, charts and writers."""
