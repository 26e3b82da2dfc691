"""Values of options: brought to the type of their field, checked, and named in messages."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lipsync_cli.config.option import Entry
from lipsync_cli.errors import LipsyncError

NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path as a text"}
MOST_INTEGER = 2**63 - 1  # what arrays and random generators can hold
Notify = Callable[[str], None]


class ValueProblemError(Exception):
    """A value that an option cannot have.

    Parameters
    ----------
    fact : what is wrong, as words that follow the option's name
    hint : what is allowed
    """

    def __init__(self, fact: str, hint: str | None = None) -> None:
        super().__init__(fact)
        self.fact, self.hint = fact, hint


def suggest(word: str, known: Iterable[str]) -> str | None:
    """Return "did you mean X?" for the known word nearest to one that is not known, None if none is near."""
    import difflib

    by_case = {each.lower(): each for each in known}
    near = difflib.get_close_matches(word.lower(), by_case, 1, 0.6)
    return f"did you mean {by_case[near[0]]}?" if near else None


def join_hints(*hints: str | None) -> str | None:
    """Join the hints that there are."""
    return "; ".join(hint for hint in hints if hint) or None


def describe_allowed(entry: Entry) -> str:
    """Say in words which values an option can have."""
    option = entry.option
    if option.choices:
        words = [*option.choices, *option.synonyms, *([option.other] if option.other else [])]
        return "use " + (f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0])
    name = NAMES[entry.kind] + (" or a number" if option.is_number else "")
    if entry.many:
        return f"give a list, each of it {name}"
    least, most, below = (None if each is None else f"{each:g}" for each in (option.least, option.most, option.below))
    if least is not None and most is not None:
        return f"give {name} from {least} to {most}"
    if least is not None and below is not None:
        return f"give {name} from {least} to less than {below}"
    return f"give {name}" + (f" of at least {least}" if least is not None else "")


def coerce(entry: Entry, value: Any, notify: Notify | None = None, name: str | None = None) -> Any:
    """Return a value as the option's field holds it.

    Parameters
    ----------
    value : from a command line, a file, or Python; None where the option may be None
    notify : told in words that a former value was given
    name : the option as the user has named it; None: its spelling

    Raises
    ------
    ValueProblemError : the option cannot have this value
    """
    name = name or entry.spelling
    if value is None and (entry.optional or entry.default is None):
        return None
    if not entry.many:
        return _coerce_one(entry, value, notify, name)
    if not isinstance(value, (list, tuple)):
        raise ValueProblemError("must be a list", describe_allowed(entry))
    return tuple(_coerce_one(entry, each, notify, name) for each in value)


def _coerce_one(entry: Entry, value: Any, notify: Notify | None, name: str) -> Any:
    kind = entry.kind
    if isinstance(value, int) and abs(value) > MOST_INTEGER:
        raise ValueProblemError("is out of range", describe_allowed(entry))
    if isinstance(value, (str, Path)):
        _check_unicode(str(value))
    if kind is Path and isinstance(value, (str, Path)):
        value = Path(value)
    elif kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    elif (kind is str and isinstance(value, Path)) or (
        kind is str and entry.option.is_number and isinstance(value, (int, float)) and not isinstance(value, bool)
    ):
        value = str(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        wanted = "one of its words" if entry.option.choices else NAMES[kind]
        raise ValueProblemError(f"must be {wanted}, not {value!r}", describe_allowed(entry))
    if isinstance(value, (int, float)) and kind is not bool:
        _check_number(entry, value)
    elif isinstance(value, str):
        return _check_text(entry, value, notify, name)
    return value


def _check_unicode(text: str) -> None:
    if "\0" in text:
        raise ValueProblemError("must be a text without a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        is_utf8 = sys.getfilesystemencoding() == "utf-8"
        raise ValueProblemError("must be a text in UTF-8", None if is_utf8 else "set PYTHONUTF8=1") from None


def _check_number(entry: Entry, value: float) -> None:
    option = entry.option
    if not math.isfinite(value):
        raise ValueProblemError(f"{value} is no finite number", describe_allowed(entry))
    out = (
        (option.least is not None and value < option.least)
        or (option.most is not None and value > option.most)
        or (option.below is not None and value >= option.below)
    )
    if out:
        raise ValueProblemError(f"{value} is out of range", describe_allowed(entry))


def _check_text(entry: Entry, value: str, notify: Notify | None, name: str) -> str:
    option = entry.option
    if option.choices:
        known = {each.lower(): each for each in option.choices} | dict(option.synonyms) | dict(option.old_values)
        word = value.lower()
        if word in option.old_values and notify is not None:
            notify(f"{name} {value} is called {name} {option.old_values[word]} now")
        if word in known:
            return known[word]
        if option.other is None:
            hint = join_hints(describe_allowed(entry), suggest(word, [*option.choices, *option.synonyms]))
            raise ValueProblemError(f"{value!r} does not exist", hint)
    if option.check is not None:
        try:
            option.check(value)
        except ValueProblemError:
            raise
        except LipsyncError as error:
            raise ValueProblemError(f"{value!r}: {error.fact}", error.hint) from error
        except ValueError as error:
            raise ValueProblemError(f"{value!r} {error}", describe_allowed(entry)) from error
    return value
