"""How close or how sharp pictures are."""
