"""Which files tell what is said, and their reading by their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from lipsync_cli.errors import InputError
from lipsync_cli.speech.timed_text.span import Span, check_spans, read_text
from lipsync_cli.speech.timed_text.subtitles import read_subtitles
from lipsync_cli.speech.timed_text.textgrid import read_textgrid
from lipsync_cli.speech.timed_text.word_json import read_word_json
from lipsync_cli.speech.transcript import read_transcript

_READERS: dict[str, Callable[[str, Path], Iterator[Span]]] = {
    ".srt": read_subtitles,
    ".vtt": read_subtitles,
    ".textgrid": read_textgrid,
    ".json": read_word_json,
}
ALIGN, PLAIN = ".align", ".txt"
TIMED = (ALIGN, *_READERS)  # suffixes of files that tell times


def has_times(path: Path) -> bool:
    """Tell by a file's name whether it says when its words are said."""
    return path.suffix.lower() in TIMED


def is_text(path: Path) -> bool:
    """Tell by a file's name whether it holds words, with or without times."""
    return has_times(path) or path.suffix.lower() == PLAIN


def read_spans(path: Path) -> list[Span]:
    """Read what is said when from a GRID .align file, SRT, VTT, TextGrid, or JSON of words.

    Raises
    ------
    InputError : no such file, another encoding or format, times that overlap or run backwards
    NothingToDoError : it holds no words
    """
    suffix = path.suffix.lower()
    if suffix == ALIGN:
        return check_spans((Span(word.text, word.start_s, word.end_s) for word in read_transcript(path)), path)
    if suffix not in _READERS:
        known = ", ".join(TIMED)
        raise InputError("is no file of words with times", path, f"the names of such files end in {known}")
    return check_spans(_READERS[suffix](read_text(path), path), path)
