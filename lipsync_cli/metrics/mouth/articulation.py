"""How far and how often a mouth opens beside the real one: mumbling and shouting show here, lateness does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.mouth.movement import MIN_FRAMES, STILL, opening
from lipsync_cli.metrics.sync.lip_leak import OPEN_APERTURE, aperture, open_share_ratio
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView

PERCENTILES = 5.0, 95.0  # between which the range lies: single frames are misread


def range_ratio(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Return how wide the range of an opening is beside the real one's.

    Parameters
    ----------
    reference, estimate : shape (n,) and (m,), openings in one unit; the range lies between their 5th and 95th
        percentiles

    Returns
    -------
    0 or more, no unit; 1 is the real one's

    Raises
    ------
    MetricUnavailableError : too few frames, or the real mouth does not move
    """
    if min(len(reference), len(estimate)) < MIN_FRAMES:
        raise MetricUnavailableError(f"{min(len(reference), len(estimate))} frames are too few")
    real, made = (float(np.subtract(*np.percentile(one, PERCENTILES[::-1]))) for one in (reference, estimate))
    if real < STILL:
        raise MetricUnavailableError("the real mouth does not move")
    return made / real


def _measure(evidence: ClipView) -> dict[str, float | MetricUnavailableError]:
    real, made = evidence.truth.landmarks, evidence.landmarks
    figures: dict[str, float | MetricUnavailableError] = {}
    for name, compute, measure in (
        ("opening_range", range_ratio, opening),
        ("articulation_share", open_share_ratio, aperture),
    ):
        try:
            figures[name] = compute(measure(real), measure(made))
        except MetricUnavailableError as reason:
            figures[name] = reason
    return figures


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "opening_range",
                "opening range",
                "behaviour",
                CLIP,
                NEAR,
                "range of the mouth opening, from its 5th to its 95th percentile, over the real clip's",
                "own",
                target=1.0,
                digits=3,
            ),
            Metric(
                "articulation_share",
                "articulation",
                "behaviour",
                CLIP,
                NEAR,
                f"share of frames whose inner lips are further apart than {OPEN_APERTURE:.0%} of the face's width, "
                "over the real clip's; read the median over people",
                "Alapon, a repair of SyncTalk_2D (2026), articulation; here on dlib's 68 points",
                target=1.0,
                digits=3,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        is_standard=False,
    ),
)
