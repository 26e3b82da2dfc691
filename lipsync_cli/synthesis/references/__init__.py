"""Which frames lend their pixels, and how they lie in the others."""
