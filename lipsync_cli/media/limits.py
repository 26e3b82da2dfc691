"""What an input may be at most, and at least; docs/reference/limits.md says the same.

What a header tells is checked when a file is looked at, before anything is decoded.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.media.probe import AudioStream, VideoStream

MIN_SIDE = 16  # pixels
MAX_SIDE = 16_384
MAX_PIXELS = 8192 * 4352  # the largest frame of H.264 level 6.2 (ITU-T H.264, table A-1)
MIN_RATE, MAX_RATE = 4_000, 768_000  # samples per second
MAX_CHANNELS = 32
MAX_DURATION_S = 24 * 3600
MAX_OFFSET_S = 600  # between the starts of picture and sound
MAX_PEAK = 64.0  # of a sample; 1 is full scale


def check_headers(
    path: Path, video: VideoStream | None, audio: AudioStream | None, duration_s: Fraction | None
) -> None:
    """Raise InputError if a file's headers tell of something beyond the limits."""
    if video is not None:
        _check_picture(path, video)
    if audio is not None:
        _check_sound(path, audio)
    if duration_s is not None and duration_s > MAX_DURATION_S:
        raise InputError(f"lasts {float(duration_s) / 3600:.1f} h, at most 24 h are taken", path, "cut it")
    if video is not None and audio is not None and duration_s is not None:
        apart_s = abs(audio.start_s - video.start_s)
        if apart_s > MAX_OFFSET_S:
            later = "sound" if audio.start_s > video.start_s else "picture"
            fact = f"its {later} starts {float(apart_s):.0f} s after the other, at most {MAX_OFFSET_S} s are taken"
            raise InputError(fact, path, "cut what is before it")


def check_samples(path: Path, samples: np.ndarray, first: int, sample_rate: int) -> None:
    """Raise InputError if decoded samples (n,) are no numbers, or of another scale than -1 ... 1.

    Parameters
    ----------
    first : number of the first of them in the sound
    sample_rate : per second
    """
    import numpy as np

    wrong = np.flatnonzero(~(np.abs(samples) <= MAX_PEAK))  # NaN, too
    if not len(wrong):
        return
    worst, at_s = float(samples[wrong[0]]), (first + int(wrong[0])) / sample_rate
    if not np.isfinite(worst):
        raise InputError(f"its sound is no number at {at_s:.2f} s (sample {worst})", path, "repair or convert it")
    fact = f"its samples are of another scale than -1 ... 1: {worst:.0f} at {at_s:.2f} s"
    raise InputError(fact, path, "scale it, such as by 1/32768 where they are 16-bit integers")


def _check_picture(path: Path, video: VideoStream) -> None:
    width, height = video.width, video.height
    if min(width, height) < MIN_SIDE:
        raise InputError(f"its picture has {width}x{height} pixels, no side may have less than {MIN_SIDE}", path)
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        fact = f"its picture has {width}x{height} pixels, at most {MAX_PIXELS / 1e6:.1f} million and {MAX_SIDE} a side"
        raise InputError(f"{fact} are taken", path, "make it smaller, such as 1920 pixels wide")


def _check_sound(path: Path, audio: AudioStream) -> None:
    if not MIN_RATE <= audio.sample_rate <= MAX_RATE:
        fact = f"its sound has {audio.sample_rate} samples a second, {MIN_RATE} to {MAX_RATE} are taken"
        raise InputError(fact, path, "the header may be damaged; convert it")
    if not 1 <= audio.channels <= MAX_CHANNELS:
        raise InputError(f"its sound has {audio.channels} channels, 1 to {MAX_CHANNELS} are taken", path, "convert it")
