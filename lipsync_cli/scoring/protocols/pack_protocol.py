"""The test on a pack's held-out clips, with the baselines that say what its figures are worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.datasets.batch import Draw
from lipsync_cli.datasets.frame_table import MIN_GAP, FrameTable, gather
from lipsync_cli.errors import NothingToDoError
from lipsync_cli.metrics.baselines import COPY, FROZEN, MISMATCHED, MODEL, OTHER_SOUND, TRUTH, generate_rows, to_pixels
from lipsync_cli.metrics.clip_view import NO_FRAMES, ClipView
from lipsync_cli.metrics.networks import MetricNetworks
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.metrics.sync.words import describe_reader
from lipsync_cli.models import hears
from lipsync_cli.scoring.protocols.clip_scores import ClipScores
from lipsync_cli.scoring.results.aggregate import collect
from lipsync_cli.scoring.results.checkpoint import ScoreCheckpoint
from lipsync_cli.scoring.results.scores import Scores
from lipsync_cli.speech.mel import FRAMES_PER_SECOND

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.formats.pack_file import Pack
    from lipsync_cli.formats.weights import WeightsHeader
    from lipsync_cli.metrics.metric import MetricGroup
    from lipsync_cli.speech.transcript import Transcripts, Word

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
    make_stage: type[Stage] | None = None,
    notes: Sequence[str] = (),
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
    make_stage, notes : shows whole clips to all metrics, and how, in words; None: `Stage`, and single frames apart

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
    table, draw = draw_frames(pack, split, max_frames, seed, heard, hears(generator))
    words = None if transcripts is None else read_words(table, transcripts)
    stage = (make_stage or Stage)(pack, generator, table, tools, batch_size, words)
    unseen = [family for family in families if family.watch is not None]
    of_frames = [] if make_stage else [each for each in families if not each.is_continuous and each.watch is None]
    of_clips = [each for each in families if each.is_continuous or (make_stage and each.watch is None)]
    clips: list[ClipScores] = []
    for done, row in enumerate(table.rows, 1):
        clip_scores = kept.get(table.clip_name[row])
        if clip_scores is None:
            clip_scores = ClipScores(str(pack.clips[row]["name"]), str(pack.clips[row]["speaker"]))
            if of_frames:
                part = np.flatnonzero(table.clip_of[draw.target] == row)
                clip_scores.add(stage.show_frames(row, Draw(*(frames[part] for frames in draw))), of_frames)
            if of_clips:
                clip_scores.add(stage.show_clip(row), of_clips)
            clip_scores.decline((MODEL, MISMATCHED, COPY, TRUTH), unseen, NO_FRAMES)
            kept.put(table.clip_name[row], clip_scores)
        clips.append(clip_scores)
        if progress is not None:
            progress(done, len(table.rows), "score")
    drawn = {"seed": seed, "max_frames": max_frames, "frames": len(draw.target), "clips": len(clips)}
    facts = {**_describe_frames(pack), "split": split, **drawn, "tools": tools.used}
    told = list(notes) or (_NOTES_FRAMES if of_frames else []) + (_NOTES_CLIPS if of_clips else [])
    told += describe_reader(tools.used) + ([_NOTE_ONE_CLIP] if len(table.rows) == 1 else [])
    if transcripts is not None:
        facts["transcripts"] = {"folder": str(transcripts.folder), "sha256": transcripts.fingerprint()}
    differences = (MODEL, COPY), (MODEL, MISMATCHED), (MODEL, FROZEN)
    return collect(clips, families, differences, facts, told), draw


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
    hears: str = "mel",
) -> tuple[FrameTable, Draw]:
    """Choose the frames for the metrics of single frames, see `score_pack`."""
    table = FrameTable(pack, split, heard, hears)
    per_clip = len(table.clip_of) if max_frames is None else max(1, max_frames // len(table.rows))
    return table, table.draw_evaluation(per_clip, seed)


class Stage:
    """Shows the clips of a pack, row by row."""

    def __init__(
        self,
        pack: Pack,
        generator: nn.Module,
        table: FrameTable,
        tools: MetricNetworks,
        batch_size: int,
        words: dict[int, tuple[Word, ...] | None] | None = None,
    ) -> None:
        self.pack, self.generator, self.table, self.tools = pack, generator, table, tools
        self.batch_size, self.words = batch_size, words or {}
        self.rule = pack.crop_rule

    def show_frames(self, row: int, draw: Draw) -> Iterator[ClipView]:
        """Give the rows of a clip's drawn frames, each with a reference of its own: the thesis's protocol."""
        parts: dict[str, list[np.ndarray]] = {}
        for first in range(0, len(draw.target), self.batch_size):
            part = Draw(*(frames[first : first + self.batch_size] for frames in draw))
            images = generate_rows(self.generator, gather(self.pack, self.table, part, self.tools.device))
            for name, pixels in images.items():
                parts.setdefault(name, []).append(pixels)
        crops = {name: np.concatenate(pixels) for name, pixels in parts.items()}
        truth = self._evidence(TRUTH, row, draw.target, crops.pop(TRUTH), crops[COPY], self._mel(row))
        for name, pixels in crops.items():
            yield self._evidence(name, row, draw.target, pixels, crops[COPY], self._mel(row), truth=truth)
        yield truth

    def show_clip(self, row: int) -> Iterator[ClipView]:
        """Give the rows of a whole clip, drawn from its quietest frame, as a viewer sees it."""
        frames = self.table.frames[row]
        real = self.pack.read_crops(frames)
        reference = self.pack.read_crops(self.table.quiet_frames(row)[:1])
        sound, other = self._mel(row), self._other_mel(row, self.pack.mel)
        truth = self._evidence(TRUTH, row, frames, real, reference, sound)
        middles = self.table.middle[frames]
        for name, heard, times in ((MODEL, row, middles), (MISMATCHED, *self._mismatched(row, middles))):
            drawn = self._generate(reference, real, self.table.speech.cut(np.full(len(frames), heard), times))
            yield self._evidence(name, row, frames, drawn, reference, sound, truth=truth)
        frozen = np.broadcast_to(reference, real.shape)
        yield self._evidence(FROZEN, row, frames, frozen, reference, sound, truth=truth)
        yield self._evidence(OTHER_SOUND, row, frames, real, reference, other, truth=truth)
        yield truth

    def _mismatched(self, row: int, middles: np.ndarray) -> tuple[int, np.ndarray]:
        """Name the next clip, and the moments of its sound; of the only clip, its own from half a clip away."""
        other, half = self._other_row(row), len(self._mel(row)) / (2 * FRAMES_PER_SECOND)
        return other, middles if other != row else (middles + half) % (2 * half)

    def _generate(self, reference: np.ndarray, targets: np.ndarray, speech: np.ndarray) -> np.ndarray:
        import torch

        device = self.tools.device

        def images(crops: np.ndarray) -> Tensor:
            return torch.from_numpy(crops).to(device).permute(0, 3, 1, 2).float().div_(255)

        drawn = []
        with torch.inference_mode():
            for first in range(0, len(targets), self.batch_size):
                part = slice(first, first + self.batch_size)
                heard = torch.from_numpy(speech[part]).to(device)
                drawn.append(to_pixels(self.generator(images(reference), images(targets[part]), heard).image))
        return np.concatenate(drawn)

    def _evidence(
        self,
        name: str,
        row: int,
        frames: np.ndarray,
        crops: np.ndarray,
        source: np.ndarray,
        mel: np.ndarray,
        *,
        truth: ClipView | None = None,
    ) -> ClipView:
        clip = self.pack.clips[row]
        evidence = ClipView(
            row=name,
            clip=str(clip["name"]),
            speaker=str(clip["speaker"]),
            crops=crops,
            frame=frames - int(clip["first_frame"]),
            middles=self.pack.frame_middle[frames],
            fps=float(clip["fps_num"] / clip["fps_den"]),
            rule=self.rule,
            tools=self.tools,
            truth_or_none=truth,
            source_or_none=source,
            mel_or_none=mel,
            words_or_none=self.words.get(row),
        )
        if name == MISMATCHED and evidence.words_or_none is not None:
            evidence.words_or_none = self._words_of_this_only(row)
            evidence.wordless_reason = "no transcript of the other clip, or it says the same words"
        if truth is None:
            evidence.truth_or_none = evidence
        else:
            evidence.shared = truth.shared
        return evidence

    def _mel(self, row: int, mel: np.ndarray | None = None) -> np.ndarray:
        """Give the sound of a clip, as it is or as it stands in mels like the pack's."""
        first, number = int(self.pack.clips[row]["first_mel"]), int(self.pack.clips[row]["num_mels"])
        return (self.pack.mel if mel is None else mel)[first : first + number]

    def _other_mel(self, row: int, mel: np.ndarray) -> np.ndarray:
        """Give the sound of the next clip; of the only one, its own from half a clip away."""
        if (other := self._other_row(row)) == row:
            return np.roll(self._mel(row, mel), len(self._mel(row)) // 2, axis=0)
        return self._mel(other, mel)

    def _other_row(self, row: int) -> int:
        """Name the next clip; of the only one, itself."""
        rows = self.table.rows
        return rows[(rows.index(row) + 1) % len(rows)]

    def _words_of_this_only(self, row: int) -> tuple[Word, ...] | None:
        """Give the words of a clip that the next one does not say; None if there are none, or nobody knows."""
        others = self.words.get(self._other_row(row)) or self.words[row] or ()
        texts = {word.text for word in others}
        return tuple(word for word in self.words[row] or () if word.text not in texts) or None


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
