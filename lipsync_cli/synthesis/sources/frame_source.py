"""What the renderer asks of a source of frames, and what the search for faces and references asks beside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.media.video.yuv_frame import Frame


class FrameSource(Protocol):
    """Gives frames to draw on; of a live source nothing more is needed."""

    @property
    def width(self) -> int:
        """Of a frame, in pixels."""
        ...

    @property
    def height(self) -> int:
        """Of a frame, in pixels."""
        ...

    @property
    def matrix(self) -> str | None:
        """Colour matrix of frames in YUV, None where frames are arrays (H, W, 3) uint8 RGB."""
        ...

    @property
    def frame_bytes(self) -> int:
        """Memory that a frame takes."""
        ...

    def frames(self, order: np.ndarray) -> Iterator[tuple[int, Frame]]:
        """Give (frame index, frame) in an order of frame indices (M,); a frame shown twice in a row is one object."""
        ...


class ScannedSource(FrameSource, Protocol):
    """A source of known length, which can be gone through before anything is drawn."""

    @property
    def num_frames(self) -> int:
        """How many frames there are."""
        ...

    def scan(self) -> Iterator[Frame]:
        """Give every frame once, in order."""
        ...

    def at_hand(self) -> list[int]:
        """Return the indices of the frames that `frame` gives at once, after `scan`."""
        ...

    def frame(self, number: int) -> Frame:
        """Return one frame by its index."""
        ...
