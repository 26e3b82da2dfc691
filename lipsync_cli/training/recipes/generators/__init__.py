"""Recipes that train a generator, or the part of one that hears."""
