"""468 points on the surface of a face, by MediaPipe's face mesh, which OpenCV runs."""

from __future__ import annotations

import math
from functools import lru_cache
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.errors import InputError
from lipsync_cli.media.video.resampling import window

if TYPE_CHECKING:
    from lipsync_cli.media.video.yuv_frame import Frame

ASSET = "face_mesh.tflite"
NUM_POINTS = 468

# The numbers of some points, as in MediaPipe's face_mesh_connections.py; rows run from the face's right to its left.
UPPER_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
UPPER_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
EYES = (33, 263)  # outer corners
NOSE, CHIN = 2, 152  # below the nose, and the lowest of the face
SIDES = (132, 361)  # of the face at the height of the mouth
LOOKS = 3  # at a face

_SIDE = 256  # pixels that the network looks at
_WIDE = 364  # pixels around it, which are turned
_AROUND_BOX = 1.6  # side of what it looks at over the box of HOG
_AROUND_POINTS = 1.5  # the same over the extent of the points
_OUTPUTS = ("Identity", "Identity_1")  # of the network: points, and the logit of there being a face
_IS_FACE = 0.0  # logit of there being a face, at least


class FaceMesh:
    """Finds the points of faces, from any thread.

    The network is that of Kartynnik et al. 2019, Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs.

    Parameters
    ----------
    path : of the network; None: the package's

    Raises
    ------
    InputError : the file is missing or damaged
    """

    def __init__(self, path: Path | None = None) -> None:
        import cv2

        path = path or Path(str(resources.files("lipsync_cli") / "assets" / ASSET))
        try:
            self._network = cv2.dnn.readNetFromTFLite(str(path))
        except cv2.error as error:
            fact = (
                "the network of the face mesh is damaged" if path.is_file() else "there is no network of the face mesh"
            )
            raise InputError(fact, path, "install lipsync again") from error
        self._lock = Lock()

    def find(self, frame: Frame, box: np.ndarray, looks: int = LOOKS) -> np.ndarray | None:
        """Find the points of the face in a box.

        Parameters
        ----------
        frame : shape (H, W, 3) uint8 RGB, or in YUV
        box : shape (4,), x0, y0, x1, y1 in pixels, as dlib's HOG detector or a track of it gives it
        looks : the first on the box, each next on what the one before found, turned upright; two do for an upright face

        Returns
        -------
        shape (468, 2) float64: x and y in pixels of the frame, a pixel covering the area from its index to its index
        plus one; None where the box is NaN, or the network sees no face
        """
        if np.isnan(box).any():
            return None
        centre, side, angle = (box[:2] + box[2:]) / 2, _AROUND_BOX * float(np.mean(box[2:] - box[:2])), 0.0
        points = None
        for _ in range(looks):
            if not side > 1:
                return None
            points = self._look(frame, centre, side, angle)
            if points is None:
                return None
            low, high = points.min(0), points.max(0)
            centre, side = (low + high) / 2, _AROUND_POINTS * float((high - low).max())
            right, left = points[list(EYES)]
            angle = math.atan2(*(left - right)[::-1])
        return points

    def _look(self, frame: Frame, centre: np.ndarray, side: float, angle: float) -> np.ndarray | None:
        """Find the points in a turned square of a frame; None where there is no face in it."""
        import cv2

        scale = _SIDE / side
        straight = np.array([[scale, 0, 0], [0, scale, 0]])
        straight[:, 2] = _WIDE / 2 - 0.5 - scale * (centre - 0.5)
        around = window(frame, straight, _WIDE, max(1, math.ceil(1 / scale)))
        turn = cv2.getRotationMatrix2D((_WIDE / 2 - 0.5, _WIDE / 2 - 0.5), math.degrees(angle), 1.0)
        turn[:, 2] -= (_WIDE - _SIDE) // 2
        crop = cv2.warpAffine(around, turn, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR)
        with self._lock:
            self._network.setInput(cv2.dnn.blobFromImage(crop, 1 / 255))
            points, score = self._network.forward(_OUTPUTS)
        if float(score.ravel()[0]) < _IS_FACE or not np.isfinite(points).all():
            return None
        flat = np.asarray(points, np.float64).reshape(-1, 3)[:NUM_POINTS, :2] - _SIDE / 2
        cosine, sine = math.cos(angle), math.sin(angle)
        return flat @ np.array([[cosine, sine], [-sine, cosine]]) / scale + centre


@lru_cache(maxsize=1)
def load_face_mesh() -> FaceMesh:
    """Return the face mesh, which is loaded once a process."""
    return FaceMesh()
