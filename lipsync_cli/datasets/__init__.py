"""Stores to samples: frame tables, batches, windows, transforms."""
