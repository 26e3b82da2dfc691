"""Samples in, log-mels out, and the one function that cuts the mel window of a frame."""
