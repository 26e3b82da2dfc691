"""How far the opening of the mouth is from the loudness of the voice, as THEval measures it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.mouth.movement import MIN_FRAMES, STILL, opening
from lipsync_cli.metrics.mouth.pauses import find_pauses, loudness
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView

SPAN_S = 0.05  # over which loudness is averaged
BESIDE_S = 0.02  # from what the voice detector calls speech: a frame of a film within counts as speech


def loudness_distance(opened: np.ndarray, loud: np.ndarray) -> float:
    """Return the mean distance of two series, each brought to 0 ... 1 by its least and its greatest value.

    Parameters
    ----------
    opened : shape (n,), opening of the mouth while something is said
    loud : shape (n,), loudness at the same times

    Returns
    -------
    0 to 1, no unit; 0: the mouth opens exactly as the voice is loud

    Raises
    ------
    MetricUnavailableError : too few frames, or one of the two does not change

    Source
    ------
    THEval (Newbyl/THEval, CVPR 2026), lip sync, there with the root mean square of 50 ms
    """
    if len(opened) < MIN_FRAMES:
        raise MetricUnavailableError(f"{len(opened)} frames with speech are too few")
    if np.std(opened) < STILL or np.ptp(loud) < 1e-9:
        raise MetricUnavailableError("the mouth or the loudness does not change")
    one, other = ((series - series.min()) / np.ptp(series) for series in (opened, loud))
    return float(np.abs(one - other).mean())


def _measure(evidence: ClipView) -> dict[str, float]:
    is_said = ~find_pauses(evidence.mel, evidence.middles, BESIDE_S)
    loud = loudness(evidence.mel, evidence.middles, SPAN_S)
    return {"loudness_distance": loudness_distance(opening(evidence.landmarks)[is_said], loud[is_said])}


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "loudness_distance",
                "opening to loudness, distance",
                "behaviour",
                CLIP,
                NEAR,
                "while something is said: mean distance of the mouth opening and the mean log-mel of "
                f"{SPAN_S:g} s, each brought to 0 ... 1",
                "THEval (CVPR 2026), lip sync, there with the root mean square",
                digits=3,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        hears=True,
        is_standard=False,
    ),
)
