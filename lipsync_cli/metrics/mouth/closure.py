"""How often the lips close where they must: on p, b, m, f and v."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.mouth.contrast import phones_of
from lipsync_cli.metrics.mouth.movement import STILL, opening
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.speech.phonemes import CLOSED, Phone

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView

CLOSED_BELOW = 0.25  # of the way from the real mouth's closed (5th percentile) to its open (95th)
BESIDE_S = 0.06  # before and after the sound in which a closure counts: its time is only known from the word's


def closure_rate(
    reference: np.ndarray, estimate: np.ndarray, times: np.ndarray, phones: Sequence[Phone], beside_s: float = BESIDE_S
) -> float:
    """Return on how many of the sounds p, b, m, f and v the mouth closes.

    Closed is what lies in the lowest quarter of the real mouth's range.

    Parameters
    ----------
    reference, estimate : shape (n,) both, gap of the inner lips in eye distances; give the reference twice for its own
        rate
    times : shape (n,), s, when each frame is shown, on the clock of the phones
    phones : what is said when, of `phonemes.spread_phones`
    beside_s : before and after each sound in which a closure counts

    Returns
    -------
    0 to 1, share of the sounds that are seen

    Raises
    ------
    MetricUnavailableError : none of the sounds is seen, or the real mouth does not move
    """
    low, high = np.nanpercentile(reference, (5, 95))
    if high - low < STILL:
        raise MetricUnavailableError("the real mouth does not move")
    limit = low + CLOSED_BELOW * (high - low)
    closed = []
    for phone in phones:
        near = (times >= phone.start_s - beside_s) & (times <= phone.end_s + beside_s) & ~np.isnan(estimate)
        if phone.symbol in CLOSED and near.any():
            closed.append(estimate[near].min() <= limit)
    if not closed:
        raise MetricUnavailableError("no p, b, m, f or v is seen")
    return float(np.mean(closed))


def _measure(evidence: ClipView) -> dict[str, float]:
    real, made = opening(evidence.truth.landmarks), opening(evidence.landmarks)
    return {"closure_rate": 100 * closure_rate(real, made, evidence.middles, phones_of(evidence.words))}


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "closure_rate",
                "lips closed on p b m f v",
                "words",
                CLIP,
                NEAR,
                "share of the sounds p, b, m, f and v of the transcript during which the gap of the inner lips comes "
                f"into the lowest quarter of the real clip's range, {BESIDE_S:g} s before to after",
                "own",
                unit="%",
                digits=1,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        is_standard=False,
    ),
)
