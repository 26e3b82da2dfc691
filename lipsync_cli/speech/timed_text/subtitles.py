"""Subtitles: SubRip (.srt) and WebVTT (.vtt), with the times of words where VTT tells them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

from lipsync_cli.errors import InputError
from lipsync_cli.speech.timed_text.span import Span

_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?$")
_WITHIN = re.compile(rf"<{_TIME}>")
_MARKUP = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")  # <i>, <v Ann>, <c.red>, and {\an8} as players write it
_NOT_SPOKEN = re.compile(r"\[[^\[\]]*\]|\((?:[^()]*)\)|♪[^♪]*♪?")  # [door slams], (laughs), songs
_DASH = re.compile(r"^\s*-\s*")  # before each of two people's lines
_SPEAKER = re.compile(r"^\s*[A-Z][A-Z .']{1,30}:\s+")  # "ANN: "


def read_subtitles(text: str, path: Path) -> Iterator[Span]:
    """Give what is said in subtitles, cue by cue; of VTT with times within a cue, part by part.

    Markup, speakers' names in capitals and what stands in brackets, which is not spoken, are left out.

    Raises
    ------
    InputError : a line with an arrow is not two times
    """
    lines = text.splitlines()
    place = 0
    while place < len(lines):
        line = lines[place]
        if re.match(r"\s*(NOTE|STYLE|REGION)\b", line) and path.suffix.lower() == ".vtt":
            while place < len(lines) and lines[place].strip():
                place += 1
            continue
        if "-->" not in line:
            place += 1
            continue
        found = _TIMES.match(line)
        if found is None:
            hint = "write it as 00:00:01,000 --> 00:00:02,500"
            raise InputError(f"line {place + 1}: is not two times with an arrow", path, hint)
        start_s, end_s = _seconds(found.groups()[:4]), _seconds(found.groups()[4:])
        number, place = place + 1, place + 1
        said: list[str] = []
        while place < len(lines) and lines[place].strip() and "-->" not in lines[place]:
            said.append(lines[place])
            place += 1
        if place < len(lines) and "-->" in lines[place] and said and said[-1].strip().isdigit():
            said.pop()  # the next cue's number, where the empty line between them is missing
        spoken = (_SPEAKER.sub("", _NOT_SPOKEN.sub(" ", _DASH.sub("", each))) for each in said)
        yield from _split_cue(" ".join(spoken), start_s, end_s, number)


def _split_cue(text: str, start_s: float, end_s: float, line: int) -> Iterator[Span]:
    """Give the parts of a cue that have times of their own."""
    marks = list(_WITHIN.finditer(text))
    begins = [start_s, *(_seconds(mark.groups()) for mark in marks)]
    ends = [*begins[1:], end_s]
    cuts = [0, *(mark.start() for mark in marks), len(text)]
    for place, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        own = clean(text[cuts[place] : cuts[place + 1]])
        if own or not marks:
            yield Span(own, begin, end, line)


def clean(text: str) -> str:
    """Leave out what is not spoken: markup, brackets, songs."""
    text = html.unescape(_MARKUP.sub("", text))
    return " ".join(_NOT_SPOKEN.sub(" ", text).split())


def _seconds(groups: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, part = (group or "0" for group in groups)
    return 3600 * int(hours) + 60 * int(minutes) + int(seconds) + int(part.ljust(3, "0")) / 1000
