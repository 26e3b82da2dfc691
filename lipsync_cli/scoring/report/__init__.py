"""Scores for people: tables, plots, sheets, one HTML page."""
