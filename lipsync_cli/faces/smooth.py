"""Boxes over time: gaps filled, jumps removed, without lag."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator


def runs(present: np.ndarray, cuts: np.ndarray | None = None) -> Iterator[slice]:
    """Yield the stretches of frames that have a face and no cut within.

    Parameters
    ----------
    present : shape (N,) bool
    cuts : frame numbers at which a new shot begins
    """
    breaks = set() if cuts is None else set(np.asarray(cuts).tolist())
    start = None
    for index, value in enumerate(present):
        if start is not None and (not value or index in breaks):
            yield slice(start, index)
            start = None
        if value and start is None:
            start = index
    if start is not None:
        yield slice(start, len(present))


def fill_gaps(values: np.ndarray, max_gap: int, cuts: np.ndarray | None = None) -> np.ndarray:
    """Fill short gaps (rows of NaN) by linear interpolation; gaps at the ends or across a cut stay.

    Parameters
    ----------
    values : shape (N, C), NaN where unknown
    max_gap : longest gap that is filled, in frames
    """
    filled = np.array(values, np.float64)
    known = np.flatnonzero(~np.isnan(filled[:, 0]))
    breaks = np.array([] if cuts is None else cuts, int)
    for before, after in itertools.pairwise(known):
        if not 1 < after - before <= max_gap + 1 or ((breaks > before) & (breaks <= after)).any():
            continue
        weight = (np.arange(before + 1, after) - before)[:, None] / (after - before)
        filled[before + 1 : after] = (1 - weight) * filled[before] + weight * filled[after]
    return filled


def median(values: np.ndarray, radius: int) -> np.ndarray:
    """Return the centred running median along axis 0; the window shrinks at the ends, so it stays centred."""
    count = len(values)
    reach = np.minimum(radius, np.minimum(np.arange(count), np.arange(count)[::-1]))
    return np.array([np.median(values[i - r : i + r + 1], axis=0) for i, r in enumerate(reach)]).reshape(values.shape)


def gaussian(values: np.ndarray, sigma: float) -> np.ndarray:
    """Return the centred running Gaussian mean along axis 0, weighed anew at the ends.

    At the ends it is a straight line's fit that is evaluated, so a steady motion does not lag there either.
    """
    if sigma <= 0:
        return np.array(values, np.float64)
    count, reach = len(values), int(np.ceil(3 * sigma))
    out = np.empty((count, *values.shape[1:]))
    for i in range(count):
        span = np.arange(max(0, i - reach), min(count, i + reach + 1))
        offset = (span - i).astype(np.float64)
        weight = np.exp(-0.5 * (offset / sigma) ** 2)
        total, first, second = weight.sum(), (weight * offset).sum(), (weight * offset**2).sum()
        determinant = total * second - first**2
        fit = weight if determinant < 1e-9 else weight * (second - first * offset) * total / determinant
        out[i] = np.tensordot(fit / fit.sum(), values[span], 1)
    return out
