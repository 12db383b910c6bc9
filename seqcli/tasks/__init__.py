"""What a sequence problem means: columns, examples, outputs, metrics, baselines."""
