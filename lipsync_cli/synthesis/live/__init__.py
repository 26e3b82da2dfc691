"""A film that is made while the sound comes in."""
