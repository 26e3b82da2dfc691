"""Which way the head faces in each frame; `scoring.results.head_angles` groups other figures by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.faces.head_angle import DISTANCE_MM, head_angles
from lipsync_cli.metrics.metric import FRAME, NEAR, Metric, MetricGroup

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView


def _measure(evidence: ClipView) -> dict[str, np.ndarray]:
    angles = head_angles(evidence.landmarks)
    return {"head_yaw": angles.yaw, "head_pitch": angles.pitch, "head_angle": angles.total}


_HOW = f"of a mean face laid on eye corners and nose by perspective-n-point, from {DISTANCE_MM / 1000:g} m away"
_FIGURES = (
    ("head_yaw", "head yaw", f"yaw {_HOW}; above zero: towards the right of the picture"),
    ("head_pitch", "head pitch", f"pitch {_HOW}; above zero: up"),
    ("head_angle", "head angle", f"angle between face and line of sight, {_HOW}; other figures are grouped by it"),
)
FAMILIES = (
    MetricGroup(
        tuple(
            Metric(name, title, "behaviour", FRAME, NEAR, definition, "own; cv2.solvePnP", unit="degrees", digits=1)
            for name, title, definition in _FIGURES
        ),
        measure=_measure,
        is_continuous=True,
        is_standard=False,
    ),
)
