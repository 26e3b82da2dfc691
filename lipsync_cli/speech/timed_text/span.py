"""What is said from when to when, as files tell it, and the reading of such files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.runtime.run_inputs import read_input

MOST_BYTES = 16 << 20
LONGEST_S = 86_400.0  # a day: times beyond it are a damaged file
ROUNDING_S = 0.0011  # by which neighbouring times may overlap, because files round them to milliseconds
_SAVE = "save it as UTF-8, or convert it: iconv -f WINDOWS-1252 -t UTF-8"


class Span(NamedTuple):
    """One or more words, and when they are said.

    Attributes
    ----------
    text : as it stands in the file, without markup
    start_s, end_s : seconds from the beginning
    line : of the file, from 1; 0 where lines do not count
    """

    text: str
    start_s: float
    end_s: float
    line: int = 0


def read_text(path: Path) -> str:
    """Read a small text file as UTF-8, or UTF-16 with a byte order mark.

    Raises
    ------
    InputError : it cannot be read, has another encoding, or holds a NUL character
    """
    try:
        content = read_input(path, MOST_BYTES)
    except FileNotFoundError:
        raise InputError("no such file", path) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path) from error
    is_wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = content.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        if is_wide:
            raise InputError("its encoding is UTF-16, and it is damaged", path, "save it again, as UTF-8") from None
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"line {line}: its encoding is not UTF-8, perhaps Windows-1252", path, _SAVE) from None
    if "\0" in text:
        raise InputError(f"line {text.count(chr(10), 0, text.index(chr(0))) + 1}: holds a NUL character", path)
    return text


def check_spans(spans: Iterable[Span], path: Path, *, may_overlap: bool = False) -> list[Span]:
    """Return spans that hold words, with times that fit together.

    Parameters
    ----------
    may_overlap : whether a span may begin before the one before it has ended

    Raises
    ------
    InputError : a span ends before it begins, begins before the one before it has ended, or is beyond a day
    NothingToDoError : no words are left
    """
    kept: list[Span] = []
    for span in spans:
        where = f"line {span.line}: " if span.line else f"{span.text.strip()!r}: "
        times = f"{_clock(span.start_s)} to {_clock(span.end_s)}"
        if not 0 <= span.start_s <= LONGEST_S or not span.end_s <= LONGEST_S:
            raise InputError(f"{where}{times} is no time of a day", path, "correct the times")
        if span.end_s <= span.start_s:
            raise InputError(f"{where}{times} runs backwards", path, "write the start before the end")
        if kept and span.start_s < kept[-1].start_s:
            raise InputError(
                f"{where}begins at {_clock(span.start_s)}, before the one before it, at {_clock(kept[-1].start_s)}",
                path,
                "sort it by time",
            )
        if kept and not may_overlap:
            if span.start_s < kept[-1].end_s - ROUNDING_S:
                raise InputError(
                    f"{where}begins at {_clock(span.start_s)}, and what is before it ends at {_clock(kept[-1].end_s)}",
                    path,
                    "one mouth says one thing at a time: part the times, or make a file for each speaker",
                )
            if span.start_s < kept[-1].end_s:
                kept[-1] = kept[-1]._replace(end_s=span.start_s)
        if any(letter.isalnum() for letter in span.text):
            kept.append(span)
    if not kept:
        raise NothingToDoError("holds no words", path)
    return kept


def _clock(seconds: float) -> str:
    """Write a time as a reader finds it in the file: 1:02:03.456, or 3.456 s."""
    if not abs(seconds) < 1e9:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 1:
        return f"{seconds:.3f} s"
    return f"{int(minutes) // 60}:{int(minutes) % 60:02}:{rest:06.3f}"
