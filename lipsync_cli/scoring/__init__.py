"""Metrics as pure functions, protocols with control rows, reports."""
