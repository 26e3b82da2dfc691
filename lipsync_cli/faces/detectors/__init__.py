"""Face detectors: a frame in, boxes and scores out."""
