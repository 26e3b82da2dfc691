"""What a protocol measures: one figure for each row, metric and frame, and what they come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

MODEL, COPY, WRONG, TRUTH = "model", "copy", "wrong_audio", "ground_truth"
OUTPUT = "output"
METRICS = ("mouth_psnr", "mouth_ssim", "crop_psnr", "crop_ssim", "frame_psnr", "frame_ssim")  # in the order of reports
ALL = "all"

_RESAMPLES = 2000


class Statistics(NamedTuple):
    """What the figures of many frames come to, as in the thesis's tables.

    Attributes
    ----------
    frames, clips : how many there are
    mean, median, max, min : over frames
    low, high : the mean's 95 % confidence interval over clips; None if there is one clip only
    """

    frames: int
    clips: int
    mean: float
    median: float
    max: float
    min: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Scores:
    """The figures of every frame that was scored.

    Attributes
    ----------
    rows : row ("model", "copy", ...) -> metric ("mouth_psnr", ...) -> shape (n,)
    clip : shape (n,), the clip of each frame, as an index into the two lists
    clip_names, speakers : one a clip
    frame : shape (n,), frame number within the clip
    differences : pairs of rows whose difference says something
    facts : what was compared with what, JSON-able
    notes : what a reader of the figures must know, in words
    """

    rows: dict[str, dict[str, np.ndarray]]
    clip: np.ndarray
    clip_names: list[str]
    speakers: list[str]
    frame: np.ndarray
    differences: tuple[tuple[str, str], ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def metrics(self) -> list[str]:
        """The metrics that every row has, in the order of reports."""
        return [metric for metric in METRICS if metric in next(iter(self.rows.values()))]

    @property
    def series(self) -> dict[str, dict[str, np.ndarray]]:
        """The rows, and the differences as "model - copy", frame by frame."""
        differences = {
            f"{one} - {other}": {metric: self.rows[one][metric] - self.rows[other][metric] for metric in self.rows[one]}
            for one, other in self.differences
        }
        return self.rows | differences

    def groups(self) -> dict[str, np.ndarray]:
        """Which frames are in each group: all of them, and each speaker's if there are several. Masks of shape (n,)."""
        masks = {ALL: np.ones(len(self.clip), bool)}
        names = sorted(set(self.speakers))
        if len(names) > 1:
            speaker_of = np.array(self.speakers)[self.clip]
            masks |= {name: speaker_of == name for name in names}
        return masks

    def summary(self) -> dict[str, dict[str, dict[str, Statistics]]]:
        """Group -> row or difference -> metric -> statistics."""
        return {
            group: {
                name: {metric: describe(values[metric][mask], self.clip[mask]) for metric in self.metrics}
                for name, values in self.series.items()
            }
            for group, mask in self.groups().items()
        }

    def clip_means(self) -> Iterator[dict[str, Any]]:
        """For each clip and row: the clip's name and speaker, the number of frames, and the mean of each metric."""
        for index, (name, speaker) in enumerate(zip(self.clip_names, self.speakers, strict=True)):
            mask = self.clip == index
            for row, values in self.rows.items():
                means = {metric: round(float(values[metric][mask].mean()), 4) for metric in self.metrics}
                yield {"clip": name, "speaker": speaker, "row": row, "frames": int(mask.sum()), **means}


def describe(values: np.ndarray, clips: np.ndarray, seed: int = 0) -> Statistics:
    """Reduce the figures of frames to statistics.

    Parameters
    ----------
    values : shape (n,), one a frame
    clips : shape (n,), the clip each frame is from
    seed : of the bootstrap

    Notes
    -----
    Frames of one clip are alike, so the confidence interval of the mean comes from drawing whole clips with
    replacement (cluster bootstrap, percentile method, 2000 times).
    """
    _, where = np.unique(clips, return_inverse=True)
    counts = np.bincount(where)
    low = high = None
    if len(counts) > 1:
        sums = np.bincount(where, values)
        drawn = np.random.default_rng(seed).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), _RESAMPLES)
        low, high = (float(edge) for edge in np.percentile(drawn @ sums / (drawn @ counts), (2.5, 97.5)))
    return Statistics(
        len(values),
        len(counts),
        float(values.mean()),
        float(np.median(values)),
        float(values.max()),
        float(values.min()),
        low,
        high,
    )
