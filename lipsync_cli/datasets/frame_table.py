"""From a pack to training batches: which frames go together, decided by seed and step alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from lipsync_cli.datasets.batch import Batch, Draw
from lipsync_cli.datasets.reference_gap import ReferenceGap
from lipsync_cli.errors import NothingToDoError
from lipsync_cli.speech.mel import SILENCE, WINDOW, window_start, windows
from lipsync_cli.speech.speech_windows import MEL, make_windows

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.clip_source import ClipSource
    from lipsync_cli.formats.pack_file import Pack

Crops: TypeAlias = "np.ndarray | Tensor | Pack"
LIPGAN_GAP = ReferenceGap()
MIN_GAP = LIPGAN_GAP.least  # frames between what is evaluated and its reference, or its mismatched audio
QUIET_SHARE = 0.15  # the quietest part of a clip, where mouths are most likely closed


@dataclass(frozen=True)
class Sampling:
    """How frames are drawn for training.

    Parameters
    ----------
    batch_size : number of targets B
    targets_per_reference : targets that share a reference (and its clip); LipGAN: 1
    quiet_reference : share of the references taken from the quietest frames of their clip, as inference does
    speaker_temperature : T in p(speaker) ~ frames ** (1 / T): 1 draws every frame alike, more lifts rare speakers
    seed : of all draws
    consecutive : the targets of a reference are consecutive frames
    gap : how far reference and targets lie apart
    """

    batch_size: int = 128
    targets_per_reference: int = 1
    quiet_reference: float = 0.0
    speaker_temperature: float = 1.0
    seed: int = 10
    consecutive: bool = False
    gap: ReferenceGap = LIPGAN_GAP


class FrameTable:
    """The usable frames of one split of a pack: those with a face, in clips long enough for a reference apart.

    Parameters
    ----------
    heard : what is heard in place of the pack's mels, of their shape
    hears : what the generator hears, "mel", "encoder" or "sound"
    window : mel frames T that generator and discriminators are given of a video frame

    Raises
    ------
    NothingToDoError : if the split has no usable frame
    InputError : the generator hears speech features, and the pack has none
    """

    def __init__(
        self, pack: ClipSource, split: str, heard: np.ndarray | None = None, hears: str = MEL, window: int = WINDOW
    ) -> None:
        clips, self.path = pack.clips, pack.path
        self.mel = pack.mel if heard is None else heard
        self.hears, self.window = hears, window
        self.speech = make_windows(hears, self.mel, clips, pack.features, pack.path, pack.sound, window=window)
        self.middle = pack.frame_middle
        self.clip_of = np.repeat(np.arange(len(clips)), clips["num_frames"].astype(np.int64))
        self.first_mel = clips["first_mel"].astype(np.int64)[self.clip_of]
        self.num_mels = clips["num_mels"].astype(np.int64)[self.clip_of]
        self.clip_name = [f"{_text(row['speaker'])}/{_text(row['name'])}" for row in clips]
        self.rows: list[int] = []
        self.frames: dict[int, np.ndarray] = {}
        speakers = []
        for row, clip in enumerate(clips):
            if _text(clip["split"]) != split:
                continue
            first = int(clip["first_frame"])
            frames = first + np.flatnonzero(pack.has_face[first : first + int(clip["num_frames"])])
            if len(frames) and frames[-1] - frames[0] >= 2 * MIN_GAP:
                self.rows.append(row)
                self.frames[row] = frames
                speakers.append(_text(clip["speaker"]))
        if not self.rows:
            raise NothingToDoError(f"no clip with faces in the split {split!r}", pack.path, "see lipsync info")
        self.speaker = np.array(speakers)
        self.num_frames = np.array([len(self.frames[row]) for row in self.rows])
        self._quiet: dict[int, np.ndarray] = {}
        self._held: Tensor | None = None
        self._runs: dict[tuple[int, int], np.ndarray] = {}
        self._with_target: dict[tuple[int, ReferenceGap], np.ndarray] = {}

    def windows(self, frames: np.ndarray, length: int | None = None) -> np.ndarray:
        """Cut the mel windows of frames: shape (n, T, M), or of another length than T."""
        length = length or self.window
        starts = window_start(self.middle[frames], length)
        return windows(self.mel, starts, self.first_mel[frames], self.num_mels[frames], length)

    def fetch_windows(self, frames: np.ndarray, device: str, length: int | None = None) -> Tensor:
        """Cut the mel windows of frames on the device, where the mels stay: as `windows`."""
        import torch

        length = length or self.window
        if device == "cpu":
            return torch.from_numpy(self.windows(frames, length))
        if self._held is None:
            self._held = torch.from_numpy(self.mel).to(device)
        columns = (window_start(self.middle[frames], length), self.first_mel[frames], self.num_mels[frames])
        start, first, count = torch.from_numpy(np.stack(columns)).to(device)[:, :, None]
        index = start + torch.arange(length, device=device)
        cut = self._held[(first + index).clamp(0, len(self._held) - 1)]
        return cut.masked_fill(((index < 0) | (index >= count))[:, :, None], SILENCE)

    def fetch_speech(self, frames: np.ndarray, device: str, variants: np.ndarray | None = None) -> Tensor:
        """Cut what the generator hears of frames, see `speech_windows.SpeechWindows`; on the device."""
        import torch

        if self.hears == MEL:
            return self.fetch_windows(frames, device).transpose(1, 2)[:, None].contiguous()
        cut = self.speech.cut(self.clip_of[frames], self.middle[frames], variants)
        return torch.from_numpy(cut).to(device)

    def quiet_frames(self, row: int) -> np.ndarray:
        """Find the frames of a clip with the least sound around them."""
        if row not in self._quiet:
            frames = self.frames[row]
            middle = slice(WINDOW // 2 - 4, WINDOW // 2 + 5)
            loudness = self.windows(frames, WINDOW)[:, middle].mean((1, 2))
            keep = max(2, int(QUIET_SHARE * len(frames)))
            self._quiet[row] = frames[np.argsort(loudness, kind="stable")[:keep]]
        return self._quiet[row]

    def draw(self, sampling: Sampling, step: int) -> Draw:
        """Draw the frames of one training step; the same seed and step give the same frames."""
        rng = np.random.default_rng([sampling.seed, step])
        share = sampling.targets_per_reference
        num_references = sampling.batch_size // share
        probabilities = self.clip_probabilities(sampling.speaker_temperature)
        if sampling.consecutive:
            has_frames = [len(self.find_runs(row, share)) > 0 for row in self.rows]
            lack = f"{share} consecutive frames with a face"
        else:
            has_frames = [len(self.find_references(row, sampling.gap)) > 0 for row in self.rows]
            lack = f"two frames with a face that are {sampling.gap} frames apart"
        if not any(has_frames):
            raise NothingToDoError(f"no clip has {lack}", self.path)
        if not all(has_frames):
            probabilities = probabilities * has_frames
            probabilities = probabilities / probabilities.sum()
        rows = rng.choice(len(self.rows), num_references, p=probabilities)
        others = rng.integers(0, len(self.rows), sampling.batch_size)
        references: list[int] = []
        targets: list[int] = []
        mismatched: list[int] = []
        for index in rows:
            row = self.rows[index]
            frames = self.frames[row]
            pool = self.quiet_frames(row) if rng.random() < sampling.quiet_reference else frames
            if sampling.consecutive:
                starts = self.find_runs(row, share)
                targets_here = int(starts[rng.integers(0, len(starts))]) + np.arange(share)
                reference = _apart_from_run(rng, pool, frames, targets_here, sampling.gap)
            else:
                usable = self.find_references(row, sampling.gap)
                quiet = pool[np.isin(pool, usable)]
                reference, targets_here = _apart(rng, quiet if len(quiet) else usable, frames, share, sampling.gap)
            references.append(reference)
            targets.extend(targets_here)
        for target, other in zip(targets, others, strict=True):
            mismatched.append(self._draw_mismatched(rng, target, self.rows[other]))
        return Draw(np.array(references), np.array(targets), np.array(mismatched))

    def find_runs(self, row: int, length: int) -> np.ndarray:
        """Find the frames of a clip with which a run of consecutive frames with a face begins."""
        if (row, length) not in self._runs:
            frames = self.frames[row]
            follow = frames[:, None] + np.arange(length)
            self._runs[row, length] = frames[np.isin(follow, frames).all(1)]
        return self._runs[row, length]

    def find_references(self, row: int, gap: ReferenceGap) -> np.ndarray:
        """Find the frames of a clip that have a target at an allowed distance."""
        if (row, gap) not in self._with_target:
            self._with_target[row, gap] = self.frames[row][gap.have_target(self.frames[row])]
        return self._with_target[row, gap]

    def draw_evaluation(self, per_clip: int, seed: int = 0) -> Draw:
        """Draw the fixed frames on which quality is measured.

        Every clip gives `per_clip` targets spread evenly over it (all of them if it has fewer), each with its own
        random reference at least 6 frames away and the sound of a random frame of another clip.
        """
        references, targets, mismatched = [], [], []
        for position, row in enumerate(self.rows):
            rng = np.random.default_rng([seed, position])
            frames = self.frames[row]
            count = min(per_clip, len(frames))
            for target in frames[np.linspace(0, len(frames) - 1, count).round().astype(int)]:
                apart = frames[np.abs(frames - target) >= MIN_GAP]
                references.append(int(apart[rng.integers(0, len(apart))]))
                targets.append(target)
                mismatched.append(self._draw_mismatched(rng, target, self.rows[rng.integers(0, len(self.rows))]))
        return Draw(np.array(references), np.array(targets), np.array(mismatched))

    def _draw_mismatched(self, rng: np.random.Generator, target: int, row: int) -> int:
        own = int(self.clip_of[target])
        if row == own and len(self.rows) > 1:
            row = self.rows[(self.rows.index(row) + 1) % len(self.rows)]
        frames = self.frames[row]
        if row == own:
            frames = frames[np.abs(frames - target) >= MIN_GAP]
        return int(frames[rng.integers(0, len(frames))])

    def clip_probabilities(self, temperature: float) -> np.ndarray:
        """Give the probability of each clip of `rows`, see `Sampling.speaker_temperature`."""
        _, where = np.unique(self.speaker, return_inverse=True)
        totals = np.bincount(where, self.num_frames)
        speaker_weights = totals ** (1 / temperature)
        probabilities = speaker_weights[where] * self.num_frames / totals[where]
        return probabilities / probabilities.sum()


def gather(
    crops: Crops, table: FrameTable, draw: Draw, device: str = "cpu", variants: np.ndarray | None = None
) -> Batch:
    """Fetch the pixels and sounds of a draw.

    Parameters
    ----------
    crops : all crops of the pack decoded, shape (N, S, S, 3) uint8, in main memory or on the device, or the pack itself
        to read them as they are needed
    variants : shape (B,), which altered copies of the sounds the generator hears, where there are any
    """

    def images(frames: np.ndarray) -> Tensor:
        return fetch_pixels(crops, frames, device).permute(0, 3, 1, 2).float().div_(255)

    def mels(frames: np.ndarray) -> Tensor:
        return table.fetch_windows(frames, device).transpose(1, 2)[:, None].contiguous()

    mel, mismatched_mel = mels(draw.target), mels(draw.mismatched)
    if table.hears == MEL:
        return Batch(images(draw.reference), images(draw.target), mel, mismatched_mel, mel, mismatched_mel)
    speech, mismatched = (table.fetch_speech(frames, device, variants) for frames in (draw.target, draw.mismatched))
    return Batch(images(draw.reference), images(draw.target), mel, mismatched_mel, speech, mismatched)


def fetch_pixels(crops: Crops, frames: np.ndarray, device: str) -> Tensor:
    """Fetch crops: shape (n, S, S, 3), uint8 RGB, on the device; see `gather` for what they are fetched from."""
    import torch

    if isinstance(crops, torch.Tensor):
        return crops[torch.from_numpy(frames).to(crops.device)]
    pixels = torch.from_numpy(crops[frames] if isinstance(crops, np.ndarray) else crops.read_crops(frames))
    return pixels if device == "cpu" else pixels.pin_memory().to(device, non_blocking=True)


def _apart(
    rng: np.random.Generator, pool: np.ndarray, frames: np.ndarray, count: int, gap: ReferenceGap
) -> tuple[int, np.ndarray]:
    reference = int(pool[rng.integers(0, len(pool))])
    apart = frames[gap.allows(np.abs(frames - reference))]
    return reference, rng.choice(apart, count, replace=len(apart) < count)


def _apart_from_run(
    rng: np.random.Generator, pool: np.ndarray, frames: np.ndarray, run: np.ndarray, gap: ReferenceGap
) -> int:
    for candidates in (pool, frames):
        apart = candidates[gap.allows(np.maximum(run[0] - candidates, candidates - run[-1]))]
        if len(apart):
            return int(apart[rng.integers(0, len(apart))])
    return int(frames[np.abs(frames - run.mean()).argmax()])  # a short clip: as far as there is


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
