"""By how many milliseconds a mouth runs before or after the real one, and how much that changes within a clip.

One shift of a whole clip (`sync_offset`) does not see a mouth that is early in one word and late in the next. Dynamic
time warping (Sakoe and Chiba 1978) finds for each moment of the real film the moment of the other one that fits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, LOWER, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.mouth.movement import MIN_FRAMES, STILL, opening
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView

BAND_S = 0.32  # furthest that one film may run before or after the other
STEP_COST = 0.2  # standard deviations: what a frame that stands still, or is left out at an end, costs


def warp(reference: np.ndarray, estimate: np.ndarray, band: int, step_cost: float = STEP_COST) -> np.ndarray:
    """Lay two series upon each other, each brought to mean 0 and standard deviation 1.

    The ends are free within the band, so that a series which is merely later has one lag throughout.

    Parameters
    ----------
    reference, estimate : shape (n,) both, neither constant
    band : frames by which they may differ at most
    step_cost : of each frame in which only one of the two goes on

    Returns
    -------
    shape (k, 2), int64: indices into both, which never fall
    """
    one, other = ((series - series.mean()) / series.std() for series in (reference, estimate))
    count, width = len(one), 2 * band + 1
    total = np.full((count, width), np.inf)  # column c: the estimate's index is that of the reference plus c - band
    came = np.zeros((count, width), np.int8)  # 0: an end, 1: both went on, 2: the reference did, 3: the estimate did
    for i in range(count):
        for column in range(max(0, band - i), min(width, count - i + band)):
            j = i + column - band
            ways = [
                step_cost * abs(i - j) if i == 0 or j == 0 else np.inf,
                total[i - 1, column] if i and j else np.inf,
                total[i - 1, column + 1] + step_cost if i and column + 1 < width else np.inf,
                total[i, column - 1] + step_cost if column and j else np.inf,
            ]
            came[i, column] = best = int(np.argmin(ways))
            total[i, column] = ways[best] + abs(one[i] - other[j])
    ends = [(i, count - 1 - i + band) for i in range(max(0, count - 1 - band), count)]
    ends += [(count - 1, column) for column in range(band)]
    i, column = min(ends, key=lambda end: total[end] + step_cost * abs(end[1] - band))
    path = []
    while True:
        path.append((i, i + column - band))
        way = came[i, column]
        if way == 0:
            return np.array(path[::-1])
        i, column = i - (way != 3), column + (1 if way == 2 else -1 if way == 3 else 0)


def lag_and_wander(
    reference: np.ndarray, estimate: np.ndarray, fps: float, band_s: float = BAND_S
) -> tuple[float, float]:
    """Return by how much a series runs after the reference, and how much that wanders.

    Parameters
    ----------
    reference, estimate : shape (n,) both, openings at the same times
    fps : frames a second

    Returns
    -------
    lag : ms, median over the path; above zero: the estimate is late
    wander : ms, 0 or more, mean distance of the path from that lag; at most twice the band

    Raises
    ------
    MetricUnavailableError : too few frames, or one of them does not move

    Source
    ------
    in the spirit of MTM (Chae-Yeon et al. 2025, arXiv 2503.20308), there on derivatives of meshes
    """
    if len(reference) < MIN_FRAMES:
        raise MetricUnavailableError(f"{len(reference)} frames are too few")
    if min(np.std(reference), np.std(estimate)) < STILL:
        raise MetricUnavailableError("a mouth does not move, so it is neither early nor late")
    band = min(max(1, round(band_s * fps)), len(reference) // 3)
    path = warp(reference, estimate, band)
    lags = 1000 * (path[:, 1] - path[:, 0]) / fps
    lag = float(np.median(lags))
    return lag, float(np.abs(lags - lag).mean())


def _measure(evidence: ClipView) -> dict[str, float]:
    real, made = opening(evidence.truth.landmarks), opening(evidence.landmarks)
    lag, wander = lag_and_wander(real, made, evidence.fps)
    return {"dtw_lag": lag, "dtw_wander": wander}


_SOURCE = "own; dynamic time warping as in Sakoe and Chiba 1978, the idea as in MTM (Chae-Yeon et al. 2025)"
FAMILIES = (
    MetricGroup(
        (
            Metric(
                "dtw_lag",
                "lag of the opening",
                "behaviour",
                CLIP,
                NEAR,
                f"median over the path that lays the mouth opening upon the real clip's, within {BAND_S:g} s; above "
                "zero: the mouth is late",
                _SOURCE,
                unit="ms",
                target=0.0,
                digits=0,
            ),
            Metric(
                "dtw_wander",
                "wander of the opening",
                "behaviour",
                CLIP,
                LOWER,
                "mean distance of that path from its median: early in one word, late in the next",
                _SOURCE,
                unit="ms",
                digits=0,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        is_standard=False,
    ),
)
