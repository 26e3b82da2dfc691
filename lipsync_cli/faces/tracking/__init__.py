"""Boxes over time: whose face is where in every frame."""
