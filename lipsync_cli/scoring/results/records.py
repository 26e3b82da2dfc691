"""Scores read back from the JSON Lines that `lipsync score` writes, for reports and comparisons."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from lipsync_cli.errors import InputError
from lipsync_cli.metrics.baselines import MODEL, OUTPUT, ROWS
from lipsync_cli.metrics.metric import CLIP, FRAME, HIGHER, LOWER, NEAR, SET, Metric
from lipsync_cli.runtime.json_values import parse_json
from lipsync_cli.runtime.run_inputs import read_input
from lipsync_cli.scoring.results.scores import ALL, Statistics

Key = tuple[str, str]  # speaker, clip

_AGAIN = "score again with this version"
_MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class Figures:
    """What one metric says of one clip in one row.

    Attributes
    ----------
    values : shape (k,), finite
    frame : shape (k,), frame numbers within the clip, ascending; None: one figure for the whole clip
    """

    values: np.ndarray
    frame: np.ndarray | None = None


@dataclass
class Results:
    """The scores of one model or of one set of videos.

    Attributes
    ----------
    label : what a reader calls them
    protocol : what was compared with what
    metrics : in the order of reports
    rows : name -> title
    summary : group -> row or difference -> metric -> statistics
    figures : row -> metric -> clip -> figures
    clips : clips that were scored, in order
    reasons : row -> metric -> why there is no figure
    path : where they are from, for messages; None: they were not read from a file
    """

    label: str
    protocol: dict[str, Any]
    metrics: dict[str, Metric]
    rows: dict[str, str]
    summary: dict[str, dict[str, dict[str, Statistics]]] = field(default_factory=dict)
    figures: dict[str, dict[str, dict[Key, Figures]]] = field(default_factory=dict)
    clips: list[Key] = field(default_factory=list)
    reasons: dict[str, dict[str, str]] = field(default_factory=dict)
    path: Path | None = None

    @property
    def scored_row(self) -> str:
        """The row that is scored."""
        return OUTPUT if OUTPUT in self.rows else MODEL

    @property
    def overall(self) -> dict[str, dict[str, Statistics]]:
        """Row or difference -> metric -> statistics, of all clips."""
        return self.summary.get(ALL, {})


def read_results(path: Path) -> Results:
    """Read a JSON Lines file that `lipsync score` wrote, or the one in a folder that it wrote.

    Its label is the file's name, for `scores.jsonl` the folder's, and for `RUN/scores/scores.jsonl` the run's.

    Raises
    ------
    InputError : missing, not of this kind, damaged, or of an older version
    """
    path = path / "scores.jsonl" if path.is_dir() else path
    try:
        text = read_input(path, _MAX_BYTES).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, "give a file that lipsync score wrote") from error
    except UnicodeDecodeError as error:
        raise InputError("is no JSON Lines file", path, "give a file that lipsync score wrote") from error
    records = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            records.append(_parse(line, number, path))
    return make_results(records, _find_label(path), path)


def _find_label(path: Path) -> str:
    if path.name != "scores.jsonl":
        return path.stem
    folder = path.resolve().parent
    return folder.parent.name if folder.name == "scores" and folder.parent.name else folder.name


def make_results(records: Iterable[dict[str, Any]], label: str, path: Path | None = None) -> Results:
    """Make results of records as `text_table.make_records` gives them.

    Parameters
    ----------
    path : where they are from, for messages
    """
    records = list(records)
    if not records or records[0].get("kind") != "protocol":
        raise InputError("holds no scores", path, "give a file that lipsync score wrote")
    protocol = records[0]
    if not (isinstance(protocol.get("metrics"), dict) and isinstance(protocol.get("rows"), dict)):
        raise InputError("was written by an older lipsync", path, _AGAIN)
    try:
        metrics = {str(name): _make_metric(name, about) for name, about in protocol["metrics"].items()}
        rows = {row: str(protocol["rows"][row]) for row in ROWS if row in protocol["rows"]}
        results = Results(label, protocol, metrics, rows, path=path)
        for record in records[1:]:
            _ADD[record["kind"]](results, record)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise InputError(f"holds scores of another form ({error!r})", path, _AGAIN) from error
    if results.scored_row not in rows:
        raise InputError("holds no row that is scored", path, _AGAIN)
    return results


def relabel(results: list[Results]) -> list[Results]:
    """Append a number to labels that occur twice."""
    labels = [one.label for one in results]
    for place, one in enumerate(results):
        if labels.count(one.label) > 1:
            one.label = f"{one.label} ({labels[: place + 1].count(one.label)})"
    return results


def _parse(line: str, number: int, path: Path) -> dict[str, Any]:
    hint = "give a file that lipsync score wrote"
    record = parse_json(line, path, hint, f"line {number}", allows_nan=False)
    if not isinstance(record, dict):
        raise InputError(f"line {number} is no record", path, "give a file that lipsync score wrote")
    return record


def _make_metric(name: str, about: dict[str, Any]) -> Metric:
    known = {each.name for each in fields(Metric)}
    metric = Metric(name, **{key: value for key, value in about.items() if key in known and key != "name"})
    texts = (metric.title, metric.group, metric.unit, metric.definition, metric.source)
    digits, target = metric.digits, metric.target
    if not (
        all(isinstance(text, str) for text in texts)
        and metric.per in (FRAME, CLIP, SET)
        and metric.direction in (HIGHER, LOWER, NEAR)
        and isinstance(digits, int)
        and 0 <= digits <= 12
        and (target is None or _is_number(target))
    ):
        raise ValueError(name)
    return metric


def _add_summary(results: Results, record: dict[str, Any]) -> None:
    row, metric = str(record["row"]), str(record["metric"])
    if metric not in results.metrics:
        raise ValueError(metric)
    if record["mean"] is None:
        results.reasons.setdefault(row, {})[metric] = str(record.get("reason", ""))
        return
    values = {name: record.get(name) for name in Statistics._fields}
    if not all(value is None or _is_number(value) for value in values.values()):
        raise ValueError(metric)
    of_row = results.summary.setdefault(str(record["group"]), {}).setdefault(row, {})
    of_row[metric] = Statistics(**values)  # type: ignore[arg-type]


def _add_clip(results: Results, record: dict[str, Any]) -> None:
    key = _key(record)
    if key not in results.clips:
        results.clips.append(key)
    for name, metric in results.metrics.items():
        if metric.per == CLIP and record.get(name) is not None:
            _keep(results, record, name, Figures(_make_array([record[name]])))


def _add_frames(results: Results, record: dict[str, Any]) -> None:
    frame = np.array(record["frame"], np.int64)
    for name, metric in results.metrics.items():
        if metric.per != FRAME or name not in record:
            continue
        there = np.array([value is not None for value in record[name]], bool)
        values = _make_array([value for value in record[name] if value is not None])
        if there.shape != frame.shape:
            raise ValueError(name)
        _keep(results, record, name, Figures(values, frame[there]))


def _pass_over(results: Results, record: dict[str, Any]) -> None:
    """Take nothing of a record: its figures follow from those of the frames."""


_ADD = {"summary": _add_summary, "head_angle": _pass_over, "clip": _add_clip, "frames": _add_frames}


def _keep(results: Results, record: dict[str, Any], metric: str, figures: Figures) -> None:
    if len(figures.values):
        results.figures.setdefault(str(record["row"]), {}).setdefault(metric, {})[_key(record)] = figures


def _key(record: dict[str, Any]) -> Key:
    return str(record["speaker"]), str(record["clip"])


def _make_array(values: list[Any]) -> np.ndarray:
    if not all(_is_number(value) for value in values):
        raise ValueError("a figure is no number")
    return np.array(values, np.float64)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
