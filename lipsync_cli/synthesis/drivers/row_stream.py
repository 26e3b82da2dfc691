"""Rows that are computed of a sound as it is read, and kept on disk: spectrograms, or the sound itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lipsync_cli.runtime.disk_array import DiskArray
from lipsync_cli.speech.mel import N_MELS

if TYPE_CHECKING:
    import numpy as np

BLOCK = 1024  # rows computed and kept at once
MARGIN = 4  # rows whose sound is computed again at both ends of a block: more than half a transform


class RowStream:
    """The rows of a spectrogram of any length, computed a block at a time from pieces of sound, and kept on disk.

    Parameters
    ----------
    transform : samples (n,) to rows (1 + n // hop, C), row i centred on sample i * hop
    hop : samples from row to row
    seen : told of each block of rows
    width : C
    """

    def __init__(
        self,
        transform: Callable[[np.ndarray], np.ndarray],
        hop: int,
        seen: Callable[[np.ndarray], None] = lambda rows: None,
        width: int = N_MELS,
    ) -> None:
        import numpy as np

        self._transform, self._hop, self._seen, self._width = transform, hop, seen, width
        self._held = np.zeros(MARGIN * hop, np.float32)  # what comes before the sound is silence
        self._spool = DiskArray((BLOCK, width), "float32")
        self.num_rows = 0

    def add(self, piece: np.ndarray) -> None:
        """Take the next piece of the sound (n,)."""
        import numpy as np

        self._held = np.concatenate([self._held, piece])
        size = (BLOCK + 2 * MARGIN) * self._hop
        while len(self._held) >= size:
            self._keep(self._transform(self._held[:size])[MARGIN : MARGIN + BLOCK])
            self._held = self._held[BLOCK * self._hop :]

    def end(self) -> None:
        """Take the sound as complete."""
        rows = self._transform(self._held)[MARGIN:]
        for first in range(0, len(rows), BLOCK):
            self._keep(rows[first : first + BLOCK])

    def read(self, first: int, stop: int) -> np.ndarray:
        """Return the rows `first` ... `stop - 1`, as far as there are any: (n, C) float32."""
        import numpy as np

        first, stop = max(0, first), min(stop, self.num_rows)
        if first >= stop:
            return np.zeros((0, self._width), np.float32)
        start = first // BLOCK * BLOCK
        rows = [self._spool.read(block) for block in range(start // BLOCK, -(-stop // BLOCK))]
        return np.concatenate(rows)[first - start : stop - start]

    def close(self) -> None:
        """Give the room on disk back."""
        self._spool.close()

    def _keep(self, rows: np.ndarray) -> None:
        import numpy as np

        self._seen(rows)
        padded = np.zeros((BLOCK, self._width), np.float32)
        padded[: len(rows)] = rows
        self._spool.write(len(self._spool), padded)
        self.num_rows += len(rows)
