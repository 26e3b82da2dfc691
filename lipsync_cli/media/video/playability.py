"""Whether players will take a film, and whether its frames are enough for lips."""

from __future__ import annotations

from fractions import Fraction

# ITU-T H.264, table A-1: level, most macroblocks of 16x16 pixels a second, and a frame.
LEVELS = (
    ("5.2", 2_073_600, 36_864),
    ("6", 4_177_920, 139_264),
    ("6.1", 8_355_840, 139_264),
    ("6.2", 16_711_680, 139_264),
)
MIN_RATE = 15  # frames a second; lips close for less than a tenth of a second


def playing_notes(width: int, height: int, rate: Fraction) -> list[str]:
    """Return what a user should know of a film of such frames, in clauses.

    Parameters
    ----------
    width, height : in pixels
    rate : frames per second
    """
    notes = []
    blocks = -(-width // 16) * -(-height // 16)
    level = next((name for name, speed, size in LEVELS if blocks <= size and blocks * rate <= speed), None)
    if level != "5.2":
        which = f"level {level}" if level is not None else "beyond every level"
        notes.append(f"{width}x{height} at {float(rate):.4g} frames/s is H.264 {which}, which many players refuse")
    if rate < MIN_RATE:
        notes.append(f"has {float(rate):.3g} frames a second, too few to follow lips: {MIN_RATE} or more look natural")
    return notes
