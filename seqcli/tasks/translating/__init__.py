"""Parts of the task that translates: pairs of texts, the search for what to write, figures, a baseline."""
