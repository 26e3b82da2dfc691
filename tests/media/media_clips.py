"""Frames that carry their number, sound that tells its time, tracks that are turned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

Ffmpeg = Callable[..., None]
MakeClip = Callable[..., Path]
BITS, SIDE = 8, 16  # a frame carries its number as a row of dark and bright squares
WIDTH, HEIGHT = BITS * SIDE, 3 * SIDE


def numbered_frame(number: int) -> np.ndarray:
    """Draw a frame that shows its number in binary, (HEIGHT, WIDTH, 3) uint8."""
    bits = (number >> np.arange(BITS)) & 1
    row = np.repeat(np.where(bits, 220, 30), SIDE).astype(np.uint8)
    return np.repeat(np.repeat(row[None], HEIGHT, 0)[..., None], 3, axis=2)


def number_of(frame: np.ndarray) -> int:
    """Read the number back."""
    middles = frame[frame.shape[0] // 2, SIDE // 2 :: SIDE, 1]
    return int(((middles > 125) << np.arange(BITS)).sum())


def write_clicks(
    path: Path, times_s: Sequence[float], duration_s: float, rate: int = 48_000, channels: int = 1
) -> Path:
    """Write a wav that is silent but for clicks of a quarter of a millisecond."""
    import soundfile

    samples = np.zeros((round(duration_s * rate), channels), np.float32)
    for time_s in times_s:
        start = round(time_s * rate)
        samples[start : start + max(2, rate // 4000)] = 0.9
    soundfile.write(path, samples, rate)
    return path


def find_clicks(samples: np.ndarray, rate: int) -> list[float]:
    """Return the times of the loudest samples, one for each click."""
    found: list[float] = []
    rest = np.abs(samples).copy()
    while rest.size and rest.max() > 0.2:
        peak = int(rest.argmax())
        found.append(peak / rate)
        rest[max(0, peak - rate // 50) : peak + rate // 50] = 0
    return sorted(found)


def turn_track(path: Path, degrees: int) -> None:
    """Set the display matrix of an MP4's first track so that players turn it clockwise by 90, 180 or 270 degrees."""
    a, b, c, d = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[degrees]
    matrix = (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd") + 4  # version 0: nine words and 16 bytes before the matrix (ISO/IEC 14496-12, 8.3.2)
    assert data[header] == 0
    data[header + 40 : header + 76] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    path.write_bytes(data)
