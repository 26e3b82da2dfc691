"""Several runs' logs in one picture: a panel a figure, a colour a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.training.logging.curves import CHANCE, COLOURS, Panel, collect_panels, draw_panel

MODEL = "model"
_LEFT_OUT = ("gradient norm",)  # of a single run's picture


def compare_logs(logs: Mapping[str, Sequence[dict[str, Any]]]) -> dict[str, Panel]:
    """Sort the logs of several runs into panels: title -> run -> (samples, value).

    Of figures that have rows, the model's is taken; baselines and chance levels are left to each run's own picture.
    """
    panels: dict[str, Panel] = {}
    for run, lines in logs.items():
        for title, panel in collect_panels(list(lines)).items():
            if title.startswith(_LEFT_OUT):
                continue
            rows = {MODEL: panel[MODEL]} if MODEL in panel else panel
            for curve, points in rows.items():
                if curve.endswith(CHANCE) or (MODEL not in panel and curve in ("training_batch", "truth")):
                    continue
                full = title if curve in (MODEL, title) else f"{title}: {curve.replace('_', ' ')}"
                panels.setdefault(full, {})[run] = points
    return panels


def draw_compared(panels: Mapping[str, Panel], runs: Sequence[str], path: Path, force: bool = False) -> None:
    """Draw panels of several runs as PNG, each run in one colour throughout.

    Parameters
    ----------
    runs : their names, in the order of the colours
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = 2
    rows = -(-len(panels) // columns)
    figure = Figure((6.4 * columns, 2.8 * rows), dpi=110, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    colours = {run: COLOURS[place % len(COLOURS)] for place, run in enumerate(runs)}
    for axis, (title, panel) in zip(axes, panels.items(), strict=False):
        draw_panel(axis, title, panel, colours=colours)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    with atomic_output(path, force) as temporary:
        figure.savefig(temporary, format="png")
