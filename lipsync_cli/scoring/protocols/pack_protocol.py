"""The test on a pack's held-out clips, with the baselines that say what its figures are worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.config.shard import Shard
from lipsync_cli.datasets.batch import Draw
from lipsync_cli.datasets.frame_table import MIN_GAP, FrameTable
from lipsync_cli.errors import NothingToDoError
from lipsync_cli.metrics.baselines import COPY, FROZEN, MISMATCHED, MODEL
from lipsync_cli.metrics.networks import MetricNetworks
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.metrics.sync.words import describe_reader
from lipsync_cli.models import hears
from lipsync_cli.models.mel_shape import mel_shape_of
from lipsync_cli.scoring.protocols.clip_scores import ClipScores
from lipsync_cli.scoring.protocols.pack_stage import score_clip
from lipsync_cli.scoring.protocols.talking_head_protocol import open_stage
from lipsync_cli.scoring.results.aggregate import collect
from lipsync_cli.scoring.results.checkpoint import ScoreCheckpoint
from lipsync_cli.scoring.results.scores import Scores

if TYPE_CHECKING:
    from torch import nn

    from lipsync_cli.formats.pack_file import Pack
    from lipsync_cli.formats.weights import WeightsHeader
    from lipsync_cli.metrics.metric import MetricGroup
    from lipsync_cli.speech.transcript import Transcripts, Word

Measure = Callable[[list[int]], Iterator[tuple[int, ClipScores]]]  # rows of clips to each row and its scores

_NOTES_FRAMES = [
    f"copy: the reference frame itself, at least {MIN_GAP} frames from the target",
    "mismatched audio: the model with the sound of a random frame of another clip",
    "ground truth: the target against itself, through the same path",
    "the model is given the target's upper half, the copy is not: compare the two at the mouth",
]
_NOTES_CLIPS = [
    "metrics of time: whole clips, each drawn from its quietest frame; mismatched audio: the model with the sound of "
    "the next clip, measured with the right sound; frozen: the quietest frame throughout; other sound: the real "
    "pictures with the next clip's sound",
]
_NOTE_ONE_CLIP = f"one clip only: the mismatched audio is from the same clip, at least {MIN_GAP} frames away"


def score_pack(
    pack: Pack,
    generator: nn.Module,
    split: str = "test",
    *,
    max_frames: int | None = None,
    seed: int = 0,
    tools: MetricNetworks | None = None,
    families: list[MetricGroup] | None = None,
    batch_size: int = 32,
    kept: ScoreCheckpoint | None = None,
    progress: Callable[[int, int | None, str], None] | None = None,
    transcripts: Transcripts | None = None,
    heard: np.ndarray | None = None,
    shard: Shard | None = None,
    measure: Measure | None = None,
) -> tuple[Scores, Draw]:
    """Let a generator speak the clips of a split and score what it generates beside the baselines.

    Parameters
    ----------
    generator : in evaluation mode, on the tools' device
    split : "test", "val" or "train"
    max_frames : spread so many frames evenly over the clips (at least one each), for the metrics of single frames;
        None = every frame with a face
    seed : of the reference frames and of the mismatched audio; equal seeds give equal rows
    families : from `registry.find_families`; None: the standard ones
    kept : where finished clips are kept
    progress : called with clips done, clips in all, and what is being done
    transcripts : of the clips, for metrics that read lips
    heard : what the generator hears, see `hear_pack`; None: the pack's mels
    shard : which part of the clips, all of them otherwise; what is drawn of a clip does not depend on it
    measure : asks the metrics about clips, elsewhere; None: here

    Returns
    -------
    scores with the rows of docs/reference/metrics.md, and the frames drawn for metrics of single frames

    Raises
    ------
    NothingToDoError : if the split has no clip with enough faces, or no clip a transcript
    InputError : if a transcript is damaged

    Notes
    -----
    Crops are compared as 8-bit pixels, as a file would hold them. The real crop is the pack's, so that what its JPEG
    compression lost counts against nobody.
    """
    families = find_metric_groups(has_frames=False) if families is None else families
    tools = tools or MetricNetworks()
    tools.mel_parameters = pack.mel_parameters
    kept = kept or ScoreCheckpoint(None, None)
    table, draw = draw_frames(pack, split, max_frames, seed, heard, generator)
    words = None if transcripts is None else read_words(table, transcripts)
    stage = open_stage(pack, generator, table, tools, batch_size, words)
    rows = _take_rows(table, shard)
    found = {row: known for row in rows if (known := kept.get(table.clip_name[row])) is not None}
    missing = [row for row in rows if row not in found]
    here = ((row, score_clip(stage, row, draw, families)) for row in missing)
    for row, clip_scores in here if measure is None else measure(missing):
        kept.put(table.clip_name[row], clip_scores)
        found[row] = clip_scores
        if progress is not None:
            progress(len(found), len(rows), "score")
    clips = [found[row] for row in rows]
    drawn = {"seed": seed, "max_frames": max_frames, "frames": len(draw.target), "clips": len(clips)}
    used: dict[str, Any] = {}
    for one in clips:
        used |= one.used
    facts = {**_describe_frames(pack), "split": split, **drawn, "tools": used}
    has_frames = any(not family.is_continuous and family.watch is None for family in families)
    has_clips = any(family.is_continuous for family in families)
    notes = list(stage.notes) or (_NOTES_FRAMES if has_frames else []) + (_NOTES_CLIPS if has_clips else [])
    notes += describe_reader(used)
    notes += [_NOTE_ONE_CLIP] if len(table.rows) == 1 else []
    if transcripts is not None:
        facts["transcripts"] = {"folder": str(transcripts.folder), "sha256": transcripts.fingerprint()}
    differences = (MODEL, COPY), (MODEL, MISMATCHED), (MODEL, FROZEN)
    return collect(clips, families, differences, facts, notes), draw


def _take_rows(table: FrameTable, shard: Shard | None) -> list[int]:
    """Return the rows of the clips that a part of the work has; NothingToDoError if there are none."""
    rows = table.rows if shard is None else shard.take(table.rows)
    if not rows:
        fact = f"shard {shard} has none of the {len(table.rows)} clips"
        raise NothingToDoError(fact, table.path, "ask for fewer shards")
    return rows


def _describe_frames(pack: Pack) -> dict[str, Any]:
    """Say which pack's frames are scored, and where in them, JSON-able."""
    return {
        "pack": str(pack.path),
        "fingerprint": pack.fingerprint,
        "min_gap_frames": MIN_GAP,
        "crop_size": pack.crop_rule.size,
        "mouth_rows_columns": [int(edge) for edge in pack.crop_rule.mouth_region()],
    }


