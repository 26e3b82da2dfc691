"""Files to arrays and back: probe, timeline, decode, encode, marks. Nobody else knows FFmpeg."""
