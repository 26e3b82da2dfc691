"""From the figures of single clips to scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.metrics.baselines import ROWS, TRUTH
from lipsync_cli.metrics.metric import CLIP, FRAME
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.scoring.results.scores import ALL, Scores, Series, Statistics, make_groups

if TYPE_CHECKING:
    from lipsync_cli.metrics.metric import MetricGroup
    from lipsync_cli.scoring.protocols.clip_scores import ClipScores


def collect(
    clips: Sequence[ClipScores],
    families: Sequence[MetricGroup],
    differences: tuple[tuple[str, str], ...],
    facts: dict[str, Any],
    notes: list[str],
) -> Scores:
    """Put the clips' figures together, and compute the metrics of sets."""
    speakers = [clip.speaker for clip in clips]
    rows: dict[str, dict[str, Series]] = {}
    sets: dict[str, dict[str, dict[str, Statistics]]] = {}
    missing: dict[tuple[str, str], dict[str, list[int]]] = {}
    for index, clip in enumerate(clips):
        for key, reason in clip.reasons.items():
            missing.setdefault(key, {}).setdefault(reason, []).append(index)
    for row in ROWS:
        found: dict[str, Series] = {}
        for family in families:
            for metric in family.metrics:
                if metric.per == FRAME:
                    series = _join_frames(clips, (row, metric.name))
                elif metric.per == CLIP:
                    series = _join_clips(clips, (row, metric.name))
                else:
                    series = None
                    if of := _compare_sets(clips, speakers, family, row, metric.name, missing):
                        sets.setdefault(row, {})[metric.name] = of
                if series is not None:
                    found[metric.name] = series
        if found or any(key[0] == row for key in missing):
            rows[row] = found
    metrics = [metric for family in families for metric in family.metrics]
    shown = tuple((one, other) for one, other in differences if one in rows and other in rows)
    return Scores(metrics, rows, [clip.clip for clip in clips], speakers, sets, missing, shown, facts, notes)


def _join_frames(clips: Sequence[ClipScores], key: tuple[str, str]) -> Series | None:
    parts = [(index, *clip.frames[key]) for index, clip in enumerate(clips) if key in clip.frames]
    if not parts:
        return None
    of = np.concatenate([np.full(len(numbers), index) for index, numbers, _ in parts])
    return Series(np.concatenate([part[2] for part in parts]), of, np.concatenate([part[1] for part in parts]))


def _join_clips(clips: Sequence[ClipScores], key: tuple[str, str]) -> Series | None:
    parts = [(clip.clips[key], index) for index, clip in enumerate(clips) if key in clip.clips]
    if not parts:
        return None
    values, of = zip(*parts, strict=True)
    return Series(np.array(values), np.array(of))


def _compare_sets(
    clips: Sequence[ClipScores],
    speakers: list[str],
    family: MetricGroup,
    row: str,
    metric: str,
    missing: dict[tuple[str, str], dict[str, list[int]]],
) -> dict[str, Statistics]:
    """Compare the features of a row with the ground truth's, group by group."""
    assert family.combine is not None
    of: dict[str, Statistics] = {}
    for group, mask in make_groups(speakers).items():
        drawn, real = (
            [
                clip.features[name, metric]
                for clip, is_in in zip(clips, mask, strict=True)
                if is_in and (name, metric) in clip.features
            ]
            for name in (row, TRUTH)
        )
        if not drawn:
            continue
        try:
            if not real:
                raise MetricUnavailableError("no reference")
            of[group] = Statistics(sum(map(len, drawn)), len(drawn), family.combine(drawn, real))
        except MetricUnavailableError as reason:
            if group == ALL:
                missing.setdefault((row, metric), {})[str(reason)] = list(range(len(clips)))
    return of
