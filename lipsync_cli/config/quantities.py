"""Texts that stand for times, lengths of time, rates and factors."""

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
