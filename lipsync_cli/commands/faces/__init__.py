"""Commands that change whose face is seen."""
