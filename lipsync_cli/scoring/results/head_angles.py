"""The figures of frames, grouped by how far the head is turned away from the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.faces.head_angle import group_angles, name_groups
from lipsync_cli.metrics.baselines import TRUTH
from lipsync_cli.scoring.results.scores import Series, describe

if TYPE_CHECKING:
    from lipsync_cli.scoring.results.scores import Scores, Statistics

ANGLE = "head_angle"
_OWN = "head_yaw", "head_pitch", ANGLE  # say nothing new by angle


def describe_by_angle(scores: Scores) -> dict[str, dict[str, dict[str, Statistics]]]:
    """Reduce the figures of frames to statistics, angle by angle.

    Returns
    -------
    "0-10", "10-20", "20-35", "35+" degrees -> row or difference -> metric -> statistics; groups without a frame are
    left out. Frames are grouped by the ground truth's head, without a reference by the row's own; empty if
    `head_angle` was not measured
    """
    named: dict[str, dict[str, dict[str, Statistics]]] = {}
    for row, metrics in scores.series.items():
        angle = scores.rows.get(TRUTH, metrics).get(ANGLE)
        if angle is None:
            continue
        for metric, series in metrics.items():
            if series.frame is None or metric in _OWN:
                continue
            for name, part in _split(series, angle):
                named.setdefault(name, {}).setdefault(row, {})[metric] = describe(part)
    return {name: named[name] for name in name_groups() if name in named}


def _split(series: Series, angle: Series) -> list[tuple[str, Series]]:
    """Give the part of a series that lies in each group which has one."""
    known, place = np.intersect1d(angle.keys(), series.keys(), assume_unique=True, return_indices=True)[1:]
    groups = group_angles(angle.values[known])
    parts = []
    for index, name in enumerate(name_groups()):
        keep = place[groups == index]
        if len(keep):
            frame = None if series.frame is None else series.frame[keep]
            parts.append((name, Series(series.values[keep], series.clip[keep], frame)))
    return parts
