"""A source of frames whose faces are swapped: to be written as it is, or to be drawn on by whatever takes a source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.faces.aligned.alignment import cut_aligned
from lipsync_cli.synthesis.sources.source_clip import SourceClip

if TYPE_CHECKING:
    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.synthesis.sources.video_source import VideoSource
    from lipsync_cli.synthesis.swapping.face_path import FacePath
    from lipsync_cli.synthesis.swapping.swap_compositor import Occluder, SwapCompositor
    from lipsync_cli.synthesis.swapping.swap_network import SwapNetwork

DETAIL_EVERY = 5  # frames of which the fine detail is measured
FindOccluders = Callable[[Sequence[int], "Sequence[Frame]"], "list[Occluder | None]"]


@dataclass(frozen=True)
class SwappedFace:
    """Whose face becomes whose.

    Attributes
    ----------
    path : where it is
    person : number of the decoder that draws it
    find_occluders : finds what lies over it in frames that come in order; None: it is not looked for
    """

    path: FacePath
    person: int
    find_occluders: FindOccluders | None = None


@dataclass
class Swapper:
    """Swaps the faces of frames.

    Attributes
    ----------
    network, compositor : what draws faces, and what puts them into frames
    faces : whose
    batch_size : faces that are drawn at once
    covered : numbers of the frames in which something was found over a face
    detail : sums of the fine detail of faces as filmed and as drawn, each at the size of the film
    """

    network: SwapNetwork
    compositor: SwapCompositor
    faces: tuple[SwappedFace, ...]
    batch_size: int = 8
    covered: set[int] = field(default_factory=set)
    detail: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def swap(self, frames: Iterable[tuple[int, Frame]]) -> Iterator[tuple[int, Frame]]:
        """Give frames with their numbers, in their order; those without a face are the source's own."""
        waiting = iter(frames)
        while batch := list(islice(waiting, self.batch_size)):
            numbers, pixels = [number for number, _ in batch], [frame for _, frame in batch]
            result = list(pixels)
            for face in self.faces:
                self._swap(face, numbers, pixels, result)
            yield from zip(numbers, result, strict=True)

    def _swap(self, face: SwappedFace, numbers: list[int], pixels: list[Frame], result: list[Frame]) -> None:
        """Put one face into the frames of a batch, changed in `result`."""
        path, side = face.path, self.network.side
        places = [place for place, number in enumerate(numbers) if number in path]
        if not places:
            return
        shown = np.stack([cut_aligned(pixels[place], path.similarities[numbers[place]], side) for place in places])
        drawn = self.network.draw(shown, face.person)
        occluders: list[Occluder | None] = [None] * len(places)
        if face.find_occluders is not None:
            occluders = face.find_occluders([numbers[place] for place in places], [pixels[place] for place in places])
        for index, (place, occluder) in enumerate(zip(places, occluders, strict=True)):
            number = numbers[place]
            before = result[place]
            similarity = path.similarities[number]
            result[place] = self.compositor.compose(
                before,
                similarity,
                path.places[number],
                shown[index],
                (drawn.colour[index], drawn.mask[index]),
                occluder=occluder,
            )
            if occluder is not None:
                self.covered.add(number)
            if number % DETAIL_EVERY == 0:
                for kind, frame in enumerate((before, result[place])):
                    self.detail[kind] += _detail(frame, similarity)

    @property
    def sharpness(self) -> float | None:
        """Fine detail of the drawn faces over that of the filmed ones; None: nothing was drawn."""
        filmed, drawn = self.detail
        return drawn / filmed if filmed > 0 else None


class SwappedSource:
    """A context manager over the frames of a video, with other faces; see `ScannedSource`.

    Parameters
    ----------
    video : the frames as filmed; closed with this object
    swapper : swaps them, each time that they are asked for
    """

    def __init__(self, video: VideoSource, swapper: Swapper) -> None:
        self._video, self._swapper = video, swapper
        self.num_frames, self.width, self.height = video.num_frames, video.width, video.height
        self.matrix, self.frame_bytes = video.matrix, video.frame_bytes

    def __enter__(self) -> SwappedSource:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._video.__exit__(kind, error, tb)

    def scan(self) -> Iterator[Frame]:
        """Give every frame once, in order."""
        yield from (frame for _, frame in self._swapper.swap(enumerate(self._video.scan())))

    def at_hand(self) -> list[int]:
        """Return the numbers of the frames that need not be decoded again."""
        return self._video.at_hand()

    def frame(self, number: int) -> Frame:
        """Return one frame."""
        return next(self._swapper.swap([(number, self._video.frame(number))]))[1]

    def frames(self, order: np.ndarray) -> Iterator[tuple[int, Frame]]:
        """Give (number, frame) in an order."""
        yield from self._swapper.swap(self._video.frames(order))


@dataclass(frozen=True)
class SwappedClip(SourceClip):
    """A part of a video whose faces are swapped when it is opened.

    Attributes
    ----------
    swapper : swaps them
    """

    swapper: Swapper | None = None

    @classmethod
    def of(cls, clip: SourceClip, swapper: Swapper) -> SwappedClip:
        """Return a clip like another."""
        own = {each.name: getattr(clip, each.name) for each in fields(SourceClip)}
        return cls(**own, swapper=swapper)

    def open(self, num_frames: int) -> Any:
        """Return the source of its first `num_frames` frames, a context manager."""
        video = super().open(num_frames)
        return video if self.swapper is None else SwappedSource(video, self.swapper)


def _detail(frame: Frame, similarity: np.ndarray) -> float:
    """Return the fine detail of a frame's face: the mean magnitude of the Laplacian inside of its middle, in levels."""
    import cv2

    back: np.ndarray = cv2.invertAffineTransform(similarity)
    corners = back[:, :2] @ np.array([[0.25, 0.75, 0.25, 0.75], [0.25, 0.25, 0.8, 0.8]]) + back[:, 2:]
    left, top = (max(0, int(edge)) for edge in corners.min(1))
    right, bottom = (max(0, int(edge)) for edge in corners.max(1))
    part = frame[top:bottom, left:right]
    if min(part.shape[:2]) < 3:
        return 0.0
    grey = cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean())
