"""Lip synchronisation as composable commands: from clips to training data, trained weights, and talking faces."""

__version__ = "0.1.0"
