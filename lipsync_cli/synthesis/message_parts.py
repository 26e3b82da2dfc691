"""Messages of which only a part varies: what they share is drawn once, and joined with what is each one's own.

The frames of the source under a shared part must be the same in every message, however long the parts between them
are. So a part that varies runs forward from where the shared part before it ends, and back again to there, as `--extend
bounce` does; its sound is filled up to an even number of frames. Each frame's source is the neighbour of the one before
it, also where parts meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from lipsync_cli.errors import UsageError
from lipsync_cli.media.timeline import Timeline
from lipsync_cli.media.video.yuv_frame import YuvFrame
from lipsync_cli.runtime.disk_array import DiskArray
from lipsync_cli.synthesis.sources.frame_schedule import FrameSchedule

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.config.placeholders import TextTemplate
    from lipsync_cli.media.video.yuv_frame import Frame

OPEN, CLOSE = "[[", "]]"
HEARD_S = Fraction(6, 25)  # before and after a moment that are heard in its frame
LEAST = 8  # frames of a shared part that are worth being kept


class Part(NamedTuple):
    """A part of a message's text, and whether it is the message's own."""

    text: str
    varies: bool


class Laid(NamedTuple):
    """A part as it lies in a message: how many frames it takes, and whether it is the message's own."""

    num_frames: int
    varies: bool


def has_marks(text: str) -> bool:
    """Tell whether a text says what varies."""
    return OPEN in text or CLOSE in text


def split_marked(text: str) -> tuple[Part, ...]:
    """Split a text at its marks, such as those of `Hello [[Ada]], good morning`.

    Raises
    ------
    ValueError : a mark has no partner
    """
    parts: list[Part] = []
    rest = text
    while rest:
        before, found, rest = rest.partition(OPEN)
        if CLOSE in before:
            raise ValueError(f"has a {CLOSE} without a {OPEN} before it")
        parts.append(Part(before, False))
        if not found:
            break
        own, closed, rest = rest.partition(CLOSE)
        if not closed or OPEN in own:
            raise ValueError(f"has a {OPEN} without a {CLOSE} after it")
        parts.append(Part(own, True))
    return tuple(part for part in parts if any(letter.isalnum() for letter in part.text))


def check_marks(template: TextTemplate, what: str) -> None:
    """Raise UsageError if a field stands outside the marks, or a mark has no partner.

    Parameters
    ----------
    what : the option, for the error
    """
    hint = f"such as 'Hello {OPEN}{{name}}{CLOSE}, your parcel is here.'"
    try:
        split_marked("".join("x" if is_field else part for part, is_field in template.parts))
    except ValueError as error:
        raise UsageError(f"{what} {error}", hint=hint) from None
    depth = 0
    for part, is_field in template.parts:
        if is_field and not depth:
            raise UsageError(f"{what} has the field {{{part}}} outside {OPEN}{CLOSE}, where nothing varies", hint=hint)
        if not is_field:
            depth += part.count(OPEN) - part.count(CLOSE)


def lay_frames(parts: Sequence[Laid], num_source: int) -> np.ndarray:
    """Return the source frame of each frame of a message, (M,) int64.

    Parameters
    ----------
    parts : those that vary, but for the last part of all, have an even number of frames
    num_source : frames of the source; where it ends, it is played back

    Raises
    ------
    ValueError : a part that varies has an odd number of frames
    """
    import numpy as np

    order = _run_there_and_back(parts)
    if num_source < 2:
        return np.zeros_like(order)
    turn = num_source - 1
    folded: np.ndarray = turn - np.abs(turn - order % (2 * turn))
    return folded


def _run_there_and_back(parts: Sequence[Laid]) -> np.ndarray:
    """Return the source frame of each frame of a message, for a source without an end; ValueError as `lay_frames`."""
    import numpy as np

    places: list[np.ndarray] = []
    now = 0
    for number, part in enumerate(parts):
        if not part.varies:
            places.append(np.arange(now, now + part.num_frames))
            now += part.num_frames
            continue
        if part.num_frames % 2 and number + 1 < len(parts):
            raise ValueError(f"a part that varies has {part.num_frames} frames, which is odd")
        half = ceil(part.num_frames / 2)
        there = np.arange(now, now + half)
        places.append(np.concatenate([there, there[::-1] - 1])[: part.num_frames])
    return np.abs(np.concatenate(places).astype(np.int64))


def plan_parts(parts: Sequence[Laid], timeline: Timeline, sound_s: Fraction) -> FrameSchedule:
    """Return the schedule of a message in parts; the source's frames are equally long."""
    order = lay_frames(parts, timeline.num_frames)
    shown = Timeline.constant(timeline.rate, len(order))
    is_extended = int(_run_there_and_back(parts).max()) >= timeline.num_frames
    return FrameSchedule(order, shown, min(sound_s, shown.duration_s), is_extended)


@dataclass(frozen=True)
class Span:
    """Frames `start` ... `stop - 1` of a message; `shared` is the number of the shared part they are of, or None."""

    start: int
    stop: int
    shared: int | None


def split_frames(parts: Sequence[Laid], rate: Fraction) -> list[Span]:
    """Split a message's frames into those that all messages share, and those that are its own.

    Frames in which a part that varies is heard are its own, too.
    """
    beside = ceil(HEARD_S * rate)
    spans: list[Span] = []
    now = own = 0
    for number, part in enumerate(parts):
        start, stop = now, now + part.num_frames
        now = stop
        first = start + (beside if number else 0)
        last = stop - (beside if number + 1 < len(parts) else 0)
        if not part.varies and last - first >= LEAST:
            if first > own:
                spans.append(Span(own, first, None))
            spans.append(Span(first, last, number))
            own = last
    if now > own:
        spans.append(Span(own, now, None))
    return spans


class FrameStore:
    """Drawn frames that messages have in common, on disk; a context manager."""

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, int], DiskArray] = {}

    def __enter__(self) -> FrameStore:
        return self

    def __exit__(self, *error: object) -> None:
        for array in self._arrays.values():
            array.close()

    def of(self, name: str, spans: Sequence[Span]) -> SharedFrames:
        """Return the frames of a message; `name` is the same for all that share theirs."""
        return SharedFrames(self._arrays, name, spans)


class SharedFrames:
    """The frames of one message, of which some are drawn already; see `film_writer.Shared`."""

    def __init__(self, arrays: dict[tuple[str, int], DiskArray], name: str, spans: Sequence[Span]) -> None:
        self._arrays, self._name, self.spans = arrays, name, list(spans)

    def read(self, span: Span, matrix: str | None) -> Iterator[Frame] | None:
        """Give the frames of a span, if all of them are there.

        Parameters
        ----------
        matrix : of frames in 4:2:0, see `YuvFrame`; None: they are RGB
        """
        array = None if span.shared is None else self._arrays.get((self._name, span.shared))
        if array is None or len(array) < span.stop - span.start:
            return None
        planes = (array.read(number) for number in range(span.stop - span.start))
        return planes if matrix is None else (YuvFrame(each, matrix) for each in planes)

    def keep(self, span: Span, number: int, frame: Frame) -> None:
        """Keep frame `number` of the message if it is of a span that is shared."""
        if span.shared is None:
            return
        pixels = frame.planes if isinstance(frame, YuvFrame) else frame
        array = self._arrays.setdefault((self._name, span.shared), DiskArray(pixels.shape))
        array.write(number - span.start, pixels)
