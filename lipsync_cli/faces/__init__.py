"""A frame in, where the face is out: detectors, tracking, the crop rule, paste-back."""
