"""What changes in the upper face, which lip-sync should leave as it is: artefacts at the eyes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import FRAME, LOWER, Metric, MetricGroup

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView


def upper_face_change(crops: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Return the mean absolute change of the upper half of crops.

    Parameters
    ----------
    crops, real : shape (n, S, S, 3), uint8 RGB: the video's and the source's

    Returns
    -------
    shape (n,), levels of 0 to 255, mean over pixels and colours
    """
    upper = slice(0, crops.shape[1] // 2)
    return np.abs(crops[:, upper].astype(np.int16) - real[:, upper]).mean((1, 2, 3))


def _measure(evidence: ClipView) -> dict[str, np.ndarray]:
    return {"upper_face_change": upper_face_change(evidence.crops, evidence.real)}


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "upper_face_change",
                "change of the upper face",
                "behaviour",
                FRAME,
                LOWER,
                "mean absolute difference of the upper half of the crop from the reference, which must be the video "
                "that was drawn on; 0 to 255",
                "own, for the eye artefacts of the thesis",
                digits=2,
            ),
        ),
        measure=_measure,
        is_standard=False,
    ),
)
