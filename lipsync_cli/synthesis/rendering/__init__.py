"""Frames of a film, one after the other, into its file."""
