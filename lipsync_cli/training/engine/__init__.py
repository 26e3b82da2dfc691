"""The training loop, its checkpoints, processes and batches."""
