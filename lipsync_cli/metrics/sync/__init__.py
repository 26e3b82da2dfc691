"""How well lips and sound go together."""
