"""Write the table of docs/reference/metrics.md that says what each metric makes of known damage to real clips.

    python docs/make_metrics.py [grid.h5] [--metrics NAMES] [--transcripts FOLDER] [--inception FILE] [--syncnet FILE]
        [--lip-reader FILE]

Takes held-out clips of a pack, damages them, and asks every metric there is. The figures are kept in
docs/sensitivity.json, so that --metrics replaces only the rows that it names, and without a pack the page is written
from them anew.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lipsync_cli.datasets.frame_table import FrameTable
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.metrics.clip_view import ClipView, FrameView
from lipsync_cli.metrics.metric import HIGHER, NEAR, SET, Metric, MetricGroup
from lipsync_cli.metrics.networks import MetricNetworks
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.scoring.protocols.clip_scores import ClipScores, FrameAccumulator
from lipsync_cli.speech.mel import SILENCE
from lipsync_cli.speech.transcript import Transcripts

PAGE = Path(__file__).with_name("reference") / "metrics.md"
FIGURES = Path(__file__).with_name("sensitivity.json")
BEGIN, END = "<!-- begin: written by docs/make_metrics.py -->", "<!-- end -->"
PERFECT = "perfect"
BLUR_SIGMA, NOISE_SIGMA, SHIFT = 1.5, 10.0, 6  # pixels, grey levels, frames
MEL_RATE = 80  # rows a second
_FILES = "expert", "inception", "syncnet", "lip_reader"  # options that name a network's file
TITLES = {  # damage -> what is done
    PERFECT: "the real clip",
    "blur": f"the lower half of the crop through a Gaussian of {BLUR_SIGMA} pixels",
    "noise": f"Gaussian noise of {NOISE_SIGMA:.0f} grey levels on the lower half",
    "shift": f"the sound {SHIFT} frames later",
    "wrong sound": "the sound of another speaker's clip",
    "wrong person": "another speaker's pictures, who says something else, with the right sound",
    "frozen mouth": "the quietest frame throughout",
    "mumbling": "the lower half of each frame mixed half and half with the clip's mean",
}


class Clip(NamedTuple):
    """A clip before the damage.

    Attributes
    ----------
    real : the evidence that it is perfect
    quiet : shape (1, S, S, 3), its quietest frame, which is also the source
    other, other_mel : another speaker's crops, as many, and the log-mel of what is said there
    """

    real: ClipView
    quiet: np.ndarray
    other: np.ndarray
    other_mel: np.ndarray


class Cell(NamedTuple):
    """What a metric says about a damage.

    Attributes
    ----------
    mean : over clips, of their means; None: no figure
    change : 1 or -1: above or below the perfect clips by more than chance (of a set: at all), else 0
    is_worse : whether the change is one that the metric calls worse
    """

    mean: float | None
    change: int
    is_worse: bool


def open_clips(pack: Pack, number: int, tools: MetricNetworks, transcripts: Transcripts | None = None) -> list[Clip]:
    """Take held-out clips, speakers in turn."""
    table = FrameTable(pack, "test")
    speaker_of = {row: str(pack.clips[row]["speaker"]) for row in table.rows}
    if len(set(speaker_of.values())) < 2:
        raise SystemExit(f"{pack.path}: the held-out clips are of one speaker; a wrong person needs two")
    clips = []
    for row in _in_turn(speaker_of)[:number]:
        others = [other for other, speaker in speaker_of.items() if speaker != speaker_of[row]]
        other = others[len(clips) % len(others)]
        frames = table.frames[row]
        quiet = pack.read_crops(table.quiet_frames(row)[:1])
        real = _evidence(pack, row, frames, quiet, tools)
        if transcripts is not None:
            real.words_or_none = transcripts.read(real.speaker, real.clip)
        crops = pack.read_crops(np.resize(table.frames[other], len(frames)))
        clips.append(Clip(real, quiet, crops, _mel(pack, other)))
    return clips


def damage(clip: Clip) -> Iterator[ClipView]:
    """Show a clip in every row of the table, the perfect one first."""
    real, crops = clip.real, clip.real.crops
    yield real
    noise = np.random.default_rng(0).normal(0, NOISE_SIGMA, crops.shape)
    yield _with_lower_half(real, "blur", np.stack([_blur(crop) for crop in crops]))
    yield _with_lower_half(real, "noise", crops + noise)
    later = round(SHIFT / real.fps * MEL_RATE)
    silence = np.full((later, real.mel.shape[1]), SILENCE, real.mel.dtype)
    yield _changed(real, "shift", mel_or_none=np.concatenate([silence, real.mel])[: len(real.mel)])
    yield _changed(real, "wrong sound", mel_or_none=clip.other_mel)
    yield _changed(real, "wrong person", crops=clip.other)
    yield _changed(real, "frozen mouth", crops=np.repeat(clip.quiet, len(crops), axis=0))
    yield _with_lower_half(real, "mumbling", (crops + crops.mean(0)) / 2)


def ask(
    clips: Sequence[Clip], families: Sequence[MetricGroup], report: Callable[[str], None] | None = None
) -> list[ClipScores]:
    """Let the metrics score every row of every clip."""
    clip_scores = []
    for clip in clips:
        clip_scores.append(ClipScores(clip.real.clip, clip.real.speaker))
        clip_scores[-1].add(damage(clip), families)
        watcher = FrameAccumulator(families)
        for row in damage(clip) if watcher.families else ():
            for number, picture, real in zip(row.frame, row.crops, clip.real.crops, strict=True):
                watcher.watch(row.row, FrameView(picture, real, row.rule.box_in_crop(), row.rule, int(number)))
        watcher.hand_over(clip_scores[-1])
        if report is not None:
            report(f"{len(clip_scores)} of {len(clips)} clips")
    return clip_scores


def tabulate(clip_scores: Sequence[ClipScores], families: Sequence[MetricGroup]) -> dict[str, dict[str, Cell] | str]:
    """Reduce the figures to lines of the table: metric -> damage -> cell; or why there is no figure at all."""
    table: dict[str, dict[str, Cell] | str] = {}
    for family in families:
        for metric in family.metrics:
            figures = {row: _per_clip(clip_scores, family, metric, row) for row in TITLES}
            cells = {row: _compare(metric, figures[row], figures[PERFECT]) for row in TITLES}
            is_empty = all(cell.mean is None for cell in cells.values())
            table[metric.name] = _reason(clip_scores, family, metric) if is_empty else cells
    return table


def describe(clips: Sequence[Clip]) -> str:
    """Say what was measured."""
    speakers, frames = len({clip.real.speaker for clip in clips}), sum(len(clip.real) for clip in clips)
    return f"{len(clips)} held-out clips of {speakers} speakers, {frames} frames"


def render(table: dict[str, dict[str, Cell] | str], about: str) -> str:
    """Write the table in Markdown, in the order of the registry."""
    lines = [
        f"Means over {about}. ▲ ▼: above or below the real clips by more than two standard errors",
        "(figures of a set: at all). **Bold**: in the direction that the metric calls worse.",
        "What is not bold, the metric does not see, or likes. Metrics of whole frames are given the crop as the frame.",
        "",
        *(f"* {name}: {what}" for name, what in TITLES.items()),
        "",
        "| metric | better | " + " | ".join(TITLES) + " |",
        "|---|---|" + "---|" * len(TITLES),
    ]
    reasons = []
    for metric in (metric for family in find_metric_groups(["all"]) for metric in family.metrics):
        if (cells := table.get(metric.name)) is None:
            continue
        if isinstance(cells, str):
            reasons.append(f"* {metric.name}: {cells}")
        else:
            shown = " | ".join(_show(cells[name], metric) for name in TITLES)
            lines.append(f"| {metric.name} | {_better(metric)} | {shown} |")
    return "\n".join(lines + (["", "Without a figure here:", "", *reasons] if reasons else []))


def put(text: str, page: str) -> str:
    """Put the table between the marks of a page."""
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"the page has no {BEGIN} ... {END}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def read(kept: dict[str, Any]) -> dict[str, dict[str, Cell] | str]:
    """Read what `FIGURES` holds."""
    return {
        name: cells if isinstance(cells, str) else {row: Cell(*values) for row, values in cells.items()}
        for name, cells in kept["metrics"].items()
    }


def _in_turn(speaker_of: dict[int, str]) -> list[int]:
    seen: dict[str, int] = {}
    ranks = []
    for row, speaker in speaker_of.items():
        ranks.append((seen.get(speaker, 0), row))
        seen[speaker] = seen.get(speaker, 0) + 1
    return [row for _, row in sorted(ranks)]


def _evidence(pack: Pack, row: int, frames: np.ndarray, source: np.ndarray, tools: MetricNetworks) -> ClipView:
    clip = pack.clips[row]
    real = ClipView(
        row=PERFECT,
        clip=str(clip["name"]),
        speaker=str(clip["speaker"]),
        crops=pack.read_crops(frames),
        frame=frames - int(clip["first_frame"]),
        middles=pack.frame_middle[frames],
        fps=float(clip["fps_num"] / clip["fps_den"]),
        rule=pack.crop_rule,
        tools=tools,
        source_or_none=source,
        mel_or_none=_mel(pack, row),
    )
    real.truth_or_none = real
    return real


def _mel(pack: Pack, row: int) -> np.ndarray:
    first, number = int(pack.clips[row]["first_mel"]), int(pack.clips[row]["num_mels"])
    return pack.mel[first : first + number]


def _changed(real: ClipView, row: str, **changes: Any) -> ClipView:
    evidence = replace(real, row=row, truth_or_none=real, **changes)
    if "crops" not in changes:
        for name in ("landmarks", "embeddings"):  # slow, and of the same pictures
            if name in vars(real):
                vars(evidence)[name] = vars(real)[name]
    return evidence


def _with_lower_half(real: ClipView, row: str, pixels: np.ndarray) -> ClipView:
    crops, half = real.crops.copy(), real.crops.shape[1] // 2
    crops[:, half:] = np.rint(pixels[:, half:]).clip(0, 255).astype(np.uint8)
    return _changed(real, row, crops=crops)


def _blur(crop: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.GaussianBlur(crop, (0, 0), BLUR_SIGMA)


def _per_clip(clip_scores: Sequence[ClipScores], family: MetricGroup, metric: Metric, row: str) -> np.ndarray:
    """One figure a clip, NaN where there is none; of a set one for all."""
    key, there = (row, metric.name), (PERFECT, metric.name)
    if metric.per != SET:
        frames = [
            clip.frames[key][1].mean() if key in clip.frames else clip.clips.get(key, np.nan) for clip in clip_scores
        ]
        return np.array(frames, float)
    with_both = [clip for clip in clip_scores if key in clip.features and there in clip.features]
    assert family.combine is not None
    try:
        if not with_both:
            raise MetricUnavailableError("no features")
        parts = [clip.features[key] for clip in with_both], [clip.features[there] for clip in with_both]
        return np.array([family.combine(*parts)])
    except MetricUnavailableError:
        return np.array([np.nan])


def _compare(metric: Metric, figures: np.ndarray, perfect: np.ndarray) -> Cell:
    both = figures[np.isfinite(figures)]
    if not len(both):
        return Cell(None, 0, False)
    gap = (figures - perfect)[np.isfinite(figures - perfect)]
    change = 0
    if len(gap):
        noise = 2 * gap.std(ddof=1) / len(gap) ** 0.5 if len(gap) > 1 else 0.0
        change = int(np.sign(gap.mean())) if abs(gap.mean()) > max(noise, 1e-6) else 0
    mean = round(float(both.mean()), 6)
    if metric.direction == NEAR:
        target = float(np.nanmean(perfect)) if metric.target is None else metric.target
        nearer = abs(mean - target) < abs(float(np.nanmean(perfect)) - target)
        return Cell(mean, change, change != 0 and not nearer)
    return Cell(mean, change, change == (-1 if metric.direction == HIGHER else 1))


def _reason(clip_scores: Sequence[ClipScores], family: MetricGroup, metric: Metric) -> str:
    for clip in clip_scores:
        if (reason := clip.reasons.get((PERFECT, metric.name))) is not None:
            return reason
    if family.combine is not None:
        real = [clip.features[PERFECT, metric.name] for clip in clip_scores]
        try:
            family.combine(real, real)
        except MetricUnavailableError as reason:
            return str(reason)
    return "no figure"


def _better(metric: Metric) -> str:
    if metric.direction == NEAR:
        return "near" if metric.target is None else f"near {metric.target:g}"
    return metric.direction


def _show(cell: Cell, metric: Metric) -> str:
    if cell.mean is None:
        return "none"
    text = f"{cell.mean:.{metric.digits}f}"
    arrow = {1: " ▲", -1: " ▼", 0: ""}[cell.change]
    return f"**{text}{arrow}**" if cell.is_worse else text + arrow


def main() -> int:
    """Make the table and put it into the page."""
    parser = argparse.ArgumentParser(
        description="Write the table of docs/reference/metrics.md from a pack's held-out clips."
    )
    parser.add_argument("pack", type=Path, nargs="?", help="without one the figures stay as they are")
    parser.add_argument("--clips", type=int, default=9)
    parser.add_argument("--metrics", default="all", help="names and groups, with commas; other rows stay as they are")
    parser.add_argument("--transcripts", type=Path)
    for option in _FILES:
        parser.add_argument(f"--{option.replace('_', '-')}", type=Path)
    given = vars(parser.parse_args())
    if given["pack"] is not None:
        measure(given)
    kept = json.loads(FIGURES.read_text("utf-8"))
    PAGE.write_text(put(render(read(kept), kept["about"]), PAGE.read_text("utf-8")), "utf-8")
    return 0


def measure(given: dict[str, Any]) -> None:
    """Measure what was asked for, and keep the figures."""
    tools = MetricNetworks(files={name: given[name] for name in _FILES if given[name] is not None})
    families = find_metric_groups(given["metrics"].split(","))
    with Pack(given["pack"]) as pack:
        tools.mel_parameters = pack.mel_parameters
        transcripts = None if given["transcripts"] is None else Transcripts(given["transcripts"])
        clips = open_clips(pack, given["clips"], tools, transcripts)
        table = tabulate(ask(clips, families, lambda text: print(text, file=sys.stderr)), families)
    about = describe(clips)
    kept = json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}
    if kept.get("about") == about:
        table = read(kept) | table
    FIGURES.write_text(json.dumps({"about": about, "metrics": table}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
