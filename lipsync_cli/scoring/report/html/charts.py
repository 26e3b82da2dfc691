"""Box plots and curves as drawings in the page itself, which follow its colours and print sharply."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lipsync_cli.metrics.metric import Metric
from lipsync_cli.scoring.report.html.columns import Column, is_perfect, show_metric, show_number
from lipsync_cli.scoring.report.html.element import Markup, join, tag
from lipsync_cli.scoring.results.records import Figures, Key

WIDTH = 360  # units; drawn as wide as its place is, so text keeps about its size
_LEFT, _RIGHT = 116, 52
_STEP, _BOX = 26, 13
_NARROW = 4  # a box so narrow shows its median in its own colour
_DOTS_UP_TO = 25  # figures; more are drawn as a line only


def draw_boxes(columns: Sequence[Column], metric: Metric) -> Markup | None:
    """Draw a metric's box plots, one line a column: median, quartiles, whiskers; outliers are not drawn.

    The ground truth compared with itself is left out.
    """
    shown = [
        (column, values)
        for column in columns
        if not is_perfect(column, metric) and len(values := column.values(metric.name))
    ]
    if not shown:
        return None
    boxes = [_Box(values) for _, values in shown]
    low, high = min(box.low for box in boxes), max(box.high for box in boxes)
    axis = _Axis(low, high, _LEFT, WIDTH - _RIGHT)
    height = len(shown) * _STEP + 24
    parts = [
        join(_line(place, 4, place, height - 20, class_="grid"), _text(place, height - 6, label, "tick", "middle"))
        for place, label in axis.ticks(metric)
    ]
    said = []
    for number, ((column, _), box) in enumerate(zip(shown, boxes, strict=True)):
        middle = number * _STEP + _STEP / 2 + 2
        parts += [
            _text(_LEFT - 8, middle + 4, _shorten(column.title, 17), "name", "end", column.title),
            _draw_box(box, axis, middle, column.style),
            _text(WIDTH, middle + 4, show_number(box.median, metric), "value", "end"),
        ]
        quartiles = f"{show_number(box.quarter, metric)} to {show_number(box.three, metric)}"
        said.append(f"{column.title}: median {show_number(box.median, metric)}, quartiles {quartiles}")
    words = f"Box plots of {metric.title}. " + "; ".join(said)
    drawing = _draw(parts, height, words)
    return tag("figure", tag("figcaption", show_metric(metric)), drawing, class_="boxes")


def draw_curves(columns: Sequence[Column], metric: Metric, key: Key, marked: Sequence[int] = ()) -> Markup | None:
    """Draw a metric over the frames of a clip, a line for each column.

    Parameters
    ----------
    marked : frames that are shown as pictures
    """
    shown = [
        (column, figures)
        for column in columns
        if not is_perfect(column, metric)
        and (figures := column.figures(metric.name).get(key)) is not None
        and figures.frame is not None
    ]
    if not shown:
        return None
    height, left, top = 128, 38, 8
    values = np.concatenate([figures.values for _, figures in shown])
    frames = np.concatenate([_frames(figures) for _, figures in shown])
    up = _Axis(float(values.min()), float(values.max()), height - 22, top)
    along = _Axis(float(frames.min()), float(frames.max()), left, WIDTH - 6, is_whole=True)
    parts = []
    for place, label in up.ticks(metric):
        parts += [_line(left, place, WIDTH, place, class_="grid"), _text(left - 6, place + 4, label, "tick", "end")]
    for place, label in along.ticks(None):
        if place < WIDTH - 60:
            parts.append(_text(place, height - 6, label, "tick", "middle"))
    parts.append(_text(WIDTH - 6, height - 6, "frame", "tick", "end"))
    for frame in (frame for frame in marked if along.low <= frame <= along.high):
        place = along.place(frame)
        parts.append(_line(place, top, place, height - 22, class_="mark"))
    for column, figures in reversed(shown):  # the first column on top
        parts.append(_curve(figures, along, up, column.style))
    means = [f"{column.title}: mean {show_number(float(of.values.mean()), metric)}" for column, of in shown]
    drawing = _draw(parts, height, f"{metric.title} over the frames of {key[1]}. " + "; ".join(means))
    return tag("figure", tag("figcaption", show_metric(metric)), drawing, class_="curves")


def draw_spark(column: Column, metric: Metric, key: Key, low: float, high: float) -> Markup | None:
    """Draw a curve as large as a word, between limits that all of a table share."""
    figures = column.figures(metric.name).get(key)
    if figures is None or figures.frame is None or len(figures.values) < 2:
        return None
    along = _Axis(float(figures.frame[0]), float(figures.frame[-1]), 1, 119)
    up = _Axis(low, high, 21, 3)
    curve = _curve(Figures(np.clip(figures.values, low, high), figures.frame), along, up, column.style, False)
    return tag("svg", curve, class_="spark", viewbox="0 0 120 24", aria_hidden="true")


class _Box:
    """A box plot: quartiles, and the furthest figures within 1.5 times the quartiles' distance."""

    def __init__(self, values: np.ndarray) -> None:
        self.quarter, self.median, self.three = (float(edge) for edge in np.percentile(values, (25, 50, 75)))
        reach = 1.5 * (self.three - self.quarter)
        within = values[(values >= self.quarter - reach) & (values <= self.three + reach)]
        self.low, self.high = float(within.min()), float(within.max())


