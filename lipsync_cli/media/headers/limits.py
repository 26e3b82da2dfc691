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

MIN_SIDE = 16  # pixels
MAX_SIDE = 16_384
MAX_PIXELS = 8192 * 4352  # the largest frame of H.264 level 6.2 (ITU-T H.264, table A-1)
MIN_RATE, MAX_RATE = 4_000, 768_000  # samples per second
MAX_CHANNELS = 32
MAX_DURATION_S = 24 * 3600
MAX_OFFSET_S = 600  # between the starts of picture and sound
MAX_PEAK = 64.0  # of a sample; 1 is full scale


def check_times(path: Path, duration_s: Fraction | None, starts_s: tuple[Fraction, Fraction] | None) -> None:
    """Raise InputError if a file is too long, or its sound starts too long before or after its picture.

    Parameters
    ----------
    starts_s : of picture and sound, where there are both
    """
    if duration_s is not None and duration_s > MAX_DURATION_S:
        raise InputError(f"lasts {float(duration_s) / 3600:.1f} h, at most 24 h are taken", path, "cut it")
    apart_s = Fraction(0) if starts_s is None else starts_s[1] - starts_s[0]
    if abs(apart_s) > MAX_OFFSET_S:
        later = "sound" if apart_s > 0 else "picture"
        fact = f"its {later} starts {float(abs(apart_s)):.0f} s after the other, at most {MAX_OFFSET_S} s are taken"
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


def check_picture(path: Path, width: int, height: int) -> None:
    """Raise InputError if a picture has too few or too many pixels."""
    if min(width, height) < MIN_SIDE:
        raise InputError(f"its picture has {width}x{height} pixels, no side may have less than {MIN_SIDE}", path)
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        fact = f"its picture has {width}x{height} pixels, at most {MAX_PIXELS / 1e6:.1f} million and {MAX_SIDE} a side"
        raise InputError(f"{fact} are taken", path, "make it smaller, such as 1920 pixels wide")


def check_sound(path: Path, sample_rate: int, channels: int) -> None:
    """Raise InputError if a sound has too few or too many samples a second, or channels."""
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        fact = f"its sound has {sample_rate} samples a second, {MIN_RATE} to {MAX_RATE} are taken"
        raise InputError(fact, path, "the header may be damaged; convert it")
    if not 1 <= channels <= MAX_CHANNELS:
        raise InputError(f"its sound has {channels} channels, 1 to {MAX_CHANNELS} are taken", path, "convert it")
