"""Sequences of clips whose words are known, described by their sounds instead of what is heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.speech.phones.pronunciation import pronounce_grid
from lipsync_cli.speech.phones.timed_phones import TimedPhone, describe_frames, spread
from lipsync_cli.training.sequences import SequenceTable

if TYPE_CHECKING:
    from lipsync_cli.speech.transcript import Transcripts, Word
    from lipsync_cli.training.engine.batch_source import Source

LENGTH = 40  # frames of a sequence: 1.6 s at 25 a second, several words
JITTER_S = 0.02  # by which the ends of words are moved in training at most, because transcripts are not exact


class PhoneSequences:
    """The clips of a split whose words are known, and can be pronounced.

    Attributes
    ----------
    table : of these clips
    symbols : of all sounds that are said in them

    Raises
    ------
    NothingToDoError : there is no such clip
    InputError, ToolError : as `SequenceTable`
    """

    def __init__(self, source: Source, transcripts: Transcripts) -> None:
        def is_known(speaker: str, name: str) -> bool:
            words = transcripts.read(speaker, name)
            return words is not None and all(pronounce_grid(word.text) is not None for word in words)

        try:
            self.table = SequenceTable(source, LENGTH, is_known)
        except NothingToDoError as error:
            hint = "name transcripts SPEAKER/CLIP.align, with words of GRID"
            raise NothingToDoError(error.fact, error.path, hint) from error
        self._words = [transcripts.read(*name) or () for name in self.table.names]
        self.symbols = {phone.symbol for words in self._words for phone in time_words(words)}

    def cut(
        self, clips: np.ndarray, starts: np.ndarray, margin: int, rng: np.random.Generator | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Describe sequences.

        Parameters
        ----------
        clips, starts : shape (n,), see `SequenceTable.draw`
        margin : frames of description before the first, and after the last, that is needed
        rng : moves the ends of the words at random; None: they stay where they are

        Returns
        -------
        frames : shape (n, T + 2 * margin, WIDTH), float32
        place : shape (n, L), where each frame's window begins among the T
        """
        first, place, total = self.table.span(clips, starts)
        frames = [
            describe_frames(time_words(self._words[clip], rng), start - margin, start + total + margin)
            for clip, start in zip(clips, first.tolist(), strict=True)
        ]
        return np.stack(frames), place


def time_words(words: tuple[Word, ...], rng: np.random.Generator | None = None) -> list[TimedPhone]:
    """Spread the sounds of GRID's words over the times in which they are said.

    Parameters
    ----------
    rng : moves the words' ends by up to `JITTER_S`; None: they stay where they are
    """
    phones: list[TimedPhone] = []
    last_s, moved = -1e6, 0.0
    for word in words:
        start_s, end_s = word.start_s, word.end_s
        if rng is not None:
            start_s, end_s = start_s + (moved if start_s == last_s else rng.uniform(-JITTER_S, JITTER_S)), end_s
            last_s, moved = end_s, float(rng.uniform(-JITTER_S, JITTER_S))
            end_s = max(start_s + JITTER_S, end_s + moved)
        found = pronounce_grid(word.text)
        assert found is not None
        phones += spread(found, start_s, end_s)
    return phones
