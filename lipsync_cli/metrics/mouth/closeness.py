"""How near figures are to those of real videos: a figure that is better than real counts as an error, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import HIGHER, SET, Metric, MetricGroup
from lipsync_cli.metrics.mouth.lip_dynamics import lip_dynamics
from lipsync_cli.metrics.mouth.mouth_width import mouth_width
from lipsync_cli.metrics.mouth.movement import opening
from lipsync_cli.metrics.mouth.pauses import find_pauses, loudness
from lipsync_cli.metrics.mouth.silent_stability import silent_stability
from lipsync_cli.metrics.sync.loudness_distance import BESIDE_S, SPAN_S, loudness_distance
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView

PARTS = ("opening deviation", "width deviation", "lip_dynamics", "silent_stability", "loudness_distance")


def closeness(reference: float, estimate: float) -> float:
    """Return how near a figure is to the real one: 1 - |m - gt| / |gt|.

    Parameters
    ----------
    reference, estimate : gt and m, in one unit

    Returns
    -------
    at most 1; 1: the real one's; 0: as far from it as 0 is; below: further

    Raises
    ------
    MetricUnavailableError : the real figure is 0

    Source
    ------
    THEval (Newbyl/THEval, CVPR 2026)
    """
    if reference == 0:
        raise MetricUnavailableError("the real figure is 0")
    return 1 - abs(estimate - reference) / abs(reference)


def closeness_total(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return the mean closeness of several figures, each first averaged over clips.

    Parameters
    ----------
    reference, estimate : shape (clips, parts) and (clips', parts); NaN: no figure. A part counts if both have it

    Returns
    -------
    at most 1

    Raises
    ------
    MetricUnavailableError : there is no part that both have
    """
    parts = []
    for real, made in zip(reference.T, estimate.T, strict=True):
        real, made = real[~np.isnan(real)], made[~np.isnan(made)]
        if len(real) and len(made) and real.mean():
            parts.append(closeness(float(real.mean()), float(made.mean())))
    if not parts:
        raise MetricUnavailableError("there is no figure that both videos have")
    return float(np.mean(parts))


def _measure(evidence: ClipView) -> dict[str, np.ndarray]:
    points = evidence.landmarks
    opened = opening(points)

    def stability() -> float:
        return silent_stability(opened, find_pauses(evidence.mel, evidence.middles))

    def distance() -> float:
        is_said = ~find_pauses(evidence.mel, evidence.middles, BESIDE_S)
        return loudness_distance(opened[is_said], loudness(evidence.mel, evidence.middles, SPAN_S)[is_said])

    ways: Sequence[Callable[[], float]] = (
        lambda: float(np.std(opened)),
        lambda: float(np.std(mouth_width(points))),
        lambda: lip_dynamics(points),
        stability,
        distance,
    )
    return {"closeness_total": np.array([[_or_nan(way) for way in ways]])}


def _or_nan(compute: Callable[[], float]) -> float:
    try:
        return compute()
    except MetricUnavailableError:
        return np.nan


def _combine(made: Sequence[np.ndarray], real: Sequence[np.ndarray]) -> float:
    return closeness_total(np.concatenate(real), np.concatenate(made))


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "closeness_total",
                "closeness to real videos",
                "behaviour",
                SET,
                HIGHER,
                "1 - |m - gt| / |gt|, mean over the standard deviations of opening and width, lip_dynamics, "
                "silent_stability and loudness_distance, each averaged over the clips first; 1: as real videos",
                "THEval (CVPR 2026), there of eight figures, five of which need networks",
                digits=3,
            ),
        ),
        measure=_measure,
        combine=_combine,
        is_continuous=True,
        hears=True,
        is_standard=False,
    ),
)
