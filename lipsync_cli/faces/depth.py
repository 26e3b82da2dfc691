"""How far the points of a face stand out: what a head that turns moves beyond shift, angle and scale."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule

# Depth towards the camera in hundredths of the box's side, right of the middle at 0, 0.1 ... 0.6 of the side and from
# the box's top at 0, 0.1 ... 1.2 of it. The mean of two: what moves the faces of 23 newsreaders between frames of a
# clip, beyond shift, angle and scale, in proportion to how far the head turned (4,593 pairs, robust regression;
# sideways and up-and-down motion, taken alone, agree with a correlation of 0.98), which knows no edges and is drawn to
# the background; and an ellipsoid with a nose and lips. docs/experiments/034 compares them.
_DEPTH = (
    (6, 4, 1, -6, -15, -27, -28),
    (10, 9, 4, -2, -11, -22, -28),
    (15, 12, 7, 1, -8, -17, -28),
    (20, 16, 10, 3, -6, -15, -29),
    (25, 19, 12, 3, -6, -16, -28),
    (29, 22, 12, 2, -8, -17, -29),
    (30, 22, 11, 0, -10, -20, -32),
    (24, 19, 9, -3, -13, -23, -37),
    (16, 13, 4, -8, -19, -29, -40),
    (9, 6, -2, -14, -25, -36, -42),
    (0, -2, -10, -21, -31, -43, -43),
    (-8, -10, -17, -28, -41, -43, -44),
    (-14, -16, -24, -37, -41, -43, -44),
)
_SPACING = 0.1  # of the box's side


class Pose(NamedTuple):
    """How the reference face lies in a frame's crop.

    A point of the frame's crop is where `matrix` maps it to in the reference's crop, and there `turn` times its depth
    further.

    Attributes
    ----------
    matrix : shape (2, 3) float64, from pixel indices of the frame's crop to those of the reference's: a similarity
    turn : shape (2,) float64, x and y: about the sine of the angle between the two heads, sideways and up and down
    """

    matrix: np.ndarray
    turn: np.ndarray


STRAIGHT = Pose(np.eye(2, 3), np.zeros(2))


@lru_cache(8)
def depth_map(rule: CropRule) -> np.ndarray:
    """Return the depth of a mean face in its crop, towards the camera, in pixels of the crop: shape (S, S) float32.

    The array is shared, and cannot be written to.
    """
    import cv2

    places = (np.arange(rule.size) + 0.5) / rule.size - 0.5
    columns = np.abs(places * rule.scale) / _SPACING
    rows = (places * rule.scale + 0.5 + rule.shift_y) / _SPACING
    x, y = (values.astype(np.float32) for values in np.meshgrid(columns, rows))
    table = np.array(_DEPTH, np.float32) / 100 * rule.size / rule.scale
    depth = cv2.remap(table, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    depth.setflags(write=False)
    return depth


def turn_crop(crop: np.ndarray, pose: Pose, depth: np.ndarray) -> np.ndarray:
    """Return a frame's crop in the pose of the reference's; what comes in from outside repeats the border.

    Parameters
    ----------
    crop : shape (S, S) or (S, S, 3)
    depth : shape (S, S), from `depth_map`
    """
    import cv2

    x, y = (
        each - np.float32(turn) * depth if turn else each
        for each, turn in zip(_places(len(crop)), pose.turn, strict=True)
    )
    back = np.linalg.inv(pose.matrix[:, :2])
    (a, b, c), (d, e, f) = np.column_stack([back, -back @ pose.matrix[:, 2]]).astype(np.float32)
    return cv2.remap(crop, a * x + b * y + c, d * x + e * y + f, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


@lru_cache(8)
def _places(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the x and the y of each pixel of a crop, shape (S, S) float32; they cannot be written to."""
    x, y = np.meshgrid(*[np.arange(size, dtype=np.float32)] * 2)
    for each in (x, y):
        each.setflags(write=False)
    return x, y
