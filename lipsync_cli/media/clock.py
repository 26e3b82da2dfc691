"""Whether the clock of a file runs on, or starts again as it does where recordings were joined end to end."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import run_tool, source

SLACK_S = 0.1  # FFmpeg, too, takes less for jitter
MICROSECOND = Fraction(1, 1_000_000)


class ClockCheck:
    """Looks at the times of one stream, in the order of the file.

    What stands before a key frame in the file is shown before it, in every coding, so that a key frame whose time is
    earlier than one that came before begins a second recording.

    Parameters
    ----------
    path : the file, for the message
    time_base : seconds per tick
    """

    def __init__(self, path: str | Path, time_base: Fraction) -> None:
        self._path, self._time_base = path, time_base
        self._first: int | None = None
        self._last, self._end = 0, 0  # the latest time, and when what was shown so far ends

    def add(self, pts: int | None, duration: int = 0, is_key: bool = True) -> None:
        """Take the next packet or frame, its time and duration in ticks; some have no time.

        Raises
        ------
        InputError : the clock starts again with it
        """
        if pts is None:
            self._end += duration
            return
        if self._first is None:
            self._first, self._last, self._end = pts, pts, pts
        elif is_key and self._last - pts > SLACK_S / self._time_base:
            raise InputError(
                f"its clock starts again after {float((self._end - self._first) * self._time_base):.2f} s, as where "
                "recordings are joined end to end",
                self._path,
                "give the recordings one by one",
            )
        self._last, self._end = max(self._last, pts), max(self._end, pts + duration)


def check_packets(path: str | Path, index: int) -> None:
    """Look at the times of all packets of a sound track.

    Parameters
    ----------
    index : number of the track among all streams of the file

    Raises
    ------
    InputError : the clock starts again
    """
    options = ["-v", "error", "-select_streams", str(index), "-of", "csv=p=0"]
    options += ["-show_entries", "packet=pts_time,duration_time"]
    result = run_tool("ffprobe", [*options, *source(path)])
    check = ClockCheck(path, MICROSECOND)
    for line in io.BytesIO(result.stdout):  # one at a time: a long film has many
        pts, duration = (_ticks(text) for text in [*line.decode("ascii", "replace").split(","), ""][:2])
        check.add(pts, duration or 0)


def _ticks(text: str) -> int | None:
    try:
        return round(float(text) / MICROSECOND)
    except ValueError:
        return None
