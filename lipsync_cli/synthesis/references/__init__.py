"""Which frames are the reference, and how they lie in the others."""
