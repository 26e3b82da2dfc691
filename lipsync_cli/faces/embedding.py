"""Who it is: a face to 128 numbers that are close together for one person and far apart for two."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.errors import InputError, ToolError
from lipsync_cli.faces.dlib_models import HINT, IDENTITY, LANDMARKS, find_pretrained

if TYPE_CHECKING:
    from lipsync_cli.media.video.yuv_frame import Frame

SAME_PERSON = 0.6  # Euclidean distance below which two embeddings are of one person, by the network's authors
EMBEDDING_SIZE = 128

_NOSE_SPAN = 0.22, 0.78  # of the way from eye to eye: where the nose of a face is that looks at the camera


class Embedder:
    """dlib's face recognition network, a ResNet of 29 layers, on faces aligned by five points (King, dlib 19.4, 2017).

    Raises
    ------
    InputError : a file holds no such network
    """

    def __init__(self, landmarks: Path, identity: Path) -> None:
        try:
            import dlib
        except ImportError as error:
            raise ToolError("dlib cannot be loaded", hint="pip install dlib-bin") from error
        self._dlib = dlib
        self._points = _load(dlib.shape_predictor, landmarks)
        self._network: Any = None
        self._identity = identity

    def embed(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        """Return the embedding, shape (128,) float64, of the face in `box` (x0, y0, x1, y1) of an RGB image."""
        if self._network is None:
            self._network = _load(self._dlib.face_recognition_model_v1, self._identity)
        image = np.ascontiguousarray(image)
        return np.array(self._network.compute_face_descriptor(image, self._shape(image, box)))

    def is_frontal(self, image: Frame, box: np.ndarray) -> bool:
        """Tell whether the nose lies between the eyes: whether the face looks roughly towards the camera."""
        shape = self._shape(np.ascontiguousarray(image), box)
        points = np.array([(part.x, part.y) for part in shape.parts()], float)
        eyes = points[:4].reshape(2, 2, 2).mean(axis=1)  # one, then the other; two corners each
        across = eyes[1] - eyes[0]
        place = float((points[4] - eyes[0]) @ across) / max(float(across @ across), 1e-6)
        return _NOSE_SPAN[0] <= place <= _NOSE_SPAN[1]

    def _shape(self, image: np.ndarray, box: np.ndarray) -> Any:
        left, top, right, bottom = (round(float(value)) for value in box)
        return self._points(image, self._dlib.rectangle(left, top, right - 1, bottom - 1))


@lru_cache(maxsize=1)
def find_embedder() -> Embedder | None:
    """Return this process's embedder, or None if its files are not installed."""
    landmarks, identity = find_pretrained(LANDMARKS), find_pretrained(IDENTITY)
    return None if landmarks is None or identity is None else Embedder(landmarks, identity)


def need_embedder(purpose: str) -> Embedder:
    """Return this process's embedder.

    Raises
    ------
    ToolError : its files are not installed; says what they are needed for
    """
    embedder = find_embedder()
    if embedder is None:
        raise ToolError(f"{purpose} needs dlib's face recognition network, which is not installed", hint=HINT)
    return embedder


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the Euclidean distance of two embeddings."""
    return float(np.linalg.norm(one - other))


def _load(kind: Any, path: Path) -> Any:
    try:
        return kind(str(path))
    except RuntimeError as error:
        raise InputError("cannot be read by dlib", path) from error