class _Axis:
    """Values to places."""

    def __init__(self, low: float, high: float, start: float, stop: float, is_whole: bool = False) -> None:
        if high - low < 1e-9 * max(1.0, abs(high)):
            low, high = low - 0.5, high + 0.5
        margin = 0.0 if is_whole else 0.04 * (high - low)
        self.low, self.high = low - margin, high + margin
        self.start, self.stop, self.is_whole = start, stop, is_whole

    def place(self, value: float) -> float:
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.stop - self.start), 1)

    def ticks(self, metric: Metric | None, count: int = 4) -> list[tuple[float, str]]:
        rough = (self.high - self.low) / count
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough)
        if self.is_whole:
            step = max(1.0, round(step))
        digits = max(0, -math.floor(math.log10(step) + 1e-9)) + (
            1 if round(step / power, 1) == 2.5 and step < 10 else 0
        )
        values = np.arange(math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9) + 1) * step
        return [(self.place(value), f"{value + 0.0:.{digits}f}".replace("-", "\u2212")) for value in values.tolist()]


def _draw_box(box: _Box, axis: _Axis, middle: float, style: str) -> Markup:
    places = [axis.place(value) for value in (box.low, box.quarter, box.median, box.three, box.high)]
    low, quarter, median, three, high = places
    top, bottom = middle - _BOX / 2, middle + _BOX / 2
    return tag(
        "g",
        _line(low, middle, quarter, middle, class_="whisker"),
        _line(three, middle, high, middle, class_="whisker"),
        _line(low, middle - 3, low, middle + 3, class_="whisker"),
        _line(high, middle - 3, high, middle + 3, class_="whisker"),
        tag("rect", x=quarter, y=top, width=max(1.0, round(three - quarter, 1)), height=_BOX, class_="box"),
        _line(median, top, median, bottom, class_="median" if three - quarter > _NARROW else "whisker median-alone"),
        class_=style,
    )


def _curve(figures: Figures, along: _Axis, up: _Axis, style: str, with_dots: bool = True) -> Markup:
    frames = _frames(figures)
    points = list(zip((along.place(f) for f in frames), (up.place(v) for v in figures.values), strict=True))
    ends = np.flatnonzero(np.diff(frames) > max(1.0, 2 * np.median(np.diff(frames)) if len(frames) > 1 else 1)) + 1
    parts = []
    for piece in np.split(np.arange(len(points)), ends):
        path = "M" + "L".join(f"{points[i][0]:g} {points[i][1]:g}" for i in piece)
        parts.append(tag("path", d=path, class_="curve"))
    if with_dots and len(points) <= _DOTS_UP_TO:
        parts += [tag("circle", cx=x, cy=y, r=2, class_="dot") for x, y in points]
    return tag("g", parts, class_=style)


def _frames(figures: Figures) -> np.ndarray:
    return np.zeros(len(figures.values)) if figures.frame is None else figures.frame


def _draw(parts: Sequence[Markup | str], height: float, words: str) -> Markup:
    return tag("svg", tag("title", words), parts, viewbox=f"0 0 {WIDTH} {height:g}", role="img")


def _line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def _text(x: float, y: float, text: str, class_: str, anchor: str, full: str | None = None) -> Markup:
    hint = tag("title", full) if full is not None and full != text else None
    return tag("text", hint, text, x=x, y=y, class_=class_, text_anchor=anchor)


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
