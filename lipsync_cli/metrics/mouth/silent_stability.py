"""How still the lips are in the pauses of the voice, as THEval measures it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.mouth.movement import opening
from lipsync_cli.metrics.mouth.pauses import MIN_PAUSE, find_pauses
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView


def silent_stability(opened: np.ndarray, is_pause: np.ndarray) -> float:
    """Return the median distance of the opening in pauses from its mean there.

    Parameters
    ----------
    opened : shape (n,), in eye distances
    is_pause : shape (n,) bool

    Returns
    -------
    0 or more, in eye distances; 0: still

    Raises
    ------
    MetricUnavailableError : there are fewer than four frames of pause

    Source
    ------
    THEval (Newbyl/THEval, CVPR 2026), silent-lip stability, there of eight gaps of a face mesh
    """
    if is_pause.sum() < MIN_PAUSE:
        raise MetricUnavailableError("the voice does not pause long enough")
    quiet = opened[is_pause]
    return float(np.median(np.abs(quiet - quiet.mean())))


def _measure(evidence: ClipView) -> dict[str, float]:
    is_pause = find_pauses(evidence.mel, evidence.middles)
    return {"silent_stability": 100 * silent_stability(opening(evidence.landmarks), is_pause)}


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "silent_stability",
                "silent-lip stability",
                "behaviour",
                CLIP,
                NEAR,
                "median distance of the mouth opening in pauses of the voice (as of silence_leak) from its mean there",
                "THEval (CVPR 2026), silent-lip stability, there on a face mesh and pauses of 0.3 s",
                unit="%",
                digits=2,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        hears=True,
        is_standard=False,
    ),
)
