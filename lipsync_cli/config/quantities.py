"""Texts that stand for times, lengths of time, rates, factors and colours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lipsync_cli.config.check_values import ValueProblemError

if TYPE_CHECKING:
    from fractions import Fraction

DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d*)?)s?)?", re.ASCII)
SECONDS = re.compile(r"\d+(\.\d*)?|\.\d+", re.ASCII)
MIN_VTLN, MAX_VTLN = 0.7, 1.4
MAX_FPS = 1000
EXTEND = ("bounce", "loop", "hold", "trim", "remap", "silence")  # how a video goes on that ends before the speech
EXTEND_SYNONYMS = {"pingpong": "bounce", "cut_off": "trim", "cut-off": "trim"}
COLOURS = {
    "white": "#ffffff",
    "black": "#000000",
    "grey": "#808080",
    "gray": "#808080",
    "red": "#ff0000",
    "green": "#00ff00",
    "blue": "#0000ff",
}


def parse_time(text: str) -> Fraction:
    """Return the seconds in "12.5", "1:02.5" or "01:02:03.250", exactly; ValueProblemError if it is none of these."""
    from fractions import Fraction

    parts = text.split(":")
    if not (1 <= len(parts) <= 3 and all(part.isdecimal() for part in parts[:-1]) and SECONDS.fullmatch(parts[-1])):
        raise ValueProblemError(f"{text!r} is no time", "give seconds, such as 12.5, or hours:minutes:seconds")
    total = Fraction(0)
    for part in parts:
        total = 60 * total + Fraction(part)
    return total


def parse_span(text: str) -> tuple[Fraction, Fraction]:
    """Return the two times in "00:10-00:20", in seconds; ValueProblemError if it is no span of time."""
    first, dash, last = text.partition("-")
    if not dash:
        raise ValueProblemError(f"{text!r} is no span of time", "give one such as 00:10-00:20 or 10-20")
    start, end = parse_time(first.strip()), parse_time(last.strip())
    if end <= start:
        raise ValueProblemError(f"{text!r} does not end after its start", "give one such as 00:10-00:20")
    return start, end


def parse_point(text: str) -> tuple[Fraction, float, float]:
    """Return time in seconds, x and y in pixels of "12.5,640,360"; ValueProblemError if it is no such place."""
    hint = "give time, x and y, such as 12.5,640,360"
    parts = text.split(",")
    if len(parts) != 3 or not all(SECONDS.fullmatch(part.strip()) for part in parts[1:]):
        raise ValueProblemError(f"{text!r} is no place in the video", hint)
    return parse_time(parts[0].strip()), float(parts[1]), float(parts[2])


def parse_duration(text: str) -> float:
    """Return the seconds in "20s", "1m", "1m30s", "1h" or "90"; ValueProblemError if it is none of these."""
    found = DURATION.fullmatch(text.strip())
    parts = [float(part or 0) for part in found.groups()] if found is not None else [0.0]
    seconds = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
    if not seconds:
        raise ValueProblemError(f"{text!r} is no length of time", "give one such as 20s, 1m or 1m30s")
    return seconds


def parse_vtln(text: str) -> float | None:
    """Return the factor in "off" (1) or a number, None for "auto"; ValueProblemError for anything else."""
    if text.lower() in ("auto", "off"):
        return None if text.lower() == "auto" else 1.0
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not MIN_VTLN <= factor <= MAX_VTLN:
        hint = f"give auto, off, or a number from {MIN_VTLN} to {MAX_VTLN}"
        raise ValueProblemError(f"{text!r} is no such factor", hint)
    return factor


def parse_rate(text: str) -> Fraction:
    """Return the frames per second in "25" or "30000/1001", exactly; ValueProblemError if it is no rate."""
    from fractions import Fraction

    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= MAX_FPS:
        raise ValueProblemError(f"{text!r} is no frame rate", "give a number such as 25 or 30000/1001")
    return rate


def parse_colour(text: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0 ... 255, of a name or "#rrggbb"; ValueProblemError if it is none."""
    code = COLOURS.get(text.lower(), text)
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", code):
        names = ", ".join(sorted(set(COLOURS) - {"gray"}))
        raise ValueProblemError(f"{text!r} is no colour", f"give {names}, or one such as #40a0ff")
    return int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)
