"""Points all over a face, and what they make possible: mouths of photos that are closed."""
