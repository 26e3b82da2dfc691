"""What says that a film is synthetic: metadata, audio watermark, C2PA, sidecar, visible label."""
