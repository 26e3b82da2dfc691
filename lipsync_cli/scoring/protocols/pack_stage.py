"""What the metrics see of a pack's clips: real faces, those of the model, and the baselines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.datasets.batch import Draw
from lipsync_cli.datasets.frame_table import FrameTable, gather
from lipsync_cli.metrics.baselines import COPY, FROZEN, MISMATCHED, MODEL, OTHER_SOUND, TRUTH, generate_rows, to_pixels
from lipsync_cli.metrics.clip_view import NO_FRAMES, ClipView
from lipsync_cli.metrics.networks import MetricNetworks
from lipsync_cli.scoring.protocols.clip_scores import ClipScores
from lipsync_cli.speech.mel import FRAMES_PER_SECOND

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.formats.pack_file import Pack
    from lipsync_cli.metrics.metric import MetricGroup
    from lipsync_cli.speech.transcript import Word


def score_clip(stage: Stage, row: int, draw: Draw, families: list[MetricGroup]) -> ClipScores:
    """Ask every metric about one clip.

    Parameters
    ----------
    row : of the clip in the pack
    draw : the frames of all clips for metrics of single frames
    families : the metrics, in groups
    """
    of_frames = [family for family in families if not family.is_continuous and family.watch is None]
    of_clips = [family for family in families if family.is_continuous]
    if not stage.shows_frames:
        of_clips, of_frames = of_frames + of_clips, []
    clip = stage.pack.clips[row]
    clip_scores = ClipScores(str(clip["name"]), str(clip["speaker"]))
    if of_frames:
        part = np.flatnonzero(stage.table.clip_of[draw.target] == row)
        clip_scores.add(stage.show_frames(row, Draw(*(frames[part] for frames in draw))), of_frames)
    if of_clips:
        clip_scores.add(stage.show_clip(row), of_clips)
    unseen = [family for family in families if family.watch is not None]
    clip_scores.decline((MODEL, MISMATCHED, COPY, TRUTH), unseen, NO_FRAMES)
    clip_scores.used = dict(stage.tools.used)
    return clip_scores


class Stage:
    """Shows the clips of a pack, row by row.

    Attributes
    ----------
    shows_frames : single frames are drawn for their metrics; else these are shown whole clips, too
    rule : of the crops that are shown
    notes : on how clips are shown, if not as `score_pack` says it
    """

    shows_frames = True
    notes: tuple[str, ...] = ()

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
