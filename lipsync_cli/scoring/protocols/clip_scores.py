"""One clip before the metrics: every family is asked about every row that concerns it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.metrics.baselines import COPY, FROZEN, OTHER_SOUND
from lipsync_cli.metrics.metric import FRAME, SET
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.runtime.json_values import check_type, parse_json

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView, FrameView
    from lipsync_cli.metrics.metric import Figure, Metric, MetricGroup

Key = tuple[str, str]  # row, metric
_PLAIN: dict[str, Any] = {
    "clip": str,
    "speaker": str,
    "clips": list[tuple[str, str, Any]],
    "reasons": list[tuple[str, str, str]],
    "notes": list[str],
    "used": dict[str, Any],
}  # what is kept beside the arrays


@dataclass
class ClipScores:
    """What the metrics say about one clip.

    Attributes
    ----------
    clip, speaker : names
    frames : FRAME metrics: numbers of the frames that have a figure, and the figures; both of shape (k,)
    clips : CLIP metrics: the figure
    features : SET metrics: shape (n, D)
    reasons : why there is none
    notes : what a reader of the figures must know, in words
    used : networks that were used, JSON-able
    """

    clip: str
    speaker: str
    frames: dict[Key, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    clips: dict[Key, float] = field(default_factory=dict)
    features: dict[Key, np.ndarray] = field(default_factory=dict)
    reasons: dict[Key, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    used: dict[str, Any] = field(default_factory=dict)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Give everything as named arrays, for a file."""
        arrays = {}
        for (row, metric), (numbers, values) in self.frames.items():
            arrays[f"number/{row}/{metric}"], arrays[f"value/{row}/{metric}"] = numbers, values
        for (row, metric), features in self.features.items():
            arrays[f"features/{row}/{metric}"] = features
        plain = {
            "clip": self.clip,
            "speaker": self.speaker,
            "clips": [[*key, value] for key, value in self.clips.items()],
            "reasons": [[*key, reason] for key, reason in self.reasons.items()],
            "notes": self.notes,
            "used": self.used,
        }
        return arrays | {"plain": np.array(json.dumps(plain))}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> ClipScores:
        """Make it from what `to_arrays` gave.

        Raises
        ------
        InputError, KeyError : it is something else
        """
        plain = check_type(parse_json(str(arrays["plain"])), dict[str, Any], "it")
        of = {name: check_type(plain[name], kind, name) for name, kind in _PLAIN.items()}
        clip_scores = cls(of["clip"], of["speaker"], notes=of["notes"], used=of["used"])
        clip_scores.clips = {(row, metric): value for row, metric, value in of["clips"]}
        clip_scores.reasons = {(row, metric): reason for row, metric, reason in of["reasons"]}
        for name, array in arrays.items():
            kind, _, rest = name.partition("/")
            row, _, metric = rest.partition("/")
            if kind == "value":
                clip_scores.frames[row, metric] = arrays[f"number/{rest}"], array
            elif kind == "features":
                clip_scores.features[row, metric] = array
        return clip_scores

    def is_empty(self) -> bool:
        """Tell whether no metric was asked, because no face was shown."""
        return not (self.frames or self.clips or self.features or self.reasons)

    def add(self, evidences: Iterable[ClipView], families: Sequence[MetricGroup]) -> None:
        """Ask families that see crops about rows of this clip."""
        families = [family for family in families if family.measure is not None]
        for evidence in evidences:
            for family in families:
                if concerns(family, evidence.row):
                    self._ask(family, evidence)

    def decline(self, rows: Sequence[str], families: Sequence[MetricGroup], reason: str) -> None:
        """Say why families have no figure in these rows."""
        for family in families:
            keys = [(row, metric.name) for row in rows if concerns(family, row) for metric in family.metrics]
            self.reasons.update(dict.fromkeys(keys, reason))

    def _ask(self, family: MetricGroup, evidence: ClipView) -> None:
        assert family.measure is not None
        try:
            figures = family.measure(evidence)
        except MetricUnavailableError as reason:
            figures = {metric.name: reason for metric in family.metrics}
        except NothingToDoError as error:
            figures = {metric.name: MetricUnavailableError(error.fact) for metric in family.metrics}
        for metric in family.metrics:
            self._keep(evidence, metric, figures.get(metric.name, MetricUnavailableError("was not computed")))

    def _keep(self, evidence: ClipView, metric: Metric, figure: Figure) -> None:
        key = evidence.row, metric.name
        if isinstance(figure, MetricUnavailableError):
            self.reasons[key] = str(figure)
        elif metric.per == FRAME:
            self.keep_frames(key, evidence.frame, np.asarray(figure, np.float64))
        elif metric.per == SET:
            self.features[key] = np.asarray(figure)
        elif np.isfinite(figure):
            self.clips[key] = float(figure)  # type: ignore[arg-type]
        else:
            self.reasons[key] = "is not a finite number"

    def keep_frames(self, key: Key, numbers: np.ndarray, values: np.ndarray) -> None:
        """Keep the finite ones of a clip's figures for frames."""
        there = np.isfinite(values)
        if there.any():
            self.frames[key] = numbers[there], values[there]
        else:
            self.reasons[key] = "no frame has a figure"


class FrameAccumulator:
    """Asks families that see whole frames, as the frames stream by."""

    def __init__(self, families: Sequence[MetricGroup]) -> None:
        self.families = [family for family in families if family.watch is not None]
        self._seen: dict[Key, list[tuple[int, float]]] = {}
        self._reasons: dict[Key, str] = {}

    def watch(self, row: str, view: FrameView) -> None:
        """Ask about one frame of a row."""
        for family in self.families:
            assert family.watch is not None
            if not concerns(family, row):
                continue
            try:
                figures = family.watch(view)
            except MetricUnavailableError as reason:
                self._reasons.update({(row, metric.name): str(reason) for metric in family.metrics})
                continue
            for metric in family.metrics:
                self._seen.setdefault((row, metric.name), []).append((view.number, figures[metric.name]))

    def hand_over(self, clip_scores: ClipScores) -> None:
        """Give what was found since the last time to a clip's figures."""
        for key, seen in self._seen.items():
            numbers, values = zip(*seen, strict=True)
            clip_scores.keep_frames(key, np.array(numbers), np.array(values))
        clip_scores.reasons.update(
            {key: reason for key, reason in self._reasons.items() if key not in clip_scores.frames}
        )
        self._seen, self._reasons = {}, {}


def concerns(family: MetricGroup, row: str) -> bool:
    """Tell whether a row says anything about a family's metrics."""
    if row == OTHER_SOUND:
        return family.hears
    if row == FROZEN:
        return family.is_continuous
    return row != COPY or not family.is_continuous
