"""When each frame of a video is shown: exact ticks of the stream's clock, never a rounded frame rate."""

from __future__ import annotations

import io
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.media.clock import ClockCheck
from lipsync_cli.media.ffmpeg import complaint, run_tool, source
from lipsync_cli.media.probe import MediaInfo, VideoStream, probe

if TYPE_CHECKING:
    import numpy as np

# Codings of which every packet in the file is one frame. Others (VP8 has hidden frames) are decoded to be counted.
ONE_FRAME_PER_PACKET = {
    "h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "mjpeg", "vp9", "av1", "prores", "dnxhd", "rawvideo", "ffv1",
}  # fmt: skip
SECTIONS = (b"packet|", b"frame|")
TRUNCATED = re.compile(rb"File ended prematurely|partial file")


class Timeline:
    """Presentation times of the frames of a clip, in presentation order, counted from the first frame.

    Parameters
    ----------
    pts : shape (num_frames + 1,) int64 ticks, strictly increasing; the last one is the end of the last frame
    time_base : seconds per tick

    Notes
    -----
    `pts` is moved so that frame 0 is shown at time 0.
    """

    def __init__(self, pts: np.ndarray, time_base: Fraction) -> None:
        import numpy as np

        pts = np.asarray(pts, dtype=np.int64)
        if len(pts) < 2 or not (np.diff(pts) > 0).all():
            raise ValueError("a timeline needs at least one frame and strictly increasing times")
        self.pts, self.time_base = pts - pts[0], Fraction(time_base)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Timeline):
            return NotImplemented
        return self.num_frames == other.num_frames and all(
            mine * self.time_base == its * other.time_base
            for mine, its in zip(self.pts.tolist(), other.pts.tolist(), strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        kind = "variable" if self.is_variable else "constant"
        return f"Timeline({self.num_frames} frames, {self.rate} per second, {kind})"

    @classmethod
    def constant(cls, rate: Fraction | int, num_frames: int) -> Timeline:
        """Make the timeline of `num_frames` frames at `rate` frames per second."""
        import numpy as np

        rate = Fraction(rate)
        return cls(np.arange(num_frames + 1, dtype=np.int64) * rate.denominator, Fraction(1, rate.numerator))

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return len(self.pts) - 1

    @property
    def duration_s(self) -> Fraction:
        """From the first frame's appearance to the end of the last frame."""
        return int(self.pts[-1]) * self.time_base

    @property
    def rate(self) -> Fraction:
        """Frames per second, on average if the rate varies."""
        return self.num_frames / self.duration_s

    @property
    def is_variable(self) -> bool:
        """Whether frames stand longer or shorter than the others by more than the rounding to a tick.

        The end of the last frame does not count: containers are careless with it.
        """
        import numpy as np

        if self.num_frames < 3:
            return False
        shown = self.pts[:-1]
        even = shown[-1] * np.arange(self.num_frames) / (self.num_frames - 1)
        return bool(np.abs(shown - even).max() > 1.01)

    def time(self, number: int) -> Fraction:
        """Return when frame `number` (0 ... num_frames; the last is the end) is shown, in seconds."""
        return int(self.pts[number]) * self.time_base

    def middle(self, number: int) -> Fraction:
        """Return the middle of frame `number`'s time on screen, in seconds."""
        if not 0 <= number < self.num_frames:
            raise IndexError(number)
        return int(self.pts[number] + self.pts[number + 1]) * self.time_base / 2

    def middles(self) -> np.ndarray:
        """Return the middles of all frames, shape (num_frames,) float64 seconds."""
        doubled = self.pts[:-1] + self.pts[1:]
        return doubled * self.time_base.numerator / (2 * self.time_base.denominator)

    def cut(self, start: int, stop: int) -> Timeline:
        """Return the timeline of frames `start` ... `stop - 1`, beginning at 0 again."""
        return Timeline(self.pts[start : stop + 1], self.time_base)


def read_timeline(path: str | Path) -> Timeline:
    """Read when every frame is shown; there are as many as `read_frames` gives.

    The times come from the packets' headers where every packet is known to be one shown frame, else from decoding.

    Raises
    ------
    InputError : not a video, no frame in it, the file ends before its index says (it is truncated), or its clock starts
        again midway
    """
    info = probe(path)
    if info.video is None:
        raise InputError("has no picture", path, "give a video")
    if info.is_image:
        raise InputError("is a photo, and a video is needed", path, "give a video")
    rows = _packet_rows(info) if info.video.codec in ONE_FRAME_PER_PACKET else None
    if rows is None:
        rows = _frame_rows(info)
    if not rows:
        raise InputError("holds no frame that can be read", path, "the file may be damaged or truncated")
    return _timeline(rows, info.video)


@dataclass
class _Rows:
    """Ticks at which frames are shown and for how long, in file order: arrays, because a long film has many frames."""

    pts: array[int] = field(default_factory=lambda: array("q"))
    durations: array[int] = field(default_factory=lambda: array("q"))
    has_times: bool = True  # every one of them

    def add(self, pts: int | None, duration: int) -> None:
        self.has_times = self.has_times and pts is not None
        self.pts.append(pts or 0)
        self.durations.append(duration)

    def __len__(self) -> int:
        return len(self.pts)


def _timeline(rows: _Rows, video: VideoStream) -> Timeline:
    """Make a timeline; a file without times is shown at its nominal rate."""
    import numpy as np

    if not rows.has_times:
        return Timeline.constant(video.rate, len(rows))
    pts, durations = np.array(rows.pts, np.int64), np.array(rows.durations, np.int64)
    order = np.lexsort((durations, pts))
    shown = pts[order]
    steps = np.diff(shown)
    if (steps <= 0).any():  # two frames at one time: the later one waits for the next tick
        shown = np.maximum.accumulate(shown - np.arange(len(shown))) + np.arange(len(shown))
        steps = np.diff(shown)
    last = int(durations[order[-1]])
    if last <= 0:
        last = int(np.median(steps)) if len(steps) else max(1, round(1 / video.rate / video.time_base))
    return Timeline(np.append(shown, shown[-1] + last), video.time_base)


def _packet_rows(info: MediaInfo) -> _Rows | None:
    """Return the shown packets, or None if they cannot be trusted to be the frames."""
    import numpy as np

    assert info.video is not None
    if info.format == "mpegts" and info.video.field_order != "progressive":  # fields may come one by one
        return None
    rows = _Rows()
    num_packets, num_left_out, first_key, flags, is_trusted = 0, 0, None, "", True
    clock = ClockCheck(info.path, info.video.time_base)
    for line in _ffprobe(info, "packet=pts,dts,duration,flags"):
        pts, duration, flags = (line.get(key, "") for key in ("pts", "duration", "flags"))
        num_packets += 1
        if info.format == "avi" and (place := _ticks(line.get("dts", ""))) is not None:
            num_left_out = place + 1 - num_packets  # AVI counts frames that are shown again, and has no packets of them
        clock.add(_ticks(pts), _ticks(duration) or 0, "K" in flags)
        is_trusted = is_trusted and "C" not in flags and _is_number(pts)
        if not is_trusted:
            continue
        if first_key is None:
            is_trusted = "K" in flags
            first_key = int(pts)
        if "D" in flags:  # before the beginning that the edit list sets
            continue
        if int(pts) < first_key:  # leads a key frame whose past is missing: decoders differ
            is_trusted = False
        rows.add(int(pts), int(duration) if _is_number(duration) else 0)
    if info.video.num_frames is not None and num_packets + num_left_out < info.video.num_frames:
        raise InputError(
            f"is truncated: {num_packets} of {info.video.num_frames} frames are there", info.path, "copy it again"
        )
    if "C" in flags:
        raise InputError(f"is truncated: the last of its {num_packets} frames is cut short", info.path, "copy it again")
    return rows if is_trusted and len(np.unique(np.array(rows.pts, np.int64))) == len(rows) else None


def _frame_rows(info: MediaInfo) -> _Rows:
    """Return the frames that come out of the decoder."""
    assert info.video is not None
    clock = ClockCheck(info.path, info.video.time_base)
    rows = _Rows()
    for line in _ffprobe(info, "frame=pts,best_effort_timestamp,duration,pkt_duration"):
        pts = next((line[key] for key in ("best_effort_timestamp", "pts") if _is_number(line.get(key, ""))), None)
        lasts = next((line[key] for key in ("duration", "pkt_duration") if _is_number(line.get(key, ""))), "0")
        clock.add(_ticks(pts or ""), int(lasts))
        rows.add(None if pts is None else int(pts), int(lasts))
    return rows


def _ffprobe(info: MediaInfo, entries: str) -> Iterator[dict[str, str]]:
    """Give the entries of each packet or frame of the picture."""
    assert info.video is not None
    options = ["-v", "error", "-select_streams", str(info.video.index), "-show_entries", entries, "-of", "compact"]
    result = run_tool("ffprobe", [*options, *source(info.path)], info.path)
    if result.returncode:
        raise InputError(f"cannot be read ({complaint(result.stderr, info.path)})", info.path)
    if TRUNCATED.search(result.stderr):
        count = sum(line.startswith(SECTIONS) for line in io.BytesIO(result.stdout))
        raise InputError(f"is truncated: the file ends after {count} frames", info.path, "copy it again")
    for line in io.BytesIO(result.stdout):
        if line.startswith(SECTIONS):
            parts = line.decode("ascii", "replace").strip().split("|")
            yield dict(part.split("=", 1) for part in reversed(parts) if "=" in part)


def _ticks(text: str) -> int | None:
    return int(text) if _is_number(text) else None


def _is_number(text: str) -> bool:
    return text.lstrip("-").isdigit()
