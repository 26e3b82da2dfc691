"""A face of 68 points that opens its mouth, blinks and moves: for figures whose value is known beforehand."""

from __future__ import annotations

import numpy as np

EYE_DISTANCE = 40.0
FACE_WIDTH = 90.0  # between the ends of the jaw line


def face(opening: np.ndarray, eyes: np.ndarray | None = None, place: np.ndarray | None = None) -> np.ndarray:
    """Draw the points of a face over time, shape (n, 68, 2).

    Parameters
    ----------
    opening : shape (n,), gap between the inner lips in eye distances
    eyes : shape (n,), aspect ratio of the eyes; None: 0.3
    place : shape (n, 2), where the face is; None: at one place
    """
    count = len(opening)
    eyes = np.full(count, 0.3) if eyes is None else eyes
    points = np.zeros((count, 68, 2))
    points[:, 0, 0], points[:, 16, 0] = -FACE_WIDTH / 2, FACE_WIDTH / 2
    for first, side in ((36, -1), (42, 1)):
        x = side * EYE_DISTANCE / 2 + np.array([-6.0, -2, 2, 6, 2, -2])
        points[:, first : first + 6, 0] = x
        points[:, first : first + 6, 1] = np.array([0, -1, -1, 0, 1, 1]) * (eyes * 12 / 2)[:, None]
    points[:, 27:36, 1] = np.linspace(5, 25, 9)
    angle = np.pi * np.arange(12) / 6
    gap = (opening * EYE_DISTANCE / 2)[:, None]
    points[:, 48:60, 0], points[:, 48:60, 1] = -16 * np.cos(angle), 45 - (gap + 5) * np.sin(angle)
    points[:, 60:68, 0] = [-12, -6, 0, 6, 12, 6, 0, -6]
    points[:, 60:68, 1] = 45 + np.array([0, -1, -1, -1, 0, 1, 1, 1]) * gap
    return points + (0 if place is None else place[:, None, :]) + 100


def talk(count: int, seed: int = 0) -> np.ndarray:
    """Make an opening that changes about as fast as a mouth does, in [0, 0.3]."""
    noise = np.random.default_rng(seed).standard_normal(count + 8)
    smooth = np.convolve(noise, np.hanning(9), "valid")
    return 0.15 + 0.15 * np.tanh(smooth / smooth.std())
