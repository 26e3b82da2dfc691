"""The speech that drives the lips: its exact length, and the mel window of every frame."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.media.audio import read_speech_blocks
from lipsync_cli.media.probe import probe
from lipsync_cli.speech.mel import SILENCE, WINDOW, MelParameters, log_mel, window_start, windows
from lipsync_cli.synthesis.spool import Spool

if TYPE_CHECKING:
    import numpy as np

EXACT_S = Fraction(1, 1000)  # a header's length that is this close to the decoded one is right
BLOCK = 1024  # mel frames computed and kept at once
MARGIN = 4  # mel frames whose sound is computed again at both ends of a block: more than half a transform


class Voice:
    """A context manager over the sound of a file as mels, which lie on disk: its length costs no memory.

    Parameters
    ----------
    path : a sound file, or a video with sound
    parameters : of the mels

    Attributes
    ----------
    duration_s : length of the sound
    is_silent : whether all of it is digital silence

    Raises
    ------
    InputError : the file is missing, damaged, or has no sound
    NothingToDoError : the sound has no length
    """

    def __init__(self, path: Path, parameters: MelParameters | None = None) -> None:
        self.path, self._parameters = path, parameters or MelParameters()
        info = probe(path)
        if info.audio is None:
            raise InputError("has no sound", path)
        self.is_silent, self._num_samples, self._num_rows = True, 0, 0
        self._spool = Spool((BLOCK, self._parameters.n_mels), "float32")
        try:
            self._fill()
            if not self._num_samples:
                raise NothingToDoError("holds no sound", path)
        except BaseException:
            self._spool.close()
            raise
        self.duration_s = Fraction(self._num_samples, self._parameters.sample_rate)
        told = info.audio.duration_s
        if info.video is None and told is not None and abs(told - self.duration_s) <= EXACT_S:
            self.duration_s = told

    def __enter__(self) -> Voice:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Give the room on disk back."""
        self._spool.close()

    def windows(self, middles_s: np.ndarray) -> np.ndarray:
        """Return the mel windows (n, 27, 80) of the frames whose middles are given in seconds, shape (n,)."""
        import numpy as np

        starts = window_start(np.asarray(middles_s))
        blocks = range(max(0, int(starts.min())) // BLOCK, (int(starts.max()) + WINDOW - 1) // BLOCK + 1)
        rows = [self._spool.read(block) for block in blocks if block in self._spool]
        if not rows:
            return np.full((len(starts), WINDOW, self._parameters.n_mels), SILENCE, np.float32)
        first = blocks.start * BLOCK
        return windows(np.concatenate(rows)[: self._num_rows - first], starts - first)

    def _fill(self) -> None:
        """Compute the mels of the whole file, a block at a time."""
        import numpy as np

        hop = self._parameters.hop_length
        held = np.zeros(MARGIN * hop, np.float32)  # what comes before the sound is silence
        with closing(read_speech_blocks(self.path, self._parameters.sample_rate)) as pieces:  # type: ignore[type-var]
            for piece in self._counted(pieces):
                held = np.concatenate([held, piece])
                while len(held) >= (BLOCK + 2 * MARGIN) * hop:
                    self._keep(log_mel(held[: (BLOCK + 2 * MARGIN) * hop], self._parameters)[MARGIN : MARGIN + BLOCK])
                    held = held[BLOCK * hop :]
        rows = log_mel(held, self._parameters)[MARGIN:]
        for first in range(0, len(rows), BLOCK):
            self._keep(rows[first : first + BLOCK])

    def _counted(self, pieces: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for piece in pieces:
            self._num_samples += len(piece)
            self.is_silent = self.is_silent and not piece.any()
            yield piece

    def _keep(self, rows: np.ndarray) -> None:
        import numpy as np

        padded = np.full((BLOCK, self._parameters.n_mels), SILENCE, np.float32)
        padded[: len(rows)] = rows
        self._spool.write(len(self._spool), padded)
        self._num_rows += len(rows)
