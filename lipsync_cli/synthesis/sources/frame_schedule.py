"""Which frame of the source each frame of the output shows, and when: exact, before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING

from lipsync_cli.config.quantities import EXTEND
from lipsync_cli.errors import InputError, NothingToDoError, UsageError
from lipsync_cli.media.timeline import Timeline

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class FrameSchedule:
    """What the output will be.

    Attributes
    ----------
    order : shape (M,) int64, the source frame that output frame m shows
    timeline : when the M output frames are shown, the first at 0
    sound_s : length of the sound track; never longer than the picture
    extended : whether the source ends before the speech, so that frames are shown again
    extend : how it goes on then, one of EXTEND
    spans : of the output, in seconds, in which the mouth is moved; none: everywhere
    """

    order: np.ndarray
    timeline: Timeline
    sound_s: Fraction
    extended: bool
    extend: str = "bounce"
    spans: tuple[tuple[Fraction, Fraction], ...] = ()

    @property
    def num_frames(self) -> int:
        """Number of output frames."""
        return len(self.order)

    @property
    def num_source_frames(self) -> int:
        """Number of source frames, from the first, that the output needs."""
        return int(self.order.max()) + 1


def plan_frames(timeline: Timeline, speech_s: Fraction, extend: str = "bounce") -> FrameSchedule:
    """Lay the source's frames under the speech.

    The output ends with the speech, rounded up to a whole frame. Where the speech is longer than the source, `extend`
    says how it goes on: `bounce` back and forth (no frame twice at the turns), `loop` from the first frame again,
    `hold` the last frame, or `trim` the speech to the source. `remap` shows the whole source in the time of the speech,
    each frame longer or shorter. `silence` shows the whole source, also after the speech, or holds its last frame.

    Parameters
    ----------
    timeline : when the source's frames are shown
    speech_s : length of the speech in seconds
    extend : one of EXTEND

    Raises
    ------
    NothingToDoError : the source has no frames
    InputError : their times do not increase
    ValueError : the speech has no length
    """
    if extend not in EXTEND:
        raise UsageError(f"--extend {extend!r} is not known", hint=f"choose from {', '.join(EXTEND)}")
    if speech_s <= 0:
        raise ValueError("the speech must have a length")
    if timeline.num_frames < 1:
        raise NothingToDoError("has no frames", hint="give another video")
    source_s = timeline.time(timeline.num_frames)
    extended = speech_s > source_s and extend not in ("trim", "remap")
    if extend == "remap":
        shown = Timeline.constant(timeline.rate, max(1, ceil(speech_s * timeline.rate)))
        order = _remap(timeline, shown)
    elif timeline.is_variable:
        wanted_s = max(speech_s, source_s) if extend == "silence" else speech_s
        order, ticks = _variable(timeline, wanted_s, "hold" if extend == "silence" else extend, extended)
        shown = _from_ticks(ticks, timeline.time_base)
    else:
        num_frames = ceil(speech_s * timeline.rate)
        if extend == "silence":
            num_frames = max(num_frames, timeline.num_frames)
        elif not extended:
            num_frames = min(num_frames, timeline.num_frames)
        order = _order(timeline.num_frames, num_frames, extend)
        shown = Timeline.constant(timeline.rate, num_frames)
    return FrameSchedule(order, shown, min(speech_s, shown.time(shown.num_frames)), extended, extend)


def _remap(timeline: Timeline, shown: Timeline) -> np.ndarray:
    """Return the source frame of each output frame where the source is retimed to the length of the output."""
    import numpy as np

    scale = timeline.time(timeline.num_frames) / shown.time(shown.num_frames)
    factor = shown.time_base * scale / timeline.time_base / 2  # exact: middles may lie where frames change
    doubled = (shown.pts[:-1] + shown.pts[1:]).tolist()
    ticks = [middle * factor.numerator // factor.denominator for middle in doubled]
    return np.clip(np.searchsorted(timeline.pts, ticks, "right") - 1, 0, timeline.num_frames - 1).astype(np.int64)


def steady(timeline: Timeline, rate: Fraction) -> Timeline:
    """Return a timeline of exactly equal frames if the source's are equal but for the rounding of its clock.

    Parameters
    ----------
    timeline : as read from the file
    rate : frames per second as the file tells it; taken if it agrees with the times, else their mean is
    """
    if timeline.is_variable or timeline.num_frames < 2:
        return timeline if timeline.num_frames > 1 else Timeline.constant(rate, 1)
    last_s = timeline.time(timeline.num_frames - 1)  # the end of the last frame is often told wrong
    if abs((timeline.num_frames - 1) / rate - last_s) > 2 * timeline.time_base:
        rate = (timeline.num_frames - 1) / last_s
    return Timeline.constant(rate, timeline.num_frames)


def span(timeline: Timeline, start_s: Fraction, end_s: Fraction | None) -> tuple[int, int]:
    """Return the number of the frame that is shown at `start_s`, and of the first one that appears at `end_s` or later.

    Raises
    ------
    UsageError : there is no frame between the two
    """
    whole_s = timeline.duration_s
    if start_s < 0 or start_s >= whole_s:
        raise UsageError(
            f"--start {float(start_s):g} s lies outside the video", hint=f"it lasts {float(whole_s):.3f} s"
        )
    if end_s is not None and end_s <= start_s:
        raise UsageError(f"--end {float(end_s):g} s is not after --start {float(start_s):g} s")
    first = _frames_before(timeline, start_s, inclusive=True) - 1
    stop = timeline.num_frames if end_s is None else _frames_before(timeline, end_s, inclusive=False)
    return first, max(stop, first + 1)


def _frames_before(timeline: Timeline, moment_s: Fraction, inclusive: bool) -> int:
    """Count the frames that appear before a moment, or at it if `inclusive`."""
    import numpy as np

    ticks = moment_s / timeline.time_base
    limit = floor(ticks) if inclusive else ceil(ticks) - 1
    return int(np.searchsorted(timeline.pts[:-1], limit, side="right"))


def _order(num_source: int, num_frames: int, extend: str) -> np.ndarray:
    """Return the source frame of each of `num_frames` output frames."""
    import numpy as np

    frames = np.arange(num_frames, dtype=np.int64)
    if extend == "loop":
        return frames % num_source
    if extend == "bounce" and num_source > 1:
        turn = num_source - 1
        return turn - np.abs(turn - frames % (2 * turn))
    return np.minimum(frames, num_source - 1)


def _variable(timeline: Timeline, speech_s: Fraction, extend: str, extended: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return order (M,) and durations (M,) in ticks; a frame is shown as long as in the source whenever it comes."""
    import numpy as np

    duration = np.diff(timeline.pts)
    num_source = len(duration)
    if duration.min() < 0 or duration.sum() <= 0:
        raise InputError("the times of its frames do not increase", hint="convert it")
    needed = ceil(speech_s / timeline.time_base)  # in ticks
    if extended:
        held = max(1, int(np.median(duration)))  # how long a held frame is shown at a time
        again = 2 * num_source
        while True:
            order = _order(num_source, again, extend)
            ticks = duration[order]
            if extend == "hold":
                ticks[num_source:] = held
            if int(ticks.sum()) >= needed:
                break
            again *= 2
    else:
        order, ticks = np.arange(num_source, dtype=np.int64), duration
    num_frames = min(len(order), int(np.searchsorted(np.cumsum(ticks), needed)) + 1)
    return order[:num_frames], ticks[:num_frames]


def _from_ticks(ticks: np.ndarray, time_base: Fraction) -> Timeline:
    import numpy as np

    return Timeline(np.concatenate([[0], np.cumsum(ticks)]).astype(np.int64), time_base)
