"""Options as data: frozen dataclasses whose fields say help, panel, spelling and allowed values; nothing heavy."""
