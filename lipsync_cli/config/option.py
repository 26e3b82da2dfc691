"""What a field of a configuration says about itself, and how the fields of a configuration are found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import MISSING, dataclass
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

# Headings of the help, in this order; others stand between the two.
FIRST_PANELS = ("input and output", "face", "voice", "quality", "marking")
LAST_PANELS = ("performance", "advanced", "general")
_KEY = "lipsync option"


class _Required:
    """Stands for the default of an option that must be given."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Any = _Required()


@dataclass(frozen=True)
class Option:
    """What is known of one option beside its name, type and default, which the field has.

    Attributes
    ----------
    help : one or two sentences
    panel : under which heading it stands in the help; None: that of the group
    argument : it is a positional argument, named on the command line only
    names : its spellings on the command line; empty: `--` and the field's name, of an argument that alone
    old : former spellings, which go on working with a warning
    old_keys : former names of the field, for files
    choices : the allowed values, letter case aside
    other : what else than the choices is allowed, such as "FILE"; None: nothing else
    synonyms : further values, and which of the choices each means
    old_values : former values, and which of the choices each means; they are taken with a warning
    least, most : of a number, both allowed
    below : of a number: all values are less
    check : called with a text; ValueError or LipsyncError where it has no meaning
    is_number : a text that a file may give as a number, too, such as fps = 25
    shown : what the help says of the default where the field's default is not what holds; None: the default
    shows_default : whether the help says the default at all
    metavar : how the help names the value
    example : a value for a file of defaults where there is no default
    key : the option's name in a file; None: the field's
    both : the help shows the flag's negation, too
    in_file : whether a file may set it
    writes : of a path: it is written, not read
    presets : what else each of the choices means: values of other options by their names, unless these are given
    names_file : of a text: it, or a part of it beside a "=", may name a file that is read
    """

    help: str
    panel: str | None = None
    argument: bool = False
    names: tuple[str, ...] = ()
    old: tuple[str, ...] = ()
    old_keys: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    other: str | None = None
    synonyms: Mapping[str, str] = dataclasses.field(default_factory=dict)
    old_values: Mapping[str, str] = dataclasses.field(default_factory=dict)
    least: float | None = None
    most: float | None = None
    below: float | None = None
    check: Callable[[str], object] | None = None
    is_number: bool = False
    shown: str | None = None
    shows_default: bool = True
    metavar: str | None = None
    example: str | None = None
    key: str | None = None
    both: bool = False
    in_file: bool = True
    writes: bool = False
    presets: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    names_file: bool = False


@dataclass(frozen=True)
class Group:
    """A field that holds a configuration of its own.

    Attributes
    ----------
    panel : of its options in the help
    table : whether a file names its keys in a table of the field's name; else they stand at the top
    build : makes the configuration from the values that were given, by name; None: the class, whose defaults hold
    """

    panel: str | None = None
    table: bool = True
    build: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Entry:
    """One option of a configuration.

    Attributes
    ----------
    name : of the field; no two options of a configuration share one
    path : names of the fields from the configuration down to it
    option : what it says about itself
    kind : bool, int, float, str or Path
    many : whether it holds a tuple of these
    optional : whether it may be None
    default : REQUIRED if it must be given
    panel : heading in the help
    key : names from the top of a file down to it
    depends : the default that holds depends on other options
    """

    name: str
    path: tuple[str, ...]
    option: Option
    kind: type
    many: bool = False
    optional: bool = False
    default: Any = REQUIRED
    panel: str = LAST_PANELS[-1]
    key: tuple[str, ...] = ()
    depends: bool = False

    @property
    def spellings(self) -> tuple[str, ...]:
        """Its spellings on the command line, the first of them in messages."""
        name = self.name.replace("_", "-")
        return self.option.names or (name if self.option.argument else f"--{name}",)

    @property
    def spelling(self) -> str:
        """The long spelling on the command line, for messages."""
        return next((name for name in self.spellings if name.startswith("--")), self.name)

    @property
    def negation(self) -> str:
        """The spelling that switches a flag off."""
        name = self.spelling.removeprefix("--")
        return "--" + (name.removeprefix("no-") if name.startswith("no-") else f"no-{name}")


def option(help: str, default: Any = MISSING, **details: Any) -> Any:
    """Declare an option as a field of a frozen dataclass; the details are those of `Option`."""
    return dataclasses.field(default=default, metadata={_KEY: Option(help, **details)})


def argument(help: str, default: Any = MISSING, **details: Any) -> Any:
    """Declare a positional argument as a field of a frozen dataclass."""
    return option(help, default, argument=True, in_file=False, **details)


def group(
    of: Callable[[], Any] | None = None,
    panel: str | None = None,
    table: bool = True,
    build: Callable[..., Any] | None = None,
) -> Any:
    """Declare a field that holds a configuration of its own; `of` makes its default, None: it has required parts."""
    default: Any = {} if of is None else {"default_factory": of}
    return dataclasses.field(**default, metadata={_KEY: Group(panel, table, build)})


def groups_of(cls: type) -> dict[str, tuple[type, Group]]:
    """Return the groups of a configuration by the names of their fields, with their classes."""
    return _find_groups(cls)


@cache
def _find_groups(cls: Hashable) -> dict[str, tuple[type, Group]]:
    assert isinstance(cls, type)
    assert dataclasses.is_dataclass(cls)
    types = get_type_hints(cls)
    return {
        field.name: (types[field.name], field.metadata[_KEY])
        for field in dataclasses.fields(cls)
        if isinstance(field.metadata.get(_KEY), Group)
    }


def entries_of(cls: type) -> tuple[Entry, ...]:
    """Return the options of a configuration and of its groups, in the order of their fields.

    Raises
    ------
    TypeError : two options have the same name, or an option's type cannot be given on a command line
    """
    return _find_entries(cls)


@cache
def _find_entries(cls: Hashable) -> tuple[Entry, ...]:
    assert isinstance(cls, type)
    entries = tuple(_walk(cls, (), (), Group()))
    names = [entry.name for entry in entries]
    if twice := {name for name in names if names.count(name) > 1}:
        raise TypeError(f"{cls.__name__} has several options called {', '.join(sorted(twice))}")
    return entries


def _walk(cls: type, path: tuple[str, ...], tables: tuple[str, ...], inside: Group) -> Iterator[Entry]:
    types = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        about = field.metadata.get(_KEY)
        if isinstance(about, Group):
            below = (*tables, field.name) if about.table else tables
            yield from _walk(types[field.name], (*path, field.name), below, about)
        elif isinstance(about, Option):
            kind, many, optional = _read_type(types[field.name], f"{cls.__name__}.{field.name}")
            panel = about.panel or inside.panel or LAST_PANELS[-1]
            default = REQUIRED if field.default is MISSING else field.default
            yield Entry(
                field.name,
                (*path, field.name),
                about,
                kind,
                many,
                optional,
                default,
                panel,
                (*tables, about.key or field.name),
                inside.build is not None,
            )


def _read_type(hint: Any, where: str) -> tuple[type, bool, bool]:
    """Return the kind of single values, whether there are many, and whether None is allowed."""
    many = optional = False
    if get_origin(hint) in (Union, UnionType):
        rest = [each for each in get_args(hint) if each is not NoneType]
        optional = len(rest) < len(get_args(hint))
        hint = rest[0] if len(rest) == 1 else None
    if get_origin(hint) is tuple:
        hint, many = get_args(hint)[0], True
    if hint not in (bool, int, float, str, Path):
        raise TypeError(f"{where} has a type that no command line can give")
    return hint, many, optional
