"""Whose face it is, how it blinks and shakes, and where its border shows."""
