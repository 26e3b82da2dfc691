"""Random changes of faces, of what lies over them, and of sound."""
