"""Which differences between two models exceed the noise: a paired bootstrap over the clips that both have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lipsync_cli.errors import InputError, NothingToDoError, naming
from lipsync_cli.metrics.baselines import MISMATCHED, TRUTH
from lipsync_cli.metrics.metric import HIGHER, LOWER, SET, Metric
from lipsync_cli.scoring.results.records import Figures, Key, Results

BETTER, WORSE, DIFFERENT, WITHIN = "better", "worse", "different", "within the noise"
UNKNOWN, NEGLIGIBLE = "noise unknown", "negligible"
_NEGLIGIBLE = "negligible: beyond the noise, and no more than one unit of the last digit that is shown"
FEW_CLIPS = 10
_RESAMPLES = 10_000
# What must agree before figures are comparable; of videos, the real ones are compared clip by clip.
_SAME = (
    "fingerprint",
    "split",
    "seed",
    "max_frames",
    "min_gap_frames",
    "crop_size",
    "mouth_rows_columns",
    "reference_sha256",
)


class Difference(NamedTuple):
    """What the second model does differently from the first.

    Attributes
    ----------
    row : the row that is compared, or "model - wrong_audio": what the right sound is worth
    metric : name
    clips, frames : that both have; frames 0 where one figure is of a clip
    first, second : means
    difference : second - first
    low, high : its 95 % interval; None where there is none
    verdict : better, worse, different, within the noise, negligible (one unit of the last digit that is shown, or
        less), or noise unknown
    """

    row: str
    metric: str
    clips: int
    frames: int
    first: float
    second: float
    difference: float
    low: float | None
    high: float | None
    verdict: str


def check_comparable(first: Results, second: Results) -> None:
    """Raise InputError, naming both values, if two scores are of other clips or of another protocol."""
    for name in _SAME:
        mine, theirs = first.protocol.get(name), second.protocol.get(name)
        if mine != theirs:
            fact = f"the {name} is {_shorten(mine)} in {first.label} and {_shorten(theirs)} in {second.label}"
            raise InputError(fact, hint="only scores of one protocol over the same clips are compared")
    if first.scored_row != second.scored_row:
        fact = f"{first.label} holds the row {first.scored_row}, {second.label} the row {second.scored_row}"
        raise InputError(fact, hint="score both in the same way")
    for name, metric in first.metrics.items():
        other = second.metrics.get(name)
        if other is not None and (metric.definition, metric.unit) != (other.definition, other.unit):
            raise InputError(f"{first.label} and {second.label} define {name} differently", hint="score both again")
    _check_tools(first, second)
    _check_files(first, second)


def compare(first: Results, second: Results, seed: int = 0) -> list[Difference]:
    """Compare two models metric by metric.

    Parameters
    ----------
    seed : of the bootstrap

    Raises
    ------
    InputError : as `check_comparable`
    NothingToDoError : they have no clip in common

    Notes
    -----
    Frame by frame (or clip by clip) the second's figure minus the first's, where both have one. Whole clips are drawn
    with replacement 10,000 times, because frames of one clip are alike; the interval is the middle 95 % of the means
    (Efron and Tibshirani 1993, chapters 8 and 13). A difference exceeds the noise if its interval does not hold 0.
    """
    with naming(second.path):
        check_comparable(first, second)
        if not set(_names(first).values()) & set(_names(second).values()):
            raise NothingToDoError(f"{first.label} and {second.label} have no clip in common")
    found = [*_compare_rows(first, second, seed), *_compare_sets(first, second)]
    order = list(first.metrics)
    return sorted(found, key=lambda one: (" - " in one.row, order.index(one.metric)))


def count_chances(differences: list[Difference]) -> float:
    """Tell how many of the comparisons would exceed the noise by chance if the models were alike."""
    return 0.05 * sum(one.low is not None for one in differences)


def _compare_rows(first: Results, second: Results, seed: int) -> Iterator[Difference]:
    row = first.scored_row
    for name, metric in first.metrics.items():
        if metric.per == SET or name not in second.metrics:
            continue
        mine, theirs = (_find(one, row, name) for one in (first, second))
        if (one := _compare_figures(row, metric, mine, theirs, first, seed)) is not None:
            yield one
        mine, theirs = (_subtract(_find(one, row, name), _find(one, MISMATCHED, name)) for one in (first, second))
        if (one := _compare_figures(f"{row} - {MISMATCHED}", metric, mine, theirs, first, seed)) is not None:
            yield one


def _find(results: Results, row: str, metric: str) -> dict[Key, Figures]:
    names = _names(results)
    return {names[key]: figures for key, figures in results.figures.get(row, {}).get(metric, {}).items()}


def _names(results: Results) -> dict[Key, Key]:
    """Name the clips so that they can be found again: single videos of two models have names of their own."""
    if "output_sha256" not in results.protocol:
        return {key: key for key in results.clips}
    return {key: ("", str(place)) for place, key in enumerate(results.clips)}


def _compare_figures(
    row: str, metric: Metric, mine: dict[Key, Figures], theirs: dict[Key, Figures], results: Results, seed: int
) -> Difference | None:
    pairs = [pair for key in mine if key in theirs and (pair := _match(mine[key], theirs[key])) is not None]
    if not pairs:
        return None
    counts = np.array([len(one) for one, _ in pairs])
    sums = np.array([(one.sum(), other.sum()) for one, other in pairs])
    means = sums.sum(0) / counts.sum()
    low = high = None
    verdict = UNKNOWN
    if len(pairs) > 1:
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(len(pairs), np.full(len(pairs), 1 / len(pairs)), _RESAMPLES)
        resampled = drawn @ (sums[:, 1] - sums[:, 0]) / (drawn @ counts)
        low, high = (float(edge) for edge in np.percentile(resampled, (2.5, 97.5)))
        target = None if " - " in row else _find_target(metric, results, list(mine))
        verdict = _decide(metric, row, float(means[0]), float(means[1]), low, high, target=target)
    is_of_frames = next(iter(mine.values())).frame is not None
    return Difference(
        row,
        metric.name,
        len(pairs),
        int(counts.sum()) if is_of_frames else 0,
        float(means[0]),
        float(means[1]),
        float(means[1] - means[0]),
        low,
        high,
        verdict,
    )


def _compare_sets(first: Results, second: Results) -> Iterator[Difference]:
    row = first.scored_row
    for name, metric in first.metrics.items():
        found = [one.overall.get(row, {}).get(name) for one in (first, second)]
        if metric.per == SET and found[0] is not None and found[1] is not None:
            mean, other = found[0].mean, found[1].mean
            clips = min(found[0].clips, found[1].clips)
            yield Difference(row, name, clips, 0, mean, other, other - mean, None, None, UNKNOWN)


def _match(mine: Figures, theirs: Figures) -> tuple[np.ndarray, np.ndarray] | None:
    """Give the figures of the frames that both have, side by side; None if there are none."""
    if mine.frame is None or theirs.frame is None:
        return (mine.values, theirs.values) if mine.frame is None and theirs.frame is None else None
    _, here, there = np.intersect1d(mine.frame, theirs.frame, return_indices=True)
    return (mine.values[here], theirs.values[there]) if len(here) else None


def _subtract(mine: dict[Key, Figures], theirs: dict[Key, Figures]) -> dict[Key, Figures]:
    gains = {}
    for key in mine:
        if key not in theirs:
            continue
        one, other = mine[key], theirs[key]
        if one.frame is None or other.frame is None:
            gains[key] = Figures(one.values - other.values)
            continue
        frame, here, there = np.intersect1d(one.frame, other.frame, return_indices=True)
        if len(frame):
            gains[key] = Figures(one.values[here] - other.values[there], frame)
    return gains


def _find_target(metric: Metric, results: Results, keys: list[Key]) -> float | None:
    """Give the value that a metric should be near: its own, or the ground truth's."""
    if metric.direction in (HIGHER, LOWER) or metric.target is not None:
        return metric.target
    real = _find(results, TRUTH, metric.name)
    values = [real[key].values for key in keys if key in real]
    return float(np.concatenate(values).mean()) if values else None


