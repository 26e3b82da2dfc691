"""Losses, recipes, the loop and its checkpoints."""
