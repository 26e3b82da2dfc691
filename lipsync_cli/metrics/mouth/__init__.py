"""How the mouth moves beside the real one, and in pauses."""
