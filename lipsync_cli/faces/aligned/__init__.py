"""Faces turned upright and brought to one size by their landmarks, from the jaw to the hairline."""
