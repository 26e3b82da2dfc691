"""Praat's TextGrid, long or short, as aligners write it: the intervals of its tier of words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.speech.timed_text.span import Span

NAMES = ("words", "word", "orthography", "text", "utterances")  # of tiers, by preference
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|<exists>|(?<![\w"])(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w:\]])')
_SILENCES = frozenset({"", "sil", "sp", "<eps>", "spn", "silence", "#", "<p:>"})
_MOST = 1_000_000  # intervals


def read_textgrid(text: str, path: Path) -> Iterator[Span]:
    """Give the words of a TextGrid: of the tier called words, else of the first with intervals.

    Raises
    ------
    InputError : it is no TextGrid, or damaged
    NothingToDoError : it has no tier of intervals
    """
    tokens = list(_tokens(text))
    if len(tokens) < 2 or [tokens[0][0], tokens[1][0]] != ["ooTextFile", "TextGrid"]:
        raise InputError("is no TextGrid of Praat", path, 'its first lines say "ooTextFile" and "TextGrid"')
    tiers = _read_tiers(tokens[2:], path)
    if not tiers:
        raise NothingToDoError("has no tier of intervals", path, "export a tier of words")
    for name in NAMES:
        if name in tiers:
            yield from tiers[name]
            return
    yield from next(iter(tiers.values()))


def _tokens(text: str) -> Iterator[tuple[str | float, int]]:
    """Give the strings and numbers of a file, which is all that counts in it, and their lines."""
    line, last = 1, 0
    for found in _TOKEN.finditer(text):
        line += text.count("\n", last, found.start())
        last = found.start()
        if found.group(2) is not None:
            yield float(found.group(2)), line
        elif found.group(1) is not None:
            yield found.group(1).replace('""', '"'), line


def _read_tiers(tokens: list[tuple[str | float, int]], path: Path) -> dict[str, list[Span]]:
    """Read the tiers of intervals by their names in small letters."""
    place = 0

    def take(kind: type) -> tuple[str | float, int]:
        nonlocal place
        if place >= len(tokens):
            raise InputError(f"line {tokens[-1][1] if tokens else 1}: ends in the middle", path, "export it again")
        value, line = tokens[place]
        if not isinstance(value, kind) or (isinstance(value, float) and not math.isfinite(value)):
            wanted = "a number" if kind is float else "a text in quotes"
            raise InputError(f"line {line}: {value!r} is not {wanted}", path, "export it again")
        place += 1
        return value, line

    take(float), take(float)
    tiers: dict[str, list[Span]] = {}
    num_tiers = _count(take(float), path)
    for _ in range(num_tiers):
        kind, (name, _) = take(str)[0], take(str)
        take(float), take(float)
        spans = []
        for _ in range(_count(take(float), path)):
            start_s, line = take(float)
            end_s = start_s if kind == "TextTier" else take(float)[0]
            text = str(take(str)[0]).strip()
            if kind == "IntervalTier" and text.lower() not in _SILENCES:
                spans.append(Span(text, float(start_s), float(end_s), line))
        if kind == "IntervalTier":
            tiers.setdefault(str(name).strip().lower(), spans)
    return tiers


def _count(token: tuple[str | float, int], path: Path) -> int:
    value, line = token
    if not 0 <= float(value) <= _MOST or float(value) != int(value):
        raise InputError(f"line {line}: {value} is no number of intervals", path, "export it again")
    return int(value)
