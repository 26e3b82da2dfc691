"""Which way a head faces: yaw and pitch from the 68 landmarks, by a rigid mean face (perspective-n-point)."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

DISTANCE_MM = (
    800.0  # from the camera, taken for all heads: of those 400 to 3000 away, angles are off by under 1.5 degrees
)
EDGES = 10.0, 20.0, 35.0  # degrees: heads are grouped by these

# Points of iBUG's 68 that speech does not move: corners of the eyes, bridge, tip and base of the nose.
POINTS = (36, 39, 42, 45, 27, 28, 29, 30, 31, 32, 33, 34, 35)
# Their places on a mean face, mm: x to the right of the picture, y down, z towards the camera; the eyes' centres are 62
# apart. x and y are the mean of 67 people who look at the camera, z follows tables of measured heads (Farkas 1994).
MEAN_FACE = np.array(
    [
        (-42.5, 1, 0), (-19, 1, 5), (19, 1, 5), (42.5, 1, 0),
        (0, -4, 16), (0, 7, 22), (0, 19, 29), (0, 31, 36),
        (-13, 40, 19), (-7, 43, 23), (0, 45, 26), (7, 43, 23), (13, 40, 19),
    ]
)  # fmt: skip


class HeadAngles(NamedTuple):
    """Which way heads face, against the line of sight, in degrees; all of shape (n,), NaN where landmarks are.

    Attributes
    ----------
    yaw : above zero: towards the right of the picture
    pitch : above zero: up
    total : angle between the face's direction and the line of sight, 0 to 180
    """

    yaw: np.ndarray
    pitch: np.ndarray
    total: np.ndarray


def head_angles(landmarks: np.ndarray) -> HeadAngles:
    """Return which way heads face.

    A mean face is laid on eye corners and nose (`cv2.solvePnP`, Levenberg and Marquardt). The camera is taken to be
    `DISTANCE_MM` away, and the face in the middle of its picture: a crop does not tell either.

    Parameters
    ----------
    landmarks : shape (n, 68, 2), pixels, in iBUG's order; of any scale, turned in the plane by less than 90 degrees

    Returns
    -------
    degrees, each of shape (n,)
    """
    angles = np.array([_facing(points) for points in landmarks[:, POINTS]]).reshape(-1, 3)
    return HeadAngles(*angles.T)


def group_angles(total: np.ndarray) -> np.ndarray:
    """Return the group of each angle, shape (n,): 0 below 10 degrees, 1 below 20, 2 below 35, 3 from there on."""
    return np.digitize(total, EDGES)


def name_groups() -> tuple[str, ...]:
    """Name the groups: "0-10", "10-20", "20-35", "35+"."""
    edges = [f"{edge:g}" for edge in (0, *EDGES)]
    return (*(f"{low}-{high}" for low, high in pairwise(edges)), f"{edges[-1]}+")


def _facing(points: np.ndarray) -> tuple[float, float, float]:
    """Return yaw, pitch and the whole angle of one face, degrees, of its points (13, 2)."""
    import cv2

    if np.isnan(points).any():
        return np.nan, np.nan, np.nan
    middle, face = points.mean(0), (MEAN_FACE - MEAN_FACE.mean(0)) * (1, 1, -1)  # OpenCV's z points away
    size, real_size = (np.linalg.norm(corners, axis=1).sum() for corners in ((points - middle)[:4], face[:4, :2]))
    focal = DISTANCE_MM * max(size / real_size, 1e-6)
    camera = np.array([[focal, 0, 0], [0, focal, 0], [0, 0, 1]])
    tilt = np.arctan2(*(points[3] - points[0])[::-1])
    start, place = np.array([0.0, 0.0, tilt]), np.array([0.0, 0.0, DISTANCE_MM])
    found, turn, _ = cv2.solvePnP(
        face, points - middle, camera, None, start, place, useExtrinsicGuess=True, flags=cv2.SOLVEPNP_ITERATIVE
    )
    if not found:
        return np.nan, np.nan, np.nan
    right, down, away = cv2.Rodrigues(turn)[0] @ (0, 0, -1)
    total = np.arctan2(np.hypot(right, down), -away)
    return tuple(np.degrees([np.arctan2(right, -away), np.arctan2(-down, np.hypot(right, away)), total]))
