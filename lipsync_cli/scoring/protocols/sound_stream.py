"""The sound of a film, piece by piece in order, so that its length costs no memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np


class Sound:
    """Reads pieces of a file's sound whose starts never fall.

    Parameters
    ----------
    path : a file; sample 0 is at its first video frame

    Attributes
    ----------
    is_there : whether the file has a sound track
    """

    def __init__(self, path: Path) -> None:
        from lipsync_cli.media.probe import probe
        from lipsync_cli.media.sound.audio import SPEECH_RATE, read_speech_blocks

        self.is_there = probe(path).audio is not None
        self._blocks: Iterator[np.ndarray] = read_speech_blocks(path, SPEECH_RATE) if self.is_there else iter(())
        self._held, self._first = np.zeros(0, np.float32), 0

    def cut(self, start: int, stop: int) -> np.ndarray:
        """Return samples start ... stop - 1 (16 kHz, mono), fewer at the end of the sound."""
        while self._first + len(self._held) < stop and (block := next(self._blocks, None)) is not None:
            self._held = np.concatenate([self._held, block])
            self._drop(start)
        self._drop(start)
        return self._held[start - self._first : stop - self._first].copy()

    def close(self) -> None:
        """End the decoder."""
        if hasattr(self._blocks, "close"):
            self._blocks.close()

    def _drop(self, start: int) -> None:
        gone = min(max(0, start - self._first), len(self._held))
        self._held, self._first = self._held[gone:], self._first + gone
