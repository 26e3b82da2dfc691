"""Metrics as pure functions, the networks that they need, and what they see of a clip."""
