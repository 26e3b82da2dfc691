"""Options of commands, made from configurations."""
