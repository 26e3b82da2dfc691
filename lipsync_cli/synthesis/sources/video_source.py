"""The source's frames: once through to find the face, then in the order of the plan, in constant memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.media.probe import MediaInfo
from lipsync_cli.media.video.decode import read_frames, read_image, read_yuv_frames
from lipsync_cli.media.video.yuv_frame import YuvFrame
from lipsync_cli.runtime.disk_array import DiskArray

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.media.video.yuv_frame import Frame

SPOOL_BYTES = 256 << 20  # room on disk for frames on the way
SKIP_FRAMES = 100  # so many frames are sooner decoded than sought
ONE_THREAD_PIXELS = 1280 * 720  # frames up to this size are decoded by one thread, a tenth cheaper, while others draw
NUM_KEPT = 40  # frames of a long video that stay at hand for the choice of the reference


class VideoSource:
    """A context manager over the frames of a video or a photo.

    What fits into the spool is decoded once. Of a longer video, frames are decoded again when they are needed, but for
    its end, which stays in the spool as long as that is not wanted for others: where the order runs backwards, it does
    so a stretch at a time, which is decoded forwards into the spool and read from its end.

    Parameters
    ----------
    info : what `probe` says about the file
    num_frames : how many frames, from the first, are needed
    spool_bytes : room for frames on disk
    first : number of the file's frame that counts as frame 0 here
    filters : as for `read_frames`
    matrix : as for `read_yuv_frames`, whose frames are then given; None: frames are arrays (H, W, 3) uint8 RGB, as a
        photo always is
    read : decodes frames as arrays, as `read_frames` does
    """

    def __init__(
        self,
        info: MediaInfo,
        num_frames: int,
        spool_bytes: int = SPOOL_BYTES,
        first: int = 0,
        filters: tuple[str, ...] = (),
        matrix: str | None = None,
        *,
        read: Callable[..., Iterator[np.ndarray]] = read_frames,
    ) -> None:
        if info.video is None:
            raise InputError("has no picture", info.path)
        self.path, self.is_image, self.num_frames = Path(info.path), info.is_image, num_frames
        self._read_frames = read
        self._first, self._filters, self.matrix = first, filters, None if info.is_image else matrix
        self.width, self.height = info.video.width, info.video.height
        shape = (self.height, self.width, 3) if self.matrix is None else (self.height * 3 // 2, self.width)
        self.frame_bytes = math.prod(shape)
        self.stretch = max(1, spool_bytes // self.frame_bytes)  # frames that the spool has room for
        self.is_kept_whole = num_frames <= self.stretch
        self._spool, self._kept = DiskArray(shape), DiskArray(shape)
        self._photo: np.ndarray | None = None
        self._reader: Generator[Frame, None, None] | None = None  # of frames that were not scanned
        self._next = 0  # number of the frame that the reader gives next

    def __enter__(self) -> VideoSource:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._end_reader()
        self._spool.close()
        self._kept.close()

    def scan(self) -> Iterator[Frame]:
        """Give every frame once, in order; some, or all, stay at hand.

        Raises
        ------
        InputError : the file ends before `num_frames` frames, or is damaged
        """
        if self.is_image:
            self._photo = read_image(self.path)
            yield self._photo
            return
        step = max(1, self.num_frames // NUM_KEPT)
        for number, frame in enumerate(self._decode(0, self.num_frames, scanning=True)):
            if number >= self.num_frames - self.stretch:
                self._write(self._spool, number, frame)
            if not self.is_kept_whole and number % step == step // 2:
                self._write(self._kept, number, frame)
            yield frame

    def at_hand(self) -> list[int]:
        """Return the numbers of the frames that `frame` can give at once: none before `scan`, but for a photo."""
        if self.is_image:
            return [0]
        return self._spool.numbers() if self.is_kept_whole else self._kept.numbers()

    @property
    def num_stored(self) -> int:
        """How many frames are on disk now, in the stretch and spread over the whole video."""
        return len(self._spool) + len(self._kept)

    def frame(self, number: int) -> Frame:
        """Return one frame; one that is not at hand is decoded."""
        if self.is_image:
            if self._photo is None:
                self._photo = read_image(self.path)
            return self._photo
        kept = self._spool if self.is_kept_whole else self._kept
        if number in kept:
            return self._read(kept, number)
        with closing(self._decode(number, number + 1)) as frames:
            frame = next(frames)
        self._write(kept, number, frame)
        return frame

    def frames(self, order: np.ndarray) -> Iterator[tuple[int, Frame]]:
        """Give (number, frame) in the given order; a frame shown twice in a row is the same object.

        Of a source that was not scanned, what fits into the spool is decoded once here.
        """
        for first, last, step in runs(order):
            if self.is_image or self.is_kept_whole:
                numbers = range(first, last + step, step) if step else (first,) * (last + 1)
                yield from self._at_hand(iter(numbers))
            elif step == 0:
                frame = next(self._decode(first, first + 1))
                for _ in range(last + 1):
                    yield first, frame
            elif step == 1:
                yield from self._forwards(first, last)
            else:
                yield from self._backwards(first, last)

    def _at_hand(self, numbers: Iterator[int]) -> Iterator[tuple[int, Frame]]:
        held, frame = -1, None
        for number in numbers:
            if number != held or frame is None:
                held, frame = number, self._read_on(number)
            yield number, frame

    def _read_on(self, number: int) -> Frame:
        """Return a frame and keep it; what is not at hand comes from one decoder as long as the numbers rise."""
        if self.is_image or number in self._spool:
            return self.frame(number)
        if self._reader is None or not self._next <= number < self._next + SKIP_FRAMES:
            self._end_reader()
            self._reader, self._next = self._decode(number, self.num_frames), number
        while True:
            frame = next(self._reader)
            self._next += 1
            if self._next > number:
                self._write(self._spool, number, frame)
                return frame

    def _end_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = None

    def _forwards(self, first: int, last: int) -> Iterator[tuple[int, Frame]]:
        """Give the frames from number `first` up to `last`; the last of them may be in the spool."""
        stop = last + 1
        while stop > first and stop - 1 in self._spool:
            stop -= 1
        if stop > first:
            yield from enumerate(self._decode(first, stop), first)
        for number in range(stop, last + 1):
            yield number, self._read(self._spool, number)

    def _backwards(self, first: int, last: int) -> Iterator[tuple[int, Frame]]:
        """Give the frames from number `first` down to `last`; the first of them may be in the spool."""
        while first >= last and first in self._spool:
            yield first, self._read(self._spool, first)
            first -= 1
        for stop in range(first + 1, last, -self.stretch):
            start = max(last, stop - self.stretch)
            self._spool.clear()
            for number, frame in enumerate(self._decode(start, stop), start):
                self._write(self._spool, number, frame)
            for number in range(stop - 1, start - 1, -1):
                yield number, self._read(self._spool, number)

    def _read(self, spool: DiskArray, number: int) -> Frame:
        pixels = spool.read(number)
        return pixels if self.matrix is None else YuvFrame(pixels, self.matrix)

    @staticmethod
    def _write(spool: DiskArray, number: int, frame: Frame) -> None:
        spool.write(number, frame.planes if isinstance(frame, YuvFrame) else frame)

    def _decode(self, start: int, stop: int, scanning: bool = False) -> Generator[Frame, None, None]:
        """Give frames `start` ... `stop - 1`, or raise InputError if there are fewer."""
        number, is_small = start, self.width * self.height <= ONE_THREAD_PIXELS
        threads = 1 if is_small and not scanning else None
        span = self._first + start, self._first + stop
        decoded: Iterator[Frame]
        if self.matrix is None:
            decoded = self._read_frames(self.path, *span, threads=threads, filters=self._filters)
        else:
            decoded = read_yuv_frames(self.path, self.matrix, *span, filters=self._filters, threads=threads)
        with closing(decoded):  # type: ignore[type-var]
            for frame in decoded:
                yield frame
                number += 1
        if number < stop:
            raise InputError(f"ends after {number} of {self.num_frames} frames", self.path, "the file may be truncated")


def runs(order: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Split an order of frames into runs (first, last, step) with step 1 or -1; step 0 is (frame, times - 1, 0).

    Examples
    --------
    0 1 2 1 0 1 2 2 2 gives (0, 2, 1), (1, 0, -1), (1, 2, 1), (2, 1, 0)
    """
    position = 0
    while position < len(order):
        first = int(order[position])
        end = position + 1
        step = int(order[end]) - first if end < len(order) else 1
        if step not in (-1, 0, 1):
            step = 1
        while end < len(order) and int(order[end]) - int(order[end - 1]) == step:
            end += 1
        last = int(order[end - 1])
        yield (first, end - position - 1, 0) if step == 0 else (first, last, step)
        position = end
