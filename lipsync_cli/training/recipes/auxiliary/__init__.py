"""Recipes of the networks beside a generator: sync expert, lip reader, occlusion network."""
