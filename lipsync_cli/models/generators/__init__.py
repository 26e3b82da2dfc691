"""Networks that draw faces."""
