"""JSON of words with their times, as whisperX and others write it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.json_values import parse_json
from lipsync_cli.speech.timed_text.span import Span

_HINT = 'give {"segments": [{"words": [{"word": "hello", "start": 0.1, "end": 0.5}]}]}, or a list of such words'
_TEXTS = ("word", "text")


def read_word_json(text: str, path: Path) -> Iterator[Span]:
    """Give the words of a JSON file: a list of words, or an object with `segments`, `word_segments` or `words`.

    A word without times, as aligners leave numbers, belongs to the word after it, or of the last ones before it. A
    segment without words is said as a whole.

    Raises
    ------
    InputError : it is no JSON, or holds something else
    """
    waiting: list[str] = []
    last: Span | None = None
    for number, item in enumerate(_list_words(_parse(text, path), path), 1):
        said = next((item[name] for name in _TEXTS if isinstance(item.get(name), str)), None)
        if said is None:
            raise InputError(f"word {number}: has no text", path, _HINT)
        start, end = item.get("start"), item.get("end")
        if start is None or end is None:
            waiting.append(said.strip())
            continue
        if not (_is_time(start) and _is_time(end)):
            raise InputError(f"word {number}, {said.strip()!r}: its times are no numbers of seconds", path, _HINT)
        if last is not None:
            yield last
        start_s = float(start) if not waiting else (last.end_s if last is not None else 0.0)
        last = Span(" ".join([*waiting, said.strip()]), min(start_s, float(start)), float(end))
        waiting = []
    if last is not None:
        yield last._replace(text=" ".join([last.text, *waiting]))
    elif waiting:
        raise InputError("its words have no times", path, "align them first, or give the text as a .txt file")


def _parse(text: str, path: Path) -> Any:
    """Parse JSON; what is wrong is told by its line, not in the words of a parser."""
    try:
        return parse_json(text, path, allows_nan=False)
    except InputError as error:
        cause = error.__cause__
        if isinstance(cause, json.JSONDecodeError):
            raise InputError(f"line {cause.lineno}: is no JSON", path, _HINT) from None
        raise InputError("is no JSON that can be read", path, _HINT) from None


def _list_words(values: Any, path: Path) -> Iterator[dict[str, Any]]:
    """Give the objects that stand for words."""
    if isinstance(values, dict):
        values = next((values[name] for name in ("word_segments", "segments", "words") if values.get(name)), None)
    if not isinstance(values, list):
        raise InputError("holds no list of words", path, _HINT)
    for place, item in enumerate(values, 1):
        if not isinstance(item, dict):
            raise InputError(f"item {place} is no object", path, _HINT)
        words = item.get("words")
        if words is None or words == []:
            yield item
        elif isinstance(words, list) and all(isinstance(word, dict) for word in words):
            yield from words
        else:
            raise InputError(f"item {place}: its words are no list of objects", path, _HINT)


def _is_time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
