"""What stands side by side in a report: the models, then the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lipsync_cli.metrics.baselines import COPY, FROZEN, MISMATCHED, OTHER_SOUND, TRUTH
from lipsync_cli.metrics.metric import FRAME, HIGHER, LOWER, NEAR, SET, Metric
from lipsync_cli.scoring.report.html.element import Markup, tag
from lipsync_cli.scoring.results.records import Figures, Key, Results
from lipsync_cli.scoring.results.scores import Statistics

_ARROWS = {HIGHER: "↑", LOWER: "↓", NEAR: "≈"}
_BETTER = {HIGHER: "higher is better", LOWER: "lower is better"}
NUM_COLOURS = 6


@dataclass(frozen=True)
class Column:
    """One row of the scores; on a page the models and controls stand side by side.

    Attributes
    ----------
    results : whose
    row : name in the results
    title : for the reader
    style : CSS class: colour by model, line by row
    index : of the results
    """

    results: Results
    row: str
    title: str
    style: str
    index: int

    @property
    def is_scored(self) -> bool:
        """Whether this is a model, no control."""
        return self.row == self.results.scored_row

    def find(self, metric: str, group: str = "all") -> Statistics | None:
        """Give the statistics of a metric."""
        return self.results.summary.get(group, {}).get(self.row, {}).get(metric)

    def figures(self, metric: str) -> dict[Key, Figures]:
        """Give the figures of a metric, clip by clip."""
        return self.results.figures.get(self.row, {}).get(metric, {})

    def values(self, metric: str) -> np.ndarray:
        """Give all figures of a metric: shape (n,)."""
        figures = self.figures(metric).values()
        return np.concatenate([one.values for one in figures]) if figures else np.zeros(0)

    def swatch(self) -> Markup:
        """Draw a sample of its colour and line."""
        line = tag("line", x1=1, y1=6, x2=21, y2=6)
        return tag("svg", line, class_=f"swatch {self.style}", viewbox="0 0 22 12", aria_hidden="true")


def make_columns(all_results: Sequence[Results]) -> list[Column]:
    """Name the columns: each model, each model with the mismatched audio, then the rows that depend on no model."""
    columns = []
    several = len(all_results) > 1
    for row in ("scored", MISMATCHED):
        for index, results in enumerate(all_results):
            name = results.scored_row if row == "scored" else row
            if name in results.rows:
                title = results.rows[name]
                if several:
                    title = results.label if row == "scored" else f"{results.label}, {title}"
                style = f"m{index % NUM_COLOURS}" + ("" if row == "scored" else " wrong")
                columns.append(Column(results, name, title, style, index))
    for row in (COPY, FROZEN, OTHER_SOUND, TRUTH):
        for index, results in enumerate(all_results):
            if row in results.rows:
                columns.append(Column(results, row, results.rows[row], row.replace("_", "-"), index))
                break
    return columns


def list_metrics(all_results: Sequence[Results]) -> list[Metric]:
    """List the metrics of all results, in the first's order."""
    found: dict[str, Metric] = {}
    for results in all_results:
        for name, metric in results.metrics.items():
            found.setdefault(name, metric)
    return list(found.values())


def find_leading(all_results: Sequence[Results]) -> Metric | None:
    """Find the metric by which clips are ranked: the first of single frames that has a better end, else of clips."""
    first = all_results[0]
    found = [
        metric
        for metric in first.metrics.values()
        if metric.per != SET and metric.direction != NEAR and first.figures.get(first.scored_row, {}).get(metric.name)
    ]
    return next((metric for metric in found if metric.per == FRAME), found[0] if found else None)


def is_perfect(column: Column, metric: Metric) -> bool:
    """Tell whether the ground truth is compared with itself, which says nothing and would press a plot together."""
    return column.row == TRUTH and metric.group == "reconstruction"


def show_number(value: float | None, metric: Metric, is_difference: bool = False) -> str:
    """Write a figure with the metric's digits and a true minus sign."""
    if value is None:
        return "—"
    sign = "+" if is_difference else ""
    return f"{round(value, metric.digits) + 0.0:{sign}.{metric.digits}f}".replace("-", "\u2212")


def show_interval(low: float | None, high: float | None, metric: Metric, is_difference: bool = False) -> str:
    """Write an interval; empty if there is none."""
    if low is None or high is None or low == high:
        return ""
    return f"{show_number(low, metric, is_difference)} … {show_number(high, metric, is_difference)}"


def show_metric(metric: Metric) -> Markup:
    """Write a metric's title, unit and which way is better."""
    target = "best like the ground truth's" if metric.target is None else f"best near {metric.target:g}"
    better = _BETTER.get(metric.direction, target)
    arrow = tag("abbr", _ARROWS[metric.direction], title=better)
    unit = tag("span", f"\u00a0{metric.unit}", class_="unit") if metric.unit else None
    title = metric.title[:1].upper() + metric.title[1:]
    return tag("span", title, unit, "\u00a0", arrow, class_="metric")
