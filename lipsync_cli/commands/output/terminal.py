"""The one place that prints: what a terminal would obey, instead of showing it, is written as an escape sequence.

File names, speakers, metadata and messages of the system may hold anything. Nothing else in the package prints.
"""

from __future__ import annotations

import errno
import math
import re
import sys
from typing import Any

from lipsync_cli.errors import UNSAFE, InputError, escape_controls

LAYOUT = "\n\t"  # of a text of several lines


def print_line(text: object, error: bool = False) -> None:
    """Print one line on stdout, or on stderr for what is no result."""
    _write(escape_controls(str(text)) + "\n", error)


def print_text(text: str, error: bool = False, end: str = "\n") -> None:
    """Print a text whose lines and tabs are meant."""
    _write(escape_controls(text, LAYOUT) + end, error)


def print_json(value: Any, indent: int | None = None, as_ascii: bool = True, error: bool = False) -> None:
    """Print one JSON object on stdout, or on stderr; numbers that JSON does not have are null."""
    import json

    print_json_text(json.dumps(_finite(value), default=str, indent=indent, ensure_ascii=as_ascii) + "\n", error)


def print_json_text(text: str, error: bool = False) -> None:
    """Print JSON that is text already; it stays the same JSON, whatever characters the stream can take.

    What is unsafe in its texts, and what the encoding of the locale lacks, is escaped.
    """
    text = UNSAFE.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)
    try:
        text.encode(_encoding_of(sys.stderr if error else sys.stdout))
    except UnicodeEncodeError:
        import json

        text = re.sub(r"[^\x00-\x7f]+", lambda found: json.dumps(found[0])[1:-1], text)
    _write(text, error)


def _encoding_of(stream: Any) -> str:
    return str(getattr(stream, "encoding", None) or "utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, (list, tuple)) else value


def _write(text: str, error: bool) -> None:
    """Write and flush; what is wrong with stderr has nowhere to be told."""
    stream = sys.stderr if error else sys.stdout
    encoding = _encoding_of(stream)
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    try:
        stream.write(text)
        stream.flush()
    except OSError as reason:
        if not error and reason.errno == errno.EPIPE:
            raise  # the reader has left: Typer ends quietly
        if not error:
            raise InputError(f"cannot be written ({reason.strerror})", "standard output", "make room") from reason