def _decide(
    metric: Metric, row: str, first: float, second: float, low: float, high: float, *, target: float | None
) -> str:
    if low <= 0 <= high:
        return WITHIN
    if abs(second - first) < 1.5 * 10.0**-metric.digits:  # shown as no more than one unit of the last digit
        return NEGLIGIBLE
    if metric.direction == HIGHER:
        return BETTER if low > 0 else WORSE
    if metric.direction == LOWER:
        return BETTER if high < 0 else WORSE
    if target is None or (first - target) * (second - target) < 0:  # on both sides of it: which is nearer is not tested
        return DIFFERENT
    return BETTER if abs(second - target) < abs(first - target) else WORSE


def _check_tools(first: Results, second: Results) -> None:
    mine, theirs = (
        {name: _sha(tool) for name, tool in _dict(one.protocol.get("tools")).items()} for one in (first, second)
    )
    for name in mine:
        if name in theirs and mine[name] != theirs[name]:
            raise InputError(
                f"the {name} is {_shorten(mine[name])} in {first.label} and {_shorten(theirs[name])} in {second.label}",
                hint="score both with one",
            )


def _check_files(first: Results, second: Results) -> None:
    """Look whether videos of one name in two folders were compared with the same real ones."""
    mine, theirs = (
        {Path(str(each["output"])).stem: each.get("reference_sha256") for each in one.protocol.get("files") or []}
        for one in (first, second)
    )
    for name in mine:
        if name in theirs and mine[name] != theirs[name]:
            raise InputError(
                f"{name} was compared with different real videos in {first.label} and {second.label}",
                hint="score both with one --reference folder",
            )


