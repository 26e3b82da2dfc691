"""Options from a TOML file, with the line of what is wrong, and a file of the defaults.

The lines of keys are found with the TOML parser alone: a key begins after the last line up to which the file parses
without it. That holds for every way of writing TOML, and costs time only where something is wrong.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from lipsync_cli.config.check_values import Notify, ValueProblemError, coerce, describe_allowed, join_hints, suggest
from lipsync_cli.config.option import REQUIRED, Entry, entries_of
from lipsync_cli.errors import InputError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WIDTH = 100
Key = tuple[str, ...]


def read_file(cls: type, path: Path, notify: Notify, read: Callable[[Path], bytes] = Path.read_bytes) -> dict[str, Any]:
    """Return the values of the options that a file sets, by name, checked.

    Parameters
    ----------
    cls : the configuration
    path : of a TOML file; relative paths in it start where those of the command line start
    notify : told in words of former names
    read : gives the bytes of the file

    Raises
    ------
    InputError : there is no such file, or it cannot be read
    UsageError : it is no TOML, or has an unknown key, or a value that the option cannot have; with the line
    """
    text = _read_text(path, read)
    try:
        content = tomllib.loads(text)
    except RecursionError:
        raise UsageError("is no TOML that can be read: nested too deeply", path) from None
    except ValueError as error:  # of TOML, or of a number with thousands of digits
        raise UsageError(_locate_syntax(str(error), text), path) from None
    return _Reader(cls, path, text, notify).read(content)


class _Reader:
    """Checks the content of a file against a configuration."""

    def __init__(self, cls: type, path: Path, text: str, notify: Notify) -> None:
        self.path, self.text, self.notify = path, text, notify
        self.cls = cls
        self.entries = {entry.key: entry for entry in entries_of(cls) if entry.option.in_file}
        self.tables = {key[:end] for key in self.entries for end in range(1, len(key))}
        self.old = {(*key[:-1], old): key for key, entry in self.entries.items() for old in entry.option.old_keys}

    def read(self, content: dict[str, Any]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for written, value in self._leaves(content, ()):
            key = tuple(part.replace("-", "_") for part in written)
            if key in self.old:
                self._say(written, f"{'.'.join(written)} is called {'.'.join(self.old[key])} now")
                key = self.old[key]
            entry = self.entries.get(key)
            if entry is None:
                raise self._unknown(written, key)
            if entry.name in values:
                raise self._error(written, "is set twice")
            label = f"{written[-1]} ="
            try:
                values[entry.name] = coerce(entry, value, partial(self._say, written), label)
            except ValueProblemError as problem:
                raise self._error(written, problem.fact, problem.hint) from None
        return values

    def _leaves(self, content: dict[str, Any], above: Key) -> Iterator[tuple[Key, Any]]:
        for name, value in content.items():
            key = (*above, name)
            if tuple(part.replace("-", "_") for part in key) not in self.tables:
                yield key, value
            elif isinstance(value, dict):
                yield from self._leaves(value, key)
            else:
                raise self._error(key, "must be a table", f"write [{'.'.join(key)}], and its keys below")

    def _unknown(self, written: Key, key: Key) -> UsageError:
        here = [known[-1] for known in self.entries if known[:-1] == key[:-1]]
        here += [table[-1] for table in self.tables if table[:-1] == key[:-1]]
        places = ["[" + ".".join(known[:-1]) + "]" for known in self.entries if known[-1] == key[-1] and known[:-1]]
        if key[-1] in (known[0] for known in self.entries if len(known) == 1):
            places.append("the top, above the first table")
        if places:
            return self._error(written, "is not known here", f"it belongs to {places[0]}")
        if any(entry.name == key[-1] for entry in entries_of(self.cls)):
            return self._error(written, "cannot be set by a file", "give it on the command line")
        everywhere = [known[-1] for known in self.entries]
        near = suggest(key[-1], here) or suggest(key[-1], everywhere)
        return self._error(written, "is not known", join_hints(near, "use " + ", ".join(here or everywhere)))

    def _error(self, key: Key, fact: str, hint: str | None = None) -> UsageError:
        return UsageError(f"line {find_line(self.text, key)}: {'.'.join(key)} {fact}", self.path, hint)

    def _say(self, key: Key, text: str) -> None:
        self.notify(f"{self.path}: line {find_line(self.text, key)}: {text}")


def find_line(text: str, key: Key) -> int:
    """Return the line, counted from 1, on which a key of a valid TOML file begins."""
    lines = text.split("\n")
    start = 0
    for number in range(1, len(lines) + 1):
        try:
            content = tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue  # inside of a value of several lines
        if _has(content, key):
            return start + 1
        start = number
    return start + 1


def _has(content: Any, key: Key) -> bool:
    for name in key:
        if not isinstance(content, dict) or name not in content:
            return False
        content = content[name]
    return True


def _read_text(path: Path, read: Callable[[Path], bytes]) -> str:
    try:
        return read(path).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except FileNotFoundError:
        raise InputError("no such file", path) from None
    except UnicodeDecodeError:
        raise InputError("is not text in UTF-8", path, "give a TOML file, such as lipsync config writes") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path) from error


def _locate_syntax(message: str, text: str) -> str:
    found = re.search(r" \(at line (\d+), column \d+\)$| \(at end of document\)$", message)
    if found is None:
        return f"is no TOML: {message}"
    line = found[1] or len(text.rstrip("\n").split("\n"))
    return f"line {line}: is no TOML: {message[: found.start()]}"


def write_defaults(cls: type, title: str) -> str:
    """Return a TOML file with every option, its help and its default; it sets nothing but the defaults.

    Options without a value, and those whose default depends on others, are there as comments.
    """
    parts = [f"# {title}", "# Relative paths start where the command runs. The command line wins over this file.", ""]
    table: Key = ()
    entries = [entry for entry in entries_of(cls) if entry.option.in_file]
    for entry in sorted(entries, key=lambda entry: len(entry.key) > 1):
        if entry.key[:-1] != table:
            table = entry.key[:-1]
            parts += [f"[{'.'.join(table)}]", ""]
        parts += [f"# {line}" for line in textwrap.wrap(_explain(entry), WIDTH - 2, break_on_hyphens=False)]
        parts += [_line(entry), ""]
    return "\n".join(parts)


def _explain(entry: Entry) -> str:
    option = entry.option
    allowed = describe_allowed(entry)
    text = f"{option.help} {allowed[0].upper()}{allowed[1:]}."
    return text + (f" Default: {option.shown}." if option.shown else "")


def _line(entry: Entry) -> str:
    value = entry.default
    if value is None or value is REQUIRED:
        return f"# {entry.key[-1]} = {format_value(_example(entry))}"
    return f"{'# ' if entry.depends else ''}{entry.key[-1]} = {format_value(value)}"


def _example(entry: Entry) -> Any:
    example = entry.option.example
    if entry.many:
        return [example or "TEXT"]
    if entry.kind is bool:
        return True
    if entry.kind in (int, float):
        return entry.kind(entry.option.least or 1)
    return example or ("FILE" if entry.kind is Path else "TEXT")


def format_value(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(format_value, value)) + "]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
