"""JSON from files of users: parsed, bounded, and brought into dataclasses, with every misfit told in words."""

from __future__ import annotations

import json
import math
import stat
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from lipsync_cli.errors import InputError

MOST_DEPTH = 50  # lists and objects inside of each other
MOST_INTEGER = 2**63  # the arrays that such numbers end up in hold no larger ones
MOST_BYTES = 256 << 20  # of a file
_MOST_DIGITS = 20
_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "a text",
    dict: "an object",
    list: "a list",
    tuple: "a list",
    type(None): "null",
}

C = TypeVar("C")


def parse_json(
    text: str | bytes,
    path: Path | str | None = None,
    hint: str | None = None,
    what: str = "it",
    *,
    allows_nan: bool = True,
) -> Any:
    """Parse JSON that somebody else may have written.

    Parameters
    ----------
    path, hint : for the error
    what : the thing that is parsed, as the beginning of a clause
    allows_nan : NaN and Infinity may be in it, which standard JSON does not know

    Raises
    ------
    InputError : it is no JSON, is nested deeper than 50 levels, or holds an integer beyond 64 bits or text that is not
        Unicode
    """
    try:
        value = json.loads(text, parse_int=_parse_integer, parse_constant=None if allows_nan else _refuse_constant)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).split(": line")[0]
        raise InputError(f"{what} is no JSON ({reason})", path, hint) from error
    level, depth = [value], 0
    while level:
        if depth > MOST_DEPTH:
            raise InputError(f"{what} is no JSON that can be read (more than {MOST_DEPTH} levels)", path, hint)
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner += [*each, *each.values()]
            elif isinstance(each, list):
                inner += each
            elif isinstance(each, str) and not is_unicode(each):
                raise InputError(f"{what} holds text that is not Unicode", path, hint)
        level, depth = inner, depth + 1
    return value


def read_json(path: Path, hint: str | None = None, what: str = "it") -> Any:
    """Read a JSON file.

    Raises
    ------
    InputError : it cannot be read, is no regular file or too large, or as `parse_json`
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # to read a pipe could wait for ever
            raise InputError("is not a regular file", path, hint)
        if status.st_size > MOST_BYTES:
            raise InputError(f"is too large for JSON, more than {MOST_BYTES >> 20} MiB", path, hint)
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path, hint) from error
    return parse_json(text, path, hint, what)


def is_unicode(text: str) -> bool:
    """Tell whether a text holds no half of a surrogate pair, which no file could hold."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def check_object(value: Any, what: str, path: Path | str | None = None, hint: str | None = None) -> dict[str, Any]:
    """Return a value that is a JSON object; InputError if it is another."""
    if not isinstance(value, dict):
        raise InputError(f"{what} is {_name(value)}, not an object", path, hint)
    return value


def check_type(value: Any, kind: Any, what: str) -> Any:
    """Return a value as a type hint has it: lists as tuples where the hint says so.

    Parameters
    ----------
    kind : bool, int, float (a whole number is one, too), str, dict, list, tuple, with or without their arguments, None,
        a union of such, or Any

    Raises
    ------
    InputError : the value is of another type, or a number is not finite
    """
    if kind is Any:
        return value
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, types.UnionType):
        return _check_union(value, arguments, what)
    if origin is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise InputError(f"{what} must be a finite number, not {value}")
        return value
    if origin is tuple and isinstance(value, (list, tuple)):
        return _check_tuple(value, arguments, what)
    wanted = dict if origin is Mapping else origin
    if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
        raise InputError(f"{what} must be {_NAMES.get(wanted, wanted)}, not {_name(value)}")
    if wanted is dict and arguments:
        return {key: check_type(each, arguments[1], f"{key!r} of {what}") for key, each in value.items()}
    if wanted is list and arguments:
        return [check_type(each, arguments[0], f"each of {what}") for each in value]
    return value


def make_dataclass(cls: type[C], values: Any, what: str) -> C:
    """Make a dataclass from a JSON object, each value of its field's type.

    Parameters
    ----------
    what : the dataclass in words, for the error: "the crop rule"

    Raises
    ------
    InputError : it is no object, a name is unknown, one without default is missing, or a value is of another type
    """
    values = check_object(values, what)
    hints = get_type_hints(cls)
    own = {field.name: field for field in fields(cls) if field.init}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - set(own)):
        raise InputError(f"unknown name in {what}: {', '.join(unknown)}", hint="it is of a newer version")
    for name, field in own.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{what} has no {name}")
    return cls(**{name: check_type(value, hints[name], f"{name} in {what}") for name, value in values.items()})


def _check_union(value: Any, kinds: tuple[Any, ...], what: str) -> Any:
    for kind in kinds:
        try:
            return check_type(value, kind, what)
        except InputError:
            continue
    names = [_NAMES.get(get_origin(kind) or kind, str(kind)) for kind in kinds]
    raise InputError(f"{what} must be {' or '.join(names)}, not {_name(value)}")


def _check_tuple(value: Any, kinds: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    if kinds and kinds[-1] is not Ellipsis and len(value) != len(kinds):
        raise InputError(f"{what} must be a list of {len(kinds)}, not of {len(value)}")
    if not kinds:
        return tuple(value)
    each = [kinds[0]] * len(value) if kinds[-1] is Ellipsis else list(kinds)
    return tuple(check_type(one, kind, f"each of {what}") for one, kind in zip(value, each, strict=True))


def _name(value: Any) -> str:
    if isinstance(value, (bool, int, float)):
        return repr(value)
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:37] + "...")
    return _NAMES.get(type(value), type(value).__name__)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"a number that is {name}")


def _parse_integer(digits: str) -> int:
    if len(digits) > _MOST_DIGITS or abs(value := int(digits)) >= MOST_INTEGER:
        raise ValueError("a whole number beyond 64 bits")
    return value
