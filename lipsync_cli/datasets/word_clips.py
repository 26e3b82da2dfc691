"""Mouths and the words that they say: what a lip reader is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.datasets.frame_table import fetch_pixels
from lipsync_cli.errors import NothingToDoError
from lipsync_cli.models.lip_reader import CONTEXT, FPS, SHRINK, VOCABULARY

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.frame_table import Crops, FrameTable
    from lipsync_cli.speech.transcript import Transcripts, Word

WORDS = 6  # of a sentence of GRID
NEAR_S = 0.06  # a moment without a frame this near to it is not seen
_PLACE = {word: place for place, word in enumerate(VOCABULARY)}


class Spoken(NamedTuple):
    """The frames of a clip that show its words, 25 a second.

    Attributes
    ----------
    take : shape (T,), which of the clip's frames are shown; where there is none, the nearest
    spans : shape (K, 2), float32, first and last moment of each word in frames of `take`
    words : shape (K,), int64, places in `VOCABULARY`
    is_seen : shape (K,), bool: whether the whole word has frames of its own
    """

    take: np.ndarray
    spans: np.ndarray
    words: np.ndarray
    is_seen: np.ndarray


class Utterances(NamedTuple):
    """Sentences of C clips of K words each.

    Attributes
    ----------
    faces : shape (C, T, S / 2, S / 2), small and grey, in [0, 1]; or (C, T, S / 4, S / 4), the mouths alone
    spans : shape (C, K, 2), see `Spoken`
    words : shape (C, K), places in `VOCABULARY`
    """

    faces: Tensor
    spans: Tensor
    words: Tensor


def foreign_word(words: Sequence[Word]) -> str | None:
    """Name the first word that is not of GRID's vocabulary, if there is one."""
    return next((word.text for word in words if word.text not in _PLACE), None)


def show_words(middles: np.ndarray, words: Sequence[Word], length: int | None = None) -> Spoken:
    """Choose the frames that show words, from a few frames before the first to as many after the last.

    Parameters
    ----------
    middles : shape (n,), float64, s, ascending: the middle of each frame's time on screen
    words : of GRID's vocabulary, in order
    length : number of frames to show; None: as many as are needed
    """
    first = math.floor(words[0].start_s * FPS) - CONTEXT
    if length is None:
        length = math.ceil(words[-1].end_s * FPS) + CONTEXT - first
    moments = (first + np.arange(length) + 0.5) / FPS
    after = np.searchsorted(middles, moments).clip(1, max(1, len(middles) - 1))
    before = after - 1
    after = after.clip(max=len(middles) - 1)
    take = np.where(moments - middles[before] <= middles[after] - moments, before, after)
    is_there = np.abs(middles[take] - moments) <= NEAR_S
    spans = np.array([(word.start_s * FPS - first, word.end_s * FPS - first) for word in words], np.float32)
    is_seen = [is_there[int(start) : max(int(start) + 1, math.ceil(end))].all() for start, end in spans]
    return Spoken(take, spans, np.array([_PLACE[word.text] for word in words]), np.array(is_seen, bool))


class SpokenTable:
    """The clips of a split whose six words are known and seen.

    Raises
    ------
    NothingToDoError : if there is none
    """

    def __init__(self, table: FrameTable, middles: np.ndarray, transcripts: Transcripts) -> None:
        self.table, self.middles = table, middles
        self.words: dict[int, tuple[Word, ...]] = {}
        self._small: dict[int, Tensor] = {}
        for row in table.rows:
            speaker, _, name = table.clip_name[row].rpartition("/")
            words = transcripts.read(speaker, name)
            if words is None or len(words) != WORDS or foreign_word(words) is not None:
                continue
            if show_words(middles[table.frames[row]], words).is_seen.all():
                self.words[row] = words
        self.rows = list(self.words)
        if not self.rows:
            fact = f"has no transcript of six words of GRID for any of the {len(table.rows)} clips of a split"
            raise NothingToDoError(
                fact, transcripts.folder, f"name them SPEAKER/CLIP.align, as {table.clip_name[0]}.align"
            )

    def draw(self, clips: int, seed: int, step: int) -> list[int]:
        """Draw the clips of one training step; the same seed and step give the same ones."""
        rng = np.random.default_rng([seed, step])
        return [int(row) for row in rng.choice(self.rows, clips, replace=clips > len(self.rows))]

    def gather(self, crops: Crops, rows: Sequence[int], device: str = "cpu") -> Utterances:
        """Fetch the pixels and words of clips; see `datasets.frame_table.gather` for what they are fetched from."""
        import torch

        frames = [self.table.frames[row] for row in rows]
        shown = [show_words(self.middles[of], self.words[row]) for row, of in zip(rows, frames, strict=True)]
        length = max(len(one.take) for one in shown)
        shown = [show_words(self.middles[of], self.words[row], length) for row, of in zip(rows, frames, strict=True)]
        faces = [
            self._fetch(crops, row, device)[torch.from_numpy(one.take)] for row, one in zip(rows, shown, strict=True)
        ]
        spans, words = (
            torch.from_numpy(np.stack([getattr(one, name) for one in shown])) for name in ("spans", "words")
        )
        return Utterances(torch.stack(faces).float().div_(255), spans.to(device), words.to(device))

    def _fetch(self, crops: Crops, row: int, device: str) -> Tensor:
        """Give the small grey faces of a clip, uint8; they are kept, a twelfth of the crops' size."""
        if row not in self._small:
            grey = to_grey(fetch_pixels(crops, self.table.frames[row], device))
            self._small[row] = (255 * grey).round().byte()
        return self._small[row]


def to_grey(pixels: Tensor) -> Tensor:
    """Turn crops (n, S, S, 3), uint8 RGB, into small grey ones in [0, 1] (ITU-R BT.601): shape (n, S / 2, S / 2)."""
    import torch

    grey = pixels.float() @ (torch.tensor([0.299, 0.587, 0.114], device=pixels.device) / 255)
    return torch.nn.functional.avg_pool2d(grey[:, None], SHRINK)[:, 0]
