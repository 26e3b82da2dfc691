"""Whole jobs: the one floor that joins synthesis, training and scoring; each takes one configuration."""
