"""Pictures out of files and into films, one frame after the other."""
