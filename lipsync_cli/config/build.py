"""A configuration from values by name, and the values of a configuration by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from lipsync_cli.config.check_values import Notify, ValueProblemError, coerce, suggest
from lipsync_cli.config.option import Entry, entries_of, groups_of
from lipsync_cli.errors import UsageError

C = TypeVar("C")


def make(cls: type[C], /, **values: Any) -> C:
    """Make a configuration from the values of options by their names, wherever in its groups they belong.

    Raises
    ------
    UsageError : there is no such option, or it cannot have this value

    Examples
    --------
    make(InferConfig, face="ann.mp4", speech=["hello.wav"], articulation=1.2)
    """
    entries = {entry.name: entry for entry in entries_of(cls)}
    for name in values:
        if name not in entries:
            raise UsageError(f"there is no option {name!r}", hint=suggest(name, entries))
    return build(cls, {name: check_value(entries[name], value, name=name) for name, value in values.items()})


def check_value(entry: Entry, value: Any, notify: Notify | None = None, name: str | None = None) -> Any:
    """Return a value as the option's field holds it; UsageError, with the option's name, where it cannot be."""
    try:
        return coerce(entry, value, notify, name)
    except ValueProblemError as problem:
        raise UsageError(f"{name or entry.spelling} {problem.fact}", hint=problem.hint) from None


def build(cls: type[C], values: Mapping[str, Any]) -> C:
    """Make a configuration from values that are checked already, by the names of their options."""
    groups, values = groups_of(cls), _with_presets(cls, values)
    fields: dict[str, Any] = {}
    for name, (kind, about) in groups.items():
        inner = {entry.name for entry in entries_of(kind)}
        given = {each: value for each, value in values.items() if each in inner}
        fields[name] = build(kind, given) if about.build is None else about.build(**given)
    own = {entry.name for entry in entries_of(cls) if len(entry.path) == 1}
    return cls(**fields, **{name: value for name, value in values.items() if name in own})


def _with_presets(cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with what presets among them stand for, where it is not given otherwise."""
    stood_for: dict[str, Any] = {}
    for entry in entries_of(cls):
        stood_for |= entry.option.presets.get(values.get(entry.name) or "", {})
    return stood_for | dict(values)


def check_values(config: Any) -> None:
    """Raise UsageError if an option has a value that it cannot have."""
    for entry in entries_of(type(config)):
        check_value(entry, get_value(config, entry), name=entry.name)


def get_value(config: Any, entry: Entry) -> Any:
    """Return the value of one option."""
    for name in entry.path:
        config = getattr(config, name)
    return config


def flatten(config: Any) -> dict[str, Any]:
    """Return all options of a configuration by name; tuples become lists."""
    values = {entry.name: get_value(config, entry) for entry in entries_of(type(config))}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def find_inputs(config: Any) -> list[Path]:
    """Return every file and folder that the options of a configuration name to be read."""
    return [path for entry in entries_of(type(config)) for path in _named(entry, get_value(config, entry))]


def _named(entry: Entry, value: Any) -> Iterator[Path]:
    for each in value if isinstance(value, tuple) else (value,):
        if isinstance(each, Path) and not entry.option.writes:
            yield each
        elif isinstance(each, str) and entry.option.names_file:
            ends = [place for place, letter in enumerate(each) if letter == "="]
            parts = [each, *(part for place in ends for part in (each[:place], each[place + 1 :]))]
            yield from (Path(part.strip()) for part in parts if part.strip())
