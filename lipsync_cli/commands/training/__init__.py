"""Commands beside `train`."""
