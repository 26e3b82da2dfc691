"""What headers tell: tracks, lengths and limits, before anything is decoded."""
