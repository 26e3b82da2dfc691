"""The options of the commands that draw whole faces."""
