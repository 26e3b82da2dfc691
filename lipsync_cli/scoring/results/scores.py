"""What a protocol measures: a figure for each row, metric and frame (or clip, or set), and what they come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from lipsync_cli.metrics.metric import Metric

ALL = "all"

_RESAMPLES = 2000


class Statistics(NamedTuple):
    """What the figures of many frames or clips come to, as in the thesis's tables.

    Attributes
    ----------
    frames, clips : how many figures there are of frames (0 where one figure is of a clip), and from how many clips
    mean, median, max, min : over the figures; of a set's one figure only the mean
    low, high : the mean's 95 % confidence interval over clips; None if there is one clip only, or one figure for a set
    """

    frames: int
    clips: int
    mean: float
    median: float | None = None
    max: float | None = None
    min: float | None = None
    low: float | None = None
    high: float | None = None


class Series(NamedTuple):
    """The figures of one metric in one row.

    Attributes
    ----------
    values : shape (k,), finite
    clip : shape (k,), the clip each is of, as an index
    frame : shape (k,), frame number within the clip; None: one figure a clip
    """

    values: np.ndarray
    clip: np.ndarray
    frame: np.ndarray | None = None

    def part(self, clips: np.ndarray) -> Series:
        """Give the figures of some clips; `clips` is a mask over clips."""
        keep = clips[self.clip]
        return Series(self.values[keep], self.clip[keep], None if self.frame is None else self.frame[keep])

    def minus(self, other: Series) -> Series:
        """Subtract figure by figure, where both have one."""
        _, mine, theirs = np.intersect1d(self.keys(), other.keys(), assume_unique=True, return_indices=True)
        frame = None if self.frame is None else self.frame[mine]
        return Series(self.values[mine] - other.values[theirs], self.clip[mine], frame)

    def keys(self) -> np.ndarray:
        """Return a number for each figure that tells its clip and frame, shape (k,), int64."""
        return self.clip * (1 << 32) + (0 if self.frame is None else self.frame)


@dataclass(frozen=True)
class Scores:
    """The figures of everything that was scored.

    Attributes
    ----------
    metrics : those that were wanted, in the order of reports
    rows : row ("model", "copy", ...) -> metric ("mouth_psnr", ...) -> figures; what is null is not there
    sets : row -> metric -> group -> its one figure, for metrics of sets
    missing : (row, metric) -> reason -> indices of the clips in which it could not be computed
    clip_names, speakers : one a clip
    differences : pairs of rows whose difference says something
    facts : what was compared with what, JSON-able
    notes : what a reader of the figures must know, in words
    """

    metrics: list[Metric]
    rows: dict[str, dict[str, Series]]
    clip_names: list[str]
    speakers: list[str]
    sets: dict[str, dict[str, dict[str, Statistics]]] = field(default_factory=dict)
    missing: dict[tuple[str, str], dict[str, list[int]]] = field(default_factory=dict)
    differences: tuple[tuple[str, str], ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def series(self) -> dict[str, dict[str, Series]]:
        """The rows, and the differences as "model - copy", figure by figure."""
        differences = {}
        for one, other in self.differences:
            mine, theirs = self.rows.get(one, {}), self.rows.get(other, {})
            pairs = {metric: mine[metric].minus(theirs[metric]) for metric in mine if metric in theirs}
            if pairs := {metric: series for metric, series in pairs.items() if len(series.values)}:
                differences[f"{one} - {other}"] = pairs
        return self.rows | differences

    def groups(self) -> dict[str, np.ndarray]:
        """Which clips are in each group: all of them, and each speaker's if there are several. Masks over clips."""
        return make_groups(self.speakers)

    def summary(self) -> dict[str, dict[str, dict[str, Statistics]]]:
        """Group -> row or difference -> metric -> statistics, for what could be computed."""
        summary: dict[str, dict[str, dict[str, Statistics]]] = {}
        series = self.series
        for group, mask in self.groups().items():
            names = summary[group] = {}
            for name in [*series, *(row for row in self.sets if row not in series)]:
                parts = {metric: one.part(mask) for metric, one in series.get(name, {}).items()}
                found = {metric: describe(part) for metric, part in parts.items() if len(part.values)}
                found |= {m: of[group] for m, of in self.sets.get(name, {}).items() if group in of}
                order = [metric.name for metric in self.metrics]
                names[name] = {metric: found[metric] for metric in sorted(found, key=order.index)}
        return summary

    def clip_means(self) -> Iterator[dict[str, Any]]:
        """For each clip and row: its name and speaker, the frames that have a figure, the mean of each metric or null.

        Where there are nulls, "reasons" says why, metric by metric.
        """
        for index, (name, speaker) in enumerate(zip(self.clip_names, self.speakers, strict=True)):
            for row, metrics in self.rows.items():
                reasons = self._reasons(row, index)
                means: dict[str, Any] = {}
                frames = 0
                for metric in self.metrics:
                    if metric.name in metrics:
                        series = metrics[metric.name]
                        values = series.values[series.clip == index]
                        frames = max(frames, len(values) if series.frame is not None else 0)
                        if len(values):
                            means[metric.name] = round(float(values.mean()), 4)
                    if metric.name in reasons:
                        means.setdefault(metric.name, None)
                about = {"clip": name, "speaker": speaker, "row": row, "frames": frames}
                nulls = {metric: reason for metric, reason in reasons.items() if means[metric] is None}
                yield about | means | ({"reasons": nulls} if nulls else {})

    def _reasons(self, row: str, clip: int) -> dict[str, str]:
        found = {}
        for metric in self.metrics:
            for reason, clips in self.missing.get((row, metric.name), {}).items():
                if clip in clips:
                    found[metric.name] = reason
        return found


def make_groups(speakers: list[str]) -> dict[str, np.ndarray]:
    """Name the groups: all clips, and each speaker's if there are several; masks over clips."""
    groups = {ALL: np.ones(len(speakers), bool)}
    if len(names := sorted(set(speakers))) > 1:
        groups |= {name: np.array(speakers) == name for name in names}
    return groups


def describe(series: Series, seed: int = 0) -> Statistics:
    """Reduce figures to statistics.

    Parameters
    ----------
    seed : of the bootstrap

    Notes
    -----
    Frames of one clip are alike, so the confidence interval of the mean comes from drawing whole clips with
    replacement (cluster bootstrap, percentile method, 2000 times).
    """
    values = series.values
    _, where = np.unique(series.clip, return_inverse=True)
    counts = np.bincount(where)
    low = high = None
    if len(counts) > 1:
        sums = np.bincount(where, values)
        drawn = np.random.default_rng(seed).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), _RESAMPLES)
        low, high = (float(edge) for edge in np.percentile(drawn @ sums / (drawn @ counts), (2.5, 97.5)))
    return Statistics(
        0 if series.frame is None else len(values),
        len(counts),
        float(values.mean()),
        float(np.median(values)),
        float(values.max()),
        float(values.min()),
        low,
        high,
    )