def plan_pack(pack: Pack, split: str = "test", max_frames: int | None = None, seed: int = 0) -> dict[str, Any]:
    """Say what `score_pack` would score."""
    table, draw = draw_frames(pack, split, max_frames, seed)
    return {"pack": str(pack.path), "split": split, "clips": len(table.rows), "frames": len(draw.target)}


def draw_frames(
    pack: Pack,
    split: str,
    max_frames: int | None,
    seed: int,
    heard: np.ndarray | None = None,
    generator: nn.Module | None = None,
) -> tuple[FrameTable, Draw]:
    """Choose the frames for the metrics of single frames, see `score_pack`; the draw is the same for all generators."""
    if generator is None:
        table = FrameTable(pack, split, heard)
    else:
        table = FrameTable(pack, split, heard, hears(generator), mel_shape_of(generator)[1])
    per_clip = len(table.clip_of) if max_frames is None else max(1, max_frames // len(table.rows))
    return table, table.draw_evaluation(per_clip, seed)


def read_words(table: FrameTable, transcripts: Transcripts) -> dict[int, tuple[Word, ...] | None]:
    """Read what the clips of a table say, None for those without a transcript.

    Raises
    ------
    InputError : a transcript is damaged
    NothingToDoError : no clip has one
    """
    words: dict[int, tuple[Word, ...] | None] = {}
    for row in table.rows:
        speaker, _, name = table.clip_name[row].rpartition("/")
        words[row] = transcripts.read(speaker, name)
    if all(said is None for said in words.values()):
        hint = f"name them SPEAKER/CLIP.align, as {table.clip_name[table.rows[0]]}.align"
        raise NothingToDoError(f"holds no transcript of the {len(words)} clips", transcripts.folder, hint)
    return words


def describe_weights(header: WeightsHeader, generator: nn.Module) -> dict[str, Any]:
    """Say which weights were scored, JSON-able."""
    return {
        "name": header.name,
        "sha256": header.sha256,
        "architecture": header.architecture,
        "parameters": sum(p.numel() for p in generator.parameters() if p.requires_grad),
        "recipe": header.recipe,
        "samples_seen": header.samples_seen,
    }