def _sha(tool: Any) -> Any:
    return _dict(tool).get("sha256", tool)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _shorten(value: Any) -> str:
    text = "not given" if value is None else str(value)
    return f"{text[:12]}..." if len(text) > 40 else text


def describe_comparison(first: Results, second: Results, differences: list[Difference]) -> dict[str, Any]:
    """Give a comparison as a JSON-able dictionary."""
    lines = [
        {name: round(value, 6) if isinstance(value, float) else value for name, value in one._asdict().items()}
        for one in differences
    ]
    chance = round(count_chances(differences), 2)
    return {"first": first.label, "second": second.label, "expected_by_chance": chance, "differences": lines}


def make_comparison(first: Results, second: Results, differences: list[Difference]) -> str:
    """Write a comparison as a text table."""
    titles = {
        name: f"{metric.title} ({metric.unit})" if metric.unit else metric.title
        for name, metric in first.metrics.items()
    }
    names = [one.label if len(one.label) <= 20 else one.label[:19] + "…" for one in (first, second)]
    width = max(len(titles[one.metric]) for one in differences) + 2
    columns = [max(10, len(name) + 2) for name in names]
    most = max(differences, key=lambda one: (one.frames, one.clips))
    frames = f"{most.frames} frames of " if most.frames else ""
    lines = [f"{second.label} against {first.label}, {frames}{most.clips} clips that both have"]
    for row in dict.fromkeys(one.row for one in differences):
        title = " - ".join(first.rows.get(name, name) for name in row.split(" - "))
        heads = "".join(f"{name:>{column}}" for name, column in zip(names, columns, strict=True))
        lines += ["", f"{title:<{width}}{heads}{'difference':>12}{'95 % interval':>24}   {names[1]} is"]
        for one in (one for one in differences if one.row == row):
            digits, sign = first.metrics[one.metric].digits, "+" if " - " in row else ""
            means = (f"{round(value, digits) + 0.0:{sign}.{digits}f}" for value in (one.first, one.second))
            cells = "".join(f"{mean:>{column}}" for mean, column in zip(means, columns, strict=True))
            interval = ""
            if one.low is not None and one.high is not None:
                interval = " .. ".join(f"{round(edge, digits) + 0.0:+.{digits}f}" for edge in (one.low, one.high))
            change = f"{round(one.difference, digits) + 0.0:+.{digits}f}"
            lines.append(f"{titles[one.metric]:<{width}}{cells}{change:>12}{interval:>24}   {one.verdict}")
    lines += [
        "",
        f"interval: paired bootstrap, {_RESAMPLES} draws of whole clips; within the noise: the interval holds 0",
        *([_NEGLIGIBLE] if any(one.verdict == NEGLIGIBLE for one in differences) else []),
    ]
    tested = sum(one.low is not None for one in differences)
    if tested:
        lines.append(
            f"were the two alike, {count_chances(differences):.1f} of these {tested} lines would stand out by chance"
        )
    if most.clips < FEW_CLIPS:
        lines.append(f"{most.clips} clips are few: intervals of fewer than {FEW_CLIPS} clips come out too narrow")
    return "\n".join(lines)
