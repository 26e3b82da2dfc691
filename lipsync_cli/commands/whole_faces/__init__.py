"""Commands that draw whole faces."""
