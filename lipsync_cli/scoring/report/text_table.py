"""Scores for people and for programs: a text table and JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.metrics.baselines import COPY, FROZEN, MISMATCHED, MODEL, OTHER_SOUND, OUTPUT, TRUTH
from lipsync_cli.metrics.metric import NEAR
from lipsync_cli.scoring.report.angle_table import angle_lines
from lipsync_cli.scoring.results.head_angles import describe_by_angle
from lipsync_cli.scoring.results.scores import ALL, Scores, Statistics

if TYPE_CHECKING:
    from lipsync_cli.metrics.metric import Metric

ROW_TITLES = {
    MODEL: "model",
    OUTPUT: "output",
    COPY: "copy",
    MISMATCHED: "mismatched audio",
    FROZEN: "frozen",
    OTHER_SOUND: "other sound",
    TRUTH: "ground truth",
}
INTERVAL = "95 % confidence interval of the mean, bootstrap over clips"
_COLUMNS = ("mean", "95 % interval", "median", "max", "min")
_WIDEST = 140


def title_of(name: str) -> str:
    """Spell out the name of a row or of a difference of rows."""
    return " - ".join(ROW_TITLES.get(row, row) for row in name.split(" - "))


def title_of_metric(metric: Metric) -> str:
    """Name a metric and its unit."""
    title = metric.title[:1].upper() + metric.title[1:]
    return f"{title} ({metric.unit})" if metric.unit else title


def say_better(metric: Metric) -> str:
    """Say which way is better."""
    if metric.direction != NEAR:
        return metric.direction
    return "like the truth" if metric.target is None else f"near {metric.target:g}"


def make_records(scores: Scores) -> list[dict[str, Any]]:
    """Give scores as JSON-able records, one a line of a JSON Lines file.

    Returns
    -------
    one record of kind "protocol" (what was compared, the metrics' definitions, notes), one of kind "summary" for each
    group, row or difference and metric, one of kind "head_angle" for each angle, row and metric of frames, one of kind
    "clip" for each clip and row, and of kind "frames" its figures frame by frame
    """
    records: list[dict[str, Any]] = [
        {
            "kind": "protocol",
            **scores.facts,
            "metrics": {metric.name: metric.to_dict() for metric in scores.metrics},
            "rows": {row: title_of(row) for row in scores.rows},
            "interval": INTERVAL,
            "notes": scores.notes,
        }
    ]
    for group, names in scores.summary().items():
        for name, metrics in names.items():
            for metric, statistics in metrics.items():
                about = {"kind": "summary", "group": group, "row": name, "metric": metric}
                records.append(about | round_statistics(statistics))
    for (row, metric), reasons in scores.missing.items():
        if metric not in scores.rows.get(row, {}) and metric not in scores.sets.get(row, {}):
            about = {"kind": "summary", "group": ALL, "row": row, "metric": metric}
            records.append(about | {"mean": None, "reason": "; ".join(reasons)})
    for angle, rows in describe_by_angle(scores).items():
        for row, metrics in rows.items():
            about = {"kind": "head_angle", "angle": angle, "row": row}
            records.extend(about | {"metric": name} | round_statistics(one) for name, one in metrics.items())
    records.extend({"kind": "clip", **means} for means in scores.clip_means())
    records.extend(_frames_records(scores))
    return records


def _frames_records(scores: Scores) -> Iterator[dict[str, Any]]:
    """Give the figures of frames: a record for each clip, row and choice of frames."""
    for index, (clip, speaker) in enumerate(zip(scores.clip_names, scores.speakers, strict=True)):
        for row, metrics in scores.rows.items():
            alike: dict[tuple[int, ...], dict[str, list[float]]] = {}
            for metric, series in metrics.items():
                if series.frame is None:
                    continue
                mask = series.clip == index
                if mask.any():
                    values = [round(value, 4) for value in series.values[mask].tolist()]
                    alike.setdefault(tuple(series.frame[mask].tolist()), {})[metric] = values
            for frames, figures in alike.items():
                about = {"kind": "frames", "clip": clip, "speaker": speaker, "row": row, "frame": list(frames)}
                yield about | figures


def make_summary(scores: Scores) -> dict[str, Any]:
    """Give the summary as one JSON-able object: what was compared, and group -> row -> metric -> statistics.

    A metric that could not be computed for a row is null there, and "reasons" says why. Where head angles were
    measured, "head_angles" has angle -> row -> metric -> statistics.
    """
    groups: dict[str, dict[str, dict[str, Any]]] = {
        group: {
            name: {metric: round_statistics(statistics) for metric, statistics in metrics.items()}
            for name, metrics in names.items()
        }
        for group, names in scores.summary().items()
    }
    for row, metric in scores.missing:
        groups[ALL].setdefault(row, {}).setdefault(metric, None)
    reasons = {
        row: {metric: "; ".join(why) for (of, metric), why in scores.missing.items() if of == row}
        for row in dict.fromkeys(row for row, _ in scores.missing)
    }
    angles = {
        angle: {row: {name: round_statistics(one) for name, one in metrics.items()} for row, metrics in rows.items()}
        for angle, rows in describe_by_angle(scores).items()
    }
    by_angle = {"head_angles": angles} if angles else {}
    return {**scores.facts, "notes": scores.notes, "groups": groups, "reasons": reasons, **by_angle}


def round_statistics(statistics: Statistics) -> dict[str, Any]:
    """Give statistics as a dictionary with four digits."""
    return {
        name: round(value, 4) + 0.0 if isinstance(value, float) else value
        for name, value in statistics._asdict().items()
    }


def make_lines(records: list[dict[str, Any]]) -> str:
    """Write records as JSON Lines."""
    return "".join(json.dumps(record, allow_nan=False, ensure_ascii=False) + "\n" for record in records)


def make_table(scores: Scores, heading: str, details: bool = True) -> str:
    """Write scores as text: the means of all rows; with details the statistics of the thesis and each speaker's means.

    The statistics of a metric that is alone are no detail.
    """
    summary = scores.summary()
    overall = summary[ALL]
    width = max((len(title_of(name)) for name in overall), default=0) + 2
    lines, notes = [heading, _count(scores, overall)], [*scores.notes, *_say_missing(scores)]
    if len(scores.metrics) > 1:
        lines += ["", *_overview(scores, overall), *angle_lines(scores)]
        if not details:
            return "\n".join([*lines, *([""] if notes else []), *notes])
    for metric in scores.metrics:
        names = [name for name in overall if metric.name in overall[name]]
        if not names:
            continue
        lines += ["", f"{title_of_metric(metric)}; better: {say_better(metric)}"]
        lines += [" " * width + "".join(f"{column:>{_width(column)}}" for column in _COLUMNS)]
        lines += [_line(title_of(name), overall[name][metric.name], width, metric.digits) for name in names]
    if details and len(summary) > 1:
        lines += ["", *_speaker_lines(scores, summary)]
    return "\n".join([*lines, "", f"interval: {INTERVAL}", *notes])


def _count(scores: Scores, overall: dict[str, dict[str, Statistics]]) -> str:
    frames = max((figures.frames for metrics in overall.values() for figures in metrics.values()), default=0)
    clips = len(scores.clip_names)
    if not frames:
        return f"{clips} clips"
    counted = f"{frames} frames" if frames > 1 else "1 frame"
    return f"{counted} of {clips} clips" if clips > 1 else counted


def _overview(scores: Scores, overall: dict[str, dict[str, Statistics]]) -> list[str]:
    """Make the table of the means: a line a metric, a column a row."""
    width = max(len(title_of_metric(metric)) for metric in scores.metrics) + 2
    heads = {row: max(len(title_of(row)), 10) + 2 for row in scores.rows}
    lines = [f"{'means':<{width}}{'better':<16}" + "".join(f"{title_of(row):>{size}}" for row, size in heads.items())]
    for metric in scores.metrics:
        cells = []
        for row, size in heads.items():
            figures = overall.get(row, {}).get(metric.name)
            value = "null" if (row, metric.name) in scores.missing else ""
            if figures is not None:
                value = f"{round(figures.mean, metric.digits) + 0.0:.{metric.digits}f}"
            cells.append(f"{value:>{size}}")
        lines.append(f"{title_of_metric(metric):<{width}}{say_better(metric):<16}{''.join(cells)}".rstrip())
    return lines


def _line(title: str, statistics: Statistics, width: int, digits: int) -> str:
    sign = "+" if " - " in title else ""

    def number(value: float | None) -> str:
        return "" if value is None else f"{round(value, digits) + 0.0:{sign}.{digits}f}"  # no minus before zero

    interval = "" if statistics.low is None else f"{number(statistics.low)} .. {number(statistics.high)}"
    figures = (statistics.median, statistics.max, statistics.min)
    cells = (number(statistics.mean), interval, *(number(value) for value in figures))
    padded = (f"{cell:>{_width(column)}}" for cell, column in zip(cells, _COLUMNS, strict=True))
    return (f"  {title:<{width - 2}}" + "".join(padded)).rstrip()


def _width(column: str) -> int:
    return 20 if column == "95 % interval" else 10


def _speaker_lines(scores: Scores, summary: dict[str, dict[str, dict[str, Statistics]]]) -> list[str]:
    """Make the means of each speaker: the first row's of every metric, in as many blocks as the width asks for."""
    first = next(iter(scores.rows))
    metrics = [metric for metric in scores.metrics if metric.name in summary[ALL].get(first, {})]
    columns = [(title_of_metric(metric), first, metric) for metric in metrics]
    columns += [
        (title_of(f"{one} - {other}"), f"{one} - {other}", metrics[0])
        for one, other in scores.differences
        if metrics and metrics[0].name in summary[ALL].get(f"{one} - {other}", {})
    ]
    if not columns:
        return []
    lines = [f"Means of each speaker, row {title_of(first)}; differences are of the {title_of_metric(metrics[0])}"]
    width = max(len(group) for group in summary) + 2
    counts = {group: int(mask.sum()) for group, mask in scores.groups().items()}
    for block in _blocks(columns, _WIDEST - width - 7):
        heads = [f"{title:>{len(title) + 3}}" for title, _, _ in block]
        lines += ["", " " * width + "  clips" + "".join(heads)]
        for group, names in summary.items():
            cells = []
            for head, (_, name, metric) in zip(heads, block, strict=True):
                sign = "+" if " - " in name else ""
                figures = names.get(name, {}).get(metric.name)
                value = (
                    "null" if figures is None else f"{round(figures.mean, metric.digits) + 0.0:{sign}.{metric.digits}f}"
                )
                cells.append(f"{value:>{len(head)}}")
            lines.append(f"{group:<{width}}{counts[group]:>7}" + "".join(cells))
    return lines


def _blocks(columns: list[tuple[str, str, Metric]], width: int) -> Iterator[list[tuple[str, str, Metric]]]:
    ends = np.cumsum([len(title) + 3 for title, _, _ in columns])
    first = 0
    while first < len(columns):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + width, "right")))
        yield columns[first:last]
        first = last


def _say_missing(scores: Scores) -> list[str]:
    """Say what could not be computed, once for each reason and metric."""
    rows: dict[tuple[str, str, int], list[str]] = {}
    for (row, metric), reasons in scores.missing.items():
        for reason, clips in reasons.items():
            rows.setdefault((reason, metric, len(clips)), []).append(title_of(row))
    alike: dict[tuple[str, int, tuple[str, ...]], list[str]] = {}
    for (reason, metric, count), of in rows.items():
        alike.setdefault((reason, count, tuple(of)), []).append(metric)
    total = len(scores.clip_names)
    return [
        f"null in {count} of {total} clips, {', '.join(of)}: {', '.join(metrics)}: {reason}"
        for (reason, count, of), metrics in alike.items()
    ]
