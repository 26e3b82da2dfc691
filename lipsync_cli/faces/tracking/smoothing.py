"""Boxes over time: gaps filled, jumps removed, without lag."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE_RATIO = 2  # how much longer sizes are averaged than places: they come in steps of 20 %


def runs(present: np.ndarray) -> Iterator[slice]:
    """Yield the stretches in which a face is present, given shape (N,) bool."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], present, [False]]).astype(np.int8)))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        yield slice(int(start), int(stop))


def fill_gaps(values: np.ndarray, max_gap: int) -> np.ndarray:
    """Fill short gaps (rows of NaN) by linear interpolation; gaps at the ends stay.

    Parameters
    ----------
    values : shape (N, C), NaN where unknown
    max_gap : longest gap that is filled, in frames
    """
    filled = np.array(values, np.float64)
    known = np.flatnonzero(~np.isnan(filled[:, 0]))
    for before, after in itertools.pairwise(known):
        if 1 < after - before <= max_gap + 1:
            weight = (np.arange(before + 1, after) - before)[:, None] / (after - before)
            filled[before + 1 : after] = (1 - weight) * filled[before] + weight * filled[after]
    return filled


def gaussian(values: np.ndarray, sigma: float) -> np.ndarray:
    """Return the centred running Gaussian mean along axis 0 of (N, C); at the ends it is weighed anew.

    Parameters
    ----------
    sigma : standard deviation in frames
    """
    values = np.asarray(values, np.float64)
    if sigma <= 0 or len(values) < 2:
        return values.copy()
    reach = min(int(np.ceil(3 * sigma)), len(values) - 1)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    middle = slice(reach, reach + len(values))
    weight = np.convolve(np.ones(len(values)), kernel)[middle]
    return np.stack([np.convolve(column, kernel)[middle] / weight for column in values.T], axis=1)


def steady(places: np.ndarray, motion: np.ndarray, sigma: float) -> np.ndarray:
    """Join detections, which are right on average but come in steps, with motion, which is fine but drifts.

    What the motion does not explain of the detections is smoothed, and the motion added back: a complementary filter.
    It is centred, so nothing lags, and a quick movement of the head is not smoothed away.

    Parameters
    ----------
    places : shape (N, 3), x and y of the centre and natural logarithm of the side, as detected
    motion : shape (N, 3), change of these since the frame before; 0 where it is not known
    sigma : standard deviation of the Gaussian for the centre, in frames; that for the side is SIZE_RATIO times as long

    Returns
    -------
    shape (N, 3), the same quantities as `places`
    """
    path = np.cumsum(motion, axis=0)
    rest = places - path
    rest = np.concatenate([gaussian(rest[:, :2], sigma), gaussian(rest[:, 2:], SIZE_RATIO * sigma)], axis=1)
    return rest + gaussian(path, min(1.0, sigma))
