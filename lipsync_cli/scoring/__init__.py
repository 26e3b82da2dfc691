"""Metrics as pure functions, protocols with baselines, reports."""
