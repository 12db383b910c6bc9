"""Parts of the task that gives each step of a series, or each base of DNA, a label."""
