"""Figures by head angle as text: how much worse a mouth is when the head turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lipsync_cli.metrics.baselines import MODEL, OUTPUT
from lipsync_cli.metrics.metric import FRAME
from lipsync_cli.scoring.results.head_angles import describe_by_angle

if TYPE_CHECKING:
    from lipsync_cli.scoring.results.scores import Scores

_CELL = 18


def angle_lines(scores: Scores) -> list[str]:
    """Make the means of the scored row at each head angle, with the number of frames; empty without head angles."""
    by_angle = describe_by_angle(scores)
    row = OUTPUT if OUTPUT in scores.rows else MODEL
    if not any(row in rows for rows in by_angle.values()):
        return []
    titles = {
        metric.name: f"{metric.title} ({metric.unit})" if metric.unit else metric.title for metric in scores.metrics
    }
    width = max(map(len, titles.values())) + 2
    heads = "".join(f"{name:>{_CELL}}" for name in by_angle)
    lines = ["", f"{row} by head angle, degrees: mean (frames)", " " * width + heads]
    for metric in scores.metrics:
        found = [rows.get(row, {}).get(metric.name) for rows in by_angle.values()]
        if metric.per == FRAME and any(found):
            cells = ["" if one is None else f"{one.mean:.{metric.digits}f} ({one.frames})" for one in found]
            lines.append(f"{titles[metric.name]:<{width}}" + "".join(f"{cell:>{_CELL}}" for cell in cells))
    return [line.rstrip() for line in lines]
