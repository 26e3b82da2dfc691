"""Tables of messages, CSV, TSV or JSON Lines, row by row; what is wrong with a row is told by its line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError
from lipsync_cli.runtime.json_values import MOST_BYTES, parse_json
from lipsync_cli.runtime.run_inputs import read_input

OnFailure = Callable[[LipsyncError], None]

DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
MOST_CELL = 100_000  # characters: a quote that is never closed swallows the rows behind it
_NUL = "\x01"  # stands for NUL, which the csv module of Python 3.10 does not take
_SAVE = 'save it as UTF-8 (spreadsheets call it "CSV UTF-8")'


@dataclass(frozen=True)
class Row:
    """One message as it stands in a table.

    Attributes
    ----------
    line : on which it begins, from 1
    values : by the names of their columns
    """

    line: int
    values: dict[str, Any]


def is_table(path: Path) -> bool:
    """Tell whether a file's name is that of a CSV or TSV table."""
    return path.suffix.lower() in DELIMITERS


def read_text(path: Path) -> str:
    """Read a file as UTF-8, with or without a byte order mark.

    Raises
    ------
    InputError : it cannot be read, is too large, or has another encoding, which is named where it can be told
    """
    try:
        content = read_input(path, MOST_BYTES)
    except FileNotFoundError:
        raise InputError("no such file", path) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path) from error
    return decode_text(content, path)


def read_lines(stream: BinaryIO, name: str) -> Iterator[str]:
    """Give the lines of a stream, which is read when the first is asked for; see `read_stream`."""
    yield from read_stream(stream, name).split("\n")


def read_stream(stream: BinaryIO, name: str) -> str:
    """Read what a stream gives as UTF-8, whatever the locale.

    Parameters
    ----------
    name : of the stream, for errors

    Raises
    ------
    InputError : it is too large, or has another encoding
    """
    content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InputError(f"is too large, more than {MOST_BYTES >> 20} MiB", name)
    return decode_text(content, name)


def decode_text(content: bytes, path: Path | str) -> str:
    """Return UTF-8, with or without a byte order mark, as text; InputError names another encoding where it can."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        hint = f"{_SAVE}, or convert it: iconv -f UTF-16 -t UTF-8"
        raise InputError("line 1: its encoding is UTF-16, not UTF-8", path, hint)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        hint = f"{_SAVE}, or convert it: iconv -f WINDOWS-1252 -t UTF-8"
        raise InputError(f"line {line}: its encoding is not UTF-8, perhaps Windows-1252", path, hint) from None


def read_columns(text: str, path: Path) -> tuple[str, list[str]]:
    """Return the delimiter and the names of the columns, from the first line of a CSV or TSV table.

    Raises
    ------
    NothingToDoError : the table is empty
    InputError : a name is missing or given twice
    """
    lines = text.splitlines()
    if not lines or not lines[0].strip():
        raise NothingToDoError("the table is empty", path, "its first line names the columns")
    delimiter = DELIMITERS[path.suffix.lower()]
    if delimiter == "," and "," not in lines[0] and ";" in lines[0]:  # as spreadsheets of many countries write it
        delimiter = ";"
    _, columns = next(_split(text, delimiter, path, lambda error: None), (1, [""]))
    names = [name.strip() for name in columns]
    for place, name in enumerate(names, 1):
        if not name or _NUL in name:
            raise InputError(f"line 1: column {place} has no name", path, "name every column in the first line")
        if names.count(name) > 1:
            raise InputError(f"line 1: there are {names.count(name)} columns {name}", path, "rename all but one")
    return delimiter, names


def read_rows(text: str, path: Path, on_failure: OnFailure) -> Iterator[Row]:
    """Give the rows of a CSV or TSV table; InputError and NothingToDoError as `read_columns`.

    Parameters
    ----------
    on_failure : told of each row that is none, by its line
    """
    delimiter, columns = read_columns(text, path)
    rows = _split(text, delimiter, path, on_failure)
    next(rows)
    for line, cells in rows:
        if not cells or (len(cells) > 1 and not any(cell.strip() for cell in cells)):
            continue  # as spreadsheets end a table
        nul = next((name for name, cell in zip(columns, cells, strict=False) if _NUL in cell), None)
        if nul is not None:
            on_failure(InputError(f"line {line}: {nul} holds a NUL character", path, "take it out"))
        elif len(cells) != len(columns):
            hint = f'put quotes around a value that holds "{delimiter}"' if len(cells) > len(columns) else "fill it up"
            fact = f"line {line}: has {len(cells)} values, and there are {len(columns)} columns"
            on_failure(InputError(fact, path, hint))
        else:
            yield Row(line, dict(zip(columns, (cell.strip() for cell in cells), strict=True)))


def read_json_rows(lines: Iterable[str], where: str, on_failure: OnFailure) -> Iterator[Row]:
    """Give the rows of a list with one JSON object a line; `on_failure` is told of each line that is none."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = parse_json(line)
        except InputError as error:
            hint = 'write one JSON object a line, such as {"text": "Hello"}; the names of tables end in .csv or .tsv'
            unsafe = "not Unicode" in error.fact
            fact = "holds text that is not Unicode" if unsafe else "is no JSON object"
            on_failure(InputError(f"line {number}: {fact}", where, None if unsafe else hint))
            continue
        if isinstance(values, dict):
            yield Row(number, values)
        else:
            on_failure(InputError(f"line {number}: is no JSON object", where))


def _split(text: str, delimiter: str, path: Path, on_failure: OnFailure) -> Iterator[tuple[int, list[str]]]:
    """Give line and cells of each row, the first one's, too."""
    lines = text.replace("\0", _NUL).splitlines(keepends=True)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:  # in words that no user has typed
            is_open = reader.line_num >= len(lines) and reader.line_num > line
            fact = "a quote is opened and never closed" if is_open else "its quotes do not fit together"
            on_failure(InputError(f"line {line}: {fact}", path, 'write a quote within a value twice: ""'))
            continue
        if any(len(cell) > MOST_CELL for cell in cells):
            fact = f"line {line}: a value has more than {MOST_CELL} characters"
            on_failure(InputError(fact, path, "look for a quote that is not closed"))
            continue
        yield line, cells
