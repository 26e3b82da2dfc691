"""What the network computes from the source's faces alone: once a frame, whatever is said and however often."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.synthesis.spool import Spool

if TYPE_CHECKING:
    from lipsync_cli.synthesis.sketch import Sketcher

ROOM_BYTES = 256 << 20  # on disk, for the codes of about 800 frames


@contextmanager
def face_codes(sketcher: Sketcher, room_bytes: int = ROOM_BYTES) -> Generator[FaceCodes | None, None, None]:
    """Give room for the codes of one speaker's faces, or None if there is none or keeping them saves no time."""
    codes = FaceCodes(sketcher, room_bytes) if room_bytes and sketcher.has_codes else None
    try:
        yield codes
    finally:
        if codes is not None:
            codes.close()


class FaceCodes:
    """Keeps codes and poses of faces by the number of the source frame.

    Parameters
    ----------
    sketcher : the generator that makes the codes
    room_bytes : room for codes on disk; frames beyond it are computed each time
    """

    def __init__(self, sketcher: Sketcher, room_bytes: int = ROOM_BYTES) -> None:
        self._sketcher, self.room_bytes = sketcher, room_bytes
        self._spool: Spool | None = None
        self._matrices: dict[int, np.ndarray] = {}

    def close(self) -> None:
        """Give the room on disk back."""
        if self._spool is not None:
            self._spool.close()

    def matrix(self, number: int) -> np.ndarray | None:
        """Return the map (2, 3) from the frame to its crop if the face's code is kept, so that no crop is needed."""
        return self._matrices.get(number)

    def of(
        self,
        numbers: Sequence[int],
        matrices: Sequence[np.ndarray],
        references: Sequence[np.ndarray],
        targets: Sequence[np.ndarray | None],
    ) -> np.ndarray:
        """Return the codes (n, L) of some faces, or (1, L) if all are the same face; keep those that are new.

        Parameters
        ----------
        numbers : of the source frames, in which there may be the same one several times
        matrices : (2, 3) each, from the frame to its crop
        references, targets : crops (S, S, 3) uint8; a target may be None where `matrix` gave one
        """
        first = {number: place for place, number in reversed(list(enumerate(numbers)))}
        new = [number for number in sorted(first) if number not in self._matrices]
        codes: dict[int, np.ndarray] = {}
        if new:
            places = [first[number] for number in new]
            alike = all(references[place] is references[places[0]] for place in places)
            encoded = self._sketcher.encode(
                np.stack([references[place] for place in (places[:1] if alike else places)]),
                np.stack([target for target in (targets[place] for place in places) if target is not None]),
            )
            codes.update(zip(new, encoded, strict=True))
            for number, place in zip(new, places, strict=True):
                self._keep(number, codes[number], matrices[place])
        for number in first.keys() - codes.keys():
            assert self._spool is not None
            codes[number] = self._spool.read(number)
        return np.stack([codes[number] for number in (numbers[:1] if len(first) == 1 else numbers)])

    def _keep(self, number: int, code: np.ndarray, matrix: np.ndarray) -> None:
        if (len(self._matrices) + 1) * code.nbytes > self.room_bytes:
            return
        if self._spool is None:
            self._spool = Spool(code.shape, "float32")
        self._spool.write(number, code)
        self._matrices[number] = matrix
