"""What is seen between the lips of an open mouth, cut out in the opening's own shape."""

from __future__ import annotations

import numpy as np

from lipsync_cli.faces.mesh.face_mesh import LOWER_INNER, LOWER_OUTER, UPPER_INNER
from lipsync_cli.faces.mesh.lips import find_axes, measure_lips

_EDGE = 0.015  # of the mouth's width: so much at the edges of the opening may still be lip
_GREENER, _DARKER, _BRIGHTER = 1.1, 0.7, 1.15  # than the lower lip: teeth, the dark, and again teeth
_SHARE = 0.5  # of an opening's middle that is one of these where the lips are parted


def cut_aperture(image: np.ndarray, points: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cut out what is between the inner edges of the lips.

    Parameters
    ----------
    image : shape (H, W, 3) uint8 RGB
    points : shape (468, 2), of its face mesh
    height, width : of the result

    Returns
    -------
    shape (height, width, 3) float32 in [0, 255]: columns lead from corner to corner of the opening, rows from the
    upper lip to the lower one
    """
    import cv2

    axes = find_axes(points)
    lips = measure_lips(points, axes)
    ends = (points[[UPPER_INNER[0], UPPER_INNER[-1]]] - axes.middle) @ axes.along / axes.width
    columns, rows = ((np.arange(length) + 0.5) / length for length in (width, height))
    x = ends[0] + columns[None] * (ends[1] - ends[0])
    top, gap = np.interp(x, lips.x, lips.upper_inner), np.interp(x, lips.x, lips.gap)
    edge = np.minimum(_EDGE, gap / 4)
    y = top + edge + rows[:, None] * (gap - 2 * edge)
    place = axes.middle + axes.width * (np.broadcast_to(x, y.shape)[..., None] * axes.along + y[..., None] * axes.down)
    across, below = (np.ascontiguousarray(part - 0.5, np.float32) for part in (place[..., 0], place[..., 1]))
    cut: np.ndarray = cv2.remap(image, across, below, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cut.astype(np.float32)


def shows_inside(image: np.ndarray, points: np.ndarray) -> bool:
    """Tell whether what is between the lips differs from the lower one, as teeth, tongue and dark do.

    Under a moustache, and in blurred frames, the face mesh may part lips that meet.

    Parameters
    ----------
    image : shape (H, W, 3) uint8 RGB
    points : shape (468, 2), of its face mesh
    """
    middle = cut_aperture(image, points, 12, 48)[2:10, 14:34].reshape(-1, 3)
    lip = lip_colour(image, points)
    brightness = np.linalg.norm(middle, axis=1) / max(float(np.linalg.norm(lip)), 1.0)
    is_teeth = (middle[:, 1] * lip[0] > _GREENER * lip[1] * middle[:, 0]) | (brightness > _BRIGHTER)
    return bool((is_teeth | (brightness < _DARKER)).mean() >= _SHARE)


def lip_colour(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the colour of the lower lip, shape (3,), RGB in [0, 255].

    Parameters
    ----------
    image : shape (H, W, 3) uint8 RGB
    points : shape (468, 2), of its face mesh
    """
    inner, outer = (points[list(line)[3:8]] for line in (LOWER_INNER, LOWER_OUTER))
    places = np.concatenate([inner + share * (outer - inner) for share in (0.3, 0.5, 0.7)]).astype(int)
    columns, rows = places[:, 0].clip(0, image.shape[1] - 1), places[:, 1].clip(0, image.shape[0] - 1)
    return np.asarray(np.median(image[rows, columns], axis=0))
