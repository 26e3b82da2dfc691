"""How much the lips change their shape over time: opening, width and rounding together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.mouth.movement import LIPS, MIN_FRAMES, eye_distance
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView


def lip_dynamics(landmarks: np.ndarray) -> float:
    """Return the mean over all pairs of lip points of how much their distance varies over time.

    The source takes 40 points of a face mesh in pixels of a picture of 256 x 256; here it is the 20 lip points of
    dlib's 68, in eye distances, so figures of the two are not to be compared.

    Parameters
    ----------
    landmarks : shape (n, 68, 2), pixels

    Returns
    -------
    standard deviation, in distances of the eyes' centres; 0: a still mouth

    Raises
    ------
    MetricUnavailableError : there are too few frames

    Source
    ------
    THEval (Newbyl/THEval, CVPR 2026), lip dynamics
    """
    if len(landmarks) < MIN_FRAMES:
        raise MetricUnavailableError(f"{len(landmarks)} frames are too few")
    lips = landmarks[:, LIPS] / eye_distance(landmarks)[:, None, None]
    one, other = np.triu_indices(lips.shape[1], k=1)
    return float(np.linalg.norm(lips[:, one] - lips[:, other], axis=2).std(0).mean())


def _measure(evidence: ClipView) -> dict[str, float]:
    return {"lip_dynamics": 100 * lip_dynamics(evidence.landmarks)}


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "lip_dynamics",
                "lip dynamics",
                "behaviour",
                CLIP,
                NEAR,
                "standard deviation over time of the distance of two lip points, mean over all pairs of the 20, over "
                "the distance of the eyes' centres",
                "THEval (CVPR 2026), lip dynamics, there on 40 points of a face mesh",
                unit="%",
                digits=2,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        is_standard=False,
    ),
)
