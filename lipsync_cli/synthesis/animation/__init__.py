"""A still and a voice to a talking head, whose every pixel is drawn."""
