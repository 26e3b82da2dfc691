"""The generator, here or in a process of its own."""
