"""The loop, its checkpoints, and the way to a model directory."""
