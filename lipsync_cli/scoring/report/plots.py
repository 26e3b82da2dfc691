"""Scores to look at: box plots without outliers, as in the thesis, and sheets of sample crops."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lipsync_cli.metrics.baselines import COPY, FROZEN, MISMATCHED, MODEL, OTHER_SOUND, OUTPUT, TRUTH
from lipsync_cli.scoring.report.text_table import title_of, title_of_metric
from lipsync_cli.scoring.results.scores import ALL, Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lipsync_cli.metrics.metric import Metric
    from lipsync_cli.scoring.report.sample_sheet import Sheet

ROW_COLOURS = {  # told apart by colour-blind eyes and in grey
    MODEL: "#5b9bc8",
    OUTPUT: "#5b9bc8",
    COPY: "#e3c25f",
    MISMATCHED: "#cf7a63",
    FROZEN: "#a3a9b3",
    OTHER_SOUND: "#8d6b94",
    TRUTH: "#7fb08a",
}
_MAX_SPEAKERS = 8  # more: one group of boxes for all
INK, GRID = "#222222", "#dddddd"


def plot_boxes(scores: Scores, path: Path, heading: str) -> None:
    """Draw box plots of every metric: median, quartiles, whiskers of 1.5 times the quartiles' distance, no outliers.

    Where the ground truth is compared with itself it is left out: it is perfect, and would press the others together.
    """
    rows = {metric.name: rows_of(scores, metric) for metric in scores.metrics}
    metrics = [metric for metric in scores.metrics if rows[metric.name]]
    groups = scores.groups()
    if len(groups) > _MAX_SPEAKERS + 1:
        groups = {ALL: groups[ALL]}
    shown = [row for row in ROW_COLOURS if any(row in names for names in rows.values())]
    columns = 2
    lines = max(1, -(-len(metrics) // columns))
    width = max(3.6, 1.1 + 0.32 * len(shown) * len(groups))
    figure = make_figure(width * columns, 2.7 * lines + 0.7)
    axes = np.atleast_1d(figure.subplots(lines, columns, squeeze=False)).ravel()
    for axis, metric in zip(axes, metrics, strict=False):
        _draw_boxes(axis, scores, rows[metric.name], groups, metric)
    for axis in axes[len(metrics) :]:
        axis.set_visible(False)
    heading += "\nLine: median; box: quartiles; whiskers: 1.5 times the box at most; outliers are not drawn"
    figure.suptitle(heading, x=0.01, ha="left", fontsize=8, color=INK)
    if len(groups) > 1 and shown:
        from matplotlib.patches import Patch

        handles = [Patch(facecolor=ROW_COLOURS[row], label=title_of(row)) for row in shown]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(shown), frameon=False, fontsize=9)
    figure.savefig(path)


def rows_of(scores: Scores, metric: Metric) -> list[str]:
    """Name the rows that a plot of a metric shows."""
    is_perfect = metric.group == "reconstruction"
    return [row for row, found in scores.rows.items() if metric.name in found and not (is_perfect and row == TRUTH)]


def _draw_boxes(axis: Any, scores: Scores, rows: list[str], groups: dict[str, np.ndarray], metric: Metric) -> None:
    step = len(rows) + 1.0
    for index, row in enumerate(rows):
        series = scores.rows[row][metric.name]
        axis.boxplot(
            [series.part(mask).values for mask in groups.values()],
            positions=[group * step + index for group in range(len(groups))],
            widths=0.72,
            showfliers=False,
            patch_artist=True,
            boxprops={"facecolor": ROW_COLOURS[row], "edgecolor": INK, "linewidth": 0.7},
            medianprops={"color": INK, "linewidth": 1.8},
            whiskerprops={"color": INK, "linewidth": 0.7},
            capprops={"color": INK, "linewidth": 0.7},
        )
    axis.set_title(title_of_metric(metric), loc="left", fontsize=10, color=INK)
    if len(groups) > 1:
        axis.set_xticks([group * step + (len(rows) - 1) / 2 for group in range(len(groups))], list(groups))
    else:
        medians = [np.median(scores.rows[row][metric.name].values) for row in rows]
        labels = [f"{title_of(row)}\n{value:.{metric.digits}f}" for row, value in zip(rows, medians, strict=True)]
        axis.set_xticks(range(len(rows)), labels)
    axis.tick_params(length=0, labelcolor=INK, labelsize=9)
    axis.set_axisbelow(True)
    axis.grid(axis="y", color=GRID, linewidth=0.6)
    axis.margins(y=0.12)
    axis.spines[["top", "right", "bottom"]].set_visible(False)


def plot_sheet(sheet: Sheet, path: Path, heading: str, zoom: int = 2) -> None:
    """Draw sample crops, one line a clip, pixel by pixel enlarged `zoom` times."""
    dpi = 100
    size = next(iter(sheet.columns.values())).shape[1] * zoom
    gap, left, top = 6, 130, 52
    width = left + len(sheet.columns) * (size + gap)
    height = top + len(sheet.labels) * (size + gap)
    figure = make_figure(width / dpi, height / dpi, layout=None)
    figure.text(8 / width, 1 - 8 / height, heading, va="top", fontsize=8, color=INK)
    for column, (name, images) in enumerate(sheet.columns.items()):
        x = left + column * (size + gap)
        figure.text((x + size / 2) / width, 1 - (top - 6) / height, name, ha="center", va="bottom", fontsize=9)
        for line, image in enumerate(images):
            y = height - top - line * (size + gap) - size
            figure.figimage(np.kron(image, np.ones((zoom, zoom, 1), np.uint8)), x, y, origin="upper")
    for line, label in enumerate(sheet.labels):
        y = height - top - line * (size + gap) - size / 2
        figure.text(8 / width, y / height, label, va="center", fontsize=8, color=INK)
    figure.savefig(path, dpi=dpi)


def make_figure(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """Make a figure without a window system and without global state; sizes in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), dpi=150, layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    return figure
