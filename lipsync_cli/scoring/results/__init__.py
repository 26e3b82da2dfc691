"""Scores of clips: added up, written, read again, compared."""
