"""How far a reference S' and its target S lie apart in a clip."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GAP = re.compile(r"(\d{1,6})\.\.(\d{0,6})", re.ASCII)


class ReferenceGap(NamedTuple):
    """Frames between reference and target, both ends allowed; None: no upper end.

    LipGAN's code has 6 and more, the thesis (section 5.1) 1 to 6.
    """

    least: int = 6
    most: int | None = None

    def allows(self, distance: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Say which distances, in frames and of any shape, it allows."""
        far = distance >= self.least
        return far if self.most is None else far & (distance <= self.most)

    def have_target(self, frames: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Say which of a clip's frames, shape (n,) and ascending, have another one at an allowed distance."""
        return np.array([self.allows(np.abs(frames - frame)).any() for frame in frames], bool)

    def __str__(self) -> str:
        return f"{self.least}..{'' if self.most is None else self.most}"


def parse_gap(text: str) -> ReferenceGap:
    """Read "A..B", or "A.." for A and more.

    Raises
    ------
    UsageError : it is something else, A is 0, or B is less than A
    """
    found = _GAP.fullmatch(text.strip())
    least, most = (int(found[1]), int(found[2]) if found[2] else None) if found else (0, None)
    if least < 1 or (most is not None and most < least):
        raise UsageError("is no range of frames", hint="give one such as 1..6 (the thesis) or 6.. (LipGAN)")
    return ReferenceGap(least, most)
