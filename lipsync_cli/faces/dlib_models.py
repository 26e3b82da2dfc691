"""Files of dlib's trained networks: in the optional package face_recognition_models."""

from __future__ import annotations

import importlib.util
from pathlib import Path

DETECTOR = "mmod_human_face_detector.dat"
LANDMARKS = "shape_predictor_5_face_landmarks.dat"
ALL_LANDMARKS = "shape_predictor_68_face_landmarks.dat"
IDENTITY = "dlib_face_recognition_resnet_model_v1.dat"

HINT = "pip install 'lipsync-cli[models]'"


def find_pretrained(name: str) -> Path | None:
    """Return the path of one of these files, or None if the package is not installed or lacks it."""
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "models" / name
    return path if path.is_file() else None
