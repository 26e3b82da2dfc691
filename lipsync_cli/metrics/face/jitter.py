"""How much a face trembles: the acceleration of what should move smoothly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import CLIP, LOWER, Metric, MetricGroup
from lipsync_cli.metrics.mouth.movement import eye_distance
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView

STABLE = (27, 28, 29, 30, 33, 36, 39, 42, 45)  # bridge and tip of the nose, corners of the eyes: no speech moves them
LIPS = (48, 51, 54, 57)  # corners and middles of the outer lips


def acceleration(places: np.ndarray, frame: np.ndarray | None = None) -> np.ndarray:
    """Return the length of the second difference of a path.

    Parameters
    ----------
    places : shape (n, 2)
    frame : shape (n,), numbers of the frames; where one is missing nothing is computed. None: all are there

    Returns
    -------
    shape (m,), one for every three frames in a row
    """
    second = np.linalg.norm(places[2:] - 2 * places[1:-1] + places[:-2], axis=1)
    return second if frame is None else second[frame[2:] - frame[:-2] == 2]


def root_mean_square(values: np.ndarray) -> float:
    """Return the root of the mean square.

    Raises
    ------
    MetricUnavailableError : there are none
    """
    if not len(values):
        raise MetricUnavailableError("fewer than three frames in a row")
    return float(np.sqrt(np.square(values).mean()))


def _measure(evidence: ClipView) -> dict[str, float]:
    points, unit = evidence.landmarks, np.median(eye_distance(evidence.landmarks))
    head = points[:, STABLE].mean(1)
    mouth = points[:, LIPS].mean(1) - head
    return {
        "face_jitter": 100 * root_mean_square(acceleration(head, evidence.frame)) / unit,
        "mouth_jitter": 100 * root_mean_square(acceleration(mouth, evidence.frame)) / unit,
    }


_UNIT = "over the distance of the eyes' centres, per frame squared"
FAMILIES = (
    MetricGroup(
        (
            Metric(
                "face_jitter",
                "face jitter",
                "behaviour",
                CLIP,
                LOWER,
                f"root mean square acceleration of the mean of eye corners and nose in the crop, {_UNIT}; "
                "compare with the ground truth's, which holds the landmarks' own noise",
                "own",
                unit="%",
                digits=3,
            ),
            Metric(
                "mouth_jitter",
                "mouth jitter",
                "behaviour",
                CLIP,
                LOWER,
                f"root mean square acceleration of the middle of the lips beside eye corners and nose, {_UNIT}: "
                "a mouth that swims on the face; speech itself moves it, so compare with the ground truth's",
                "own",
                unit="%",
                digits=3,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        is_standard=False,
    ),
)
