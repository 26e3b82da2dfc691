"""A real face, and where it is."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

PHOTO = Path(__file__).resolve().parents[2] / "examples" / "astronaut.jpg"


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """The upper middle of the example photo, (256, 320, 3) RGB, with one face."""
    whole = cv2.cvtColor(cv2.imread(str(PHOTO)), cv2.COLOR_BGR2RGB)
    return np.ascontiguousarray(whole[:256, 60:380])


@pytest.fixture(scope="session")
def photo_box(photo: np.ndarray) -> np.ndarray:
    """The face in it, as dlib's own detector has it: x0, y0, x1, y1."""
    import dlib

    (found,) = dlib.get_frontal_face_detector()(photo, 1)
    return np.array([found.left(), found.top(), found.right() + 1, found.bottom() + 1], np.float64)
