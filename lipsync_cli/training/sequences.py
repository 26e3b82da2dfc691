"""Runs of consecutive frames with the speech features around them, for what is learned over time without pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch

from lipsync_cli.datasets.frame_table import fetch_pixels
from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.faces.mouth_shapes import NUM_SHAPES, find_measure
from lipsync_cli.speech.speech_features import RATE, WINDOW

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.training.engine.batch_source import Source

_TOGETHER = 256  # crops measured at once


class SequenceTable:
    """The clips of a split that are long enough, and the shapes of their mouths.

    Parameters
    ----------
    source : of a pack with speech features
    length : frames L of a sequence
    is_wanted : whether a clip takes part, by the name of its folder, and its own

    Attributes
    ----------
    path : of the pack
    speakers : shape (C,), whose clip each is
    names : folder and name of each clip
    frames : the frame numbers of each clip, all of them
    shape : shape (N, 3), of every frame of the pack, in standard deviations of its speaker's from the speaker's mean;
        NaN where there is no face or it was not measured
    silence : shape (D,), features of silence

    Raises
    ------
    InputError : the pack has no speech features
    NothingToDoError : no clip is long enough, or none has a mouth that was measured
    ToolError : the pack does not know its mouths, and dlib's landmarks are not installed
    """

    def __init__(
        self, source: Source, length: int, is_wanted: Callable[[str, str], bool] = lambda speaker, name: True
    ) -> None:
        if source.features is None:
            raise InputError("has no speech features", source.path, "make it from lipsync mels --features mel,encoder")
        table = source.table
        self.path, self.length, self.silence = source.path, length, source.features.silence
        self._store, self._clips, self._middle = source.features, source.clips, source.middles
        counts = {row: int(source.clips[row]["num_frames"]) for row in table.rows}
        places = [place for place, row in enumerate(table.rows) if counts[row] >= length]
        if not places:
            raise NothingToDoError(f"no clip of the split {source.split!r} has {length} frames", source.path)
        places = [place for place in places if is_wanted(*_split_name(table.clip_name[table.rows[place]]))]
        if not places:
            raise NothingToDoError(f"no clip of the split {source.split!r} has what is learned from", source.path)
        self.rows = np.array([table.rows[place] for place in places])
        self.names = [_split_name(table.clip_name[row]) for row in self.rows]
        self.speakers = table.speaker[places]
        firsts = source.clips["first_frame"]
        self.frames = [np.arange(int(firsts[row]), int(firsts[row]) + counts[row]) for row in self.rows]
        raw = source.mouth if source.mouth is not None else _measure(source, np.concatenate(self.frames))
        self.shape = self._standardise(raw)

    def draw(self, rng: np.random.Generator, count: int, temperature: float) -> tuple[np.ndarray, np.ndarray]:
        """Draw clips, by their place in `speakers`, and the place in each where a sequence begins: shape (count,) each.

        Parameters
        ----------
        temperature : as in `datasets.frame_table.Sampling`
        """
        sizes = np.array([len(frames) for frames in self.frames], np.float64)
        _, where = np.unique(self.speakers, return_inverse=True)
        totals = np.bincount(where, sizes)
        probabilities = (totals ** (1 / temperature))[where] * sizes / totals[where]
        clips = rng.choice(len(sizes), count, p=probabilities / probabilities.sum())
        return clips, np.array([rng.integers(0, len(self.frames[clip]) - self.length + 1) for clip in clips])

    def numbers(self, clips: np.ndarray, starts: np.ndarray, length: int | None = None) -> np.ndarray:
        """Return the numbers of the sequences' frames in the pack: shape (count, L)."""
        steps = np.arange(self.length if length is None else length)
        return np.array([self.frames[clip][0] for clip in clips])[:, None] + starts[:, None] + steps

    def cut(
        self, clips: np.ndarray, starts: np.ndarray, variants: np.ndarray | None = None, length: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Cut the features of sequences.

        Parameters
        ----------
        clips, starts : shape (n,), as drawn
        variants : shape (n,), which altered copy of each sound; None: the sounds as they are

        Returns
        -------
        features : shape (n, T, D), float32, from half a window before the first frame to half a window after the last
        place : shape (n, L), float32, where each frame's window begins among these

        Raises
        ------
        InputError : a number is not finite
        """
        first, place, total = self.span(clips, starts, length)
        rows, data = self._clips[self.rows[clips]], self._store.data
        index = first[:, None] + np.arange(total)
        inside = (index >= 0) & (index < rows["num_features"][:, None])
        index = np.clip(index, 0, rows["num_features"][:, None] - 1) + rows["first_feature"][:, None]
        which = np.zeros(len(clips), np.int64) if variants is None else variants
        features = self._store.check(data[which[:, None], index].astype(np.float32))
        features[~inside] = self.silence
        return features, place

    def span(
        self, clips: np.ndarray, starts: np.ndarray, length: int | None = None
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Find the feature frames of sequences.

        Returns
        -------
        first : shape (n,), int64, of each in its clip, possibly negative
        place : shape (n, L), float32, where each frame's window begins, counted from there
        total : T, how many each has
        """
        middles = self._middle[self.numbers(clips, starts, length)] * RATE - WINDOW // 2
        first = np.floor(middles[:, 0] + 1e-6).astype(np.int64)
        place = middles - first[:, None]
        return first, place.astype(np.float32), int(np.ceil(place.max())) + WINDOW + 1

    def _standardise(self, raw: np.ndarray) -> np.ndarray:
        shape = np.full((len(raw), NUM_SHAPES), np.nan, np.float32)
        for name in np.unique(self.speakers):
            own = np.concatenate([self.frames[place] for place in np.flatnonzero(self.speakers == name)])
            own = own[np.isfinite(raw[own]).all(1)]
            if len(own) >= self.length:
                shape[own] = (raw[own] - raw[own].mean(0)) / (raw[own].std(0) + 1e-6)
        if not np.isfinite(shape).any():
            raise NothingToDoError("no mouth of its training clips could be measured", self.path)
        return np.clip(shape, -4, 4)


def _split_name(name: str) -> tuple[str, str]:
    """Return folder and name of a clip."""
    folder, _, own = name.rpartition("/")
    return folder, own


def at_places(embedded: Tensor, place: Tensor) -> Tensor:
    """Interpolate embeddings (N, T, D) linearly at places (N, L): shape (N, L, D)."""
    low = place.floor().long().clamp(0, embedded.shape[1] - 1)
    high = (low + 1).clamp(max=embedded.shape[1] - 1)
    part = (place - low)[:, :, None].to(embedded)
    rows = torch.arange(len(embedded), device=embedded.device)[:, None]
    return embedded[rows, low] * (1 - part) + embedded[rows, high] * part


def _measure(source: Source, frames: np.ndarray) -> np.ndarray:
    """Measure the mouths of frames of a pack that does not know them: shape (N, 3), NaN for all others."""
    measure, raw = find_measure(), np.full((len(source.middles), NUM_SHAPES), np.nan, np.float32)
    for first in range(0, len(frames), _TOGETHER):
        part = frames[first : first + _TOGETHER]
        raw[part] = measure(fetch_pixels(source.crops, part, "cpu").cpu().numpy(), source.crop_rule)
    return raw
