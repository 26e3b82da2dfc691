"""Values of options: what is taken, what is refused, and in which words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lipsync_cli.config.build import build, check_values, flatten, make
from lipsync_cli.config.check_values import ValueProblemError, coerce
from lipsync_cli.config.option import Entry, argument, entries_of, group, option
from lipsync_cli.config.quantities import parse_duration
from lipsync_cli.errors import UsageError


@dataclass(frozen=True)
class Paint:
    """Options of a group."""

    colour: str = option("Of the door.", "red", choices=("red", "Green"), synonyms={"rouge": "red"})
    coats: int = option("How many.", 2, least=1, most=9)
    gloss: float = option("How much of it.", 0.5, least=0, below=1)
    dries: str | None = option("For how long.", None, check=parse_duration, is_number=True)
    rough: bool = option("Leave it so.", False)


@dataclass(frozen=True)
class Door:
    """A configuration with a group."""

    name: Path = argument("Its file.")
    paint: Paint = group(Paint, "quality")
    keys: tuple[str, ...] = option("Who has one.", ())
    depth: float | None = option("In metres.", None, panel="advanced", least=0)


ENTRIES = {entry.name: entry for entry in entries_of(Door)}


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("colour", "GREEN", "Green"),
        ("colour", "Rouge", "red"),
        ("coats", 9, 9),
        ("gloss", 0, 0.0),
        ("dries", "1m", "1m"),
        ("dries", 90, "90"),
        ("dries", None, None),
        ("rough", True, True),
        ("name", "a/b", Path("a/b")),
        ("keys", ["ann", "bob"], ("ann", "bob")),
        ("depth", 2, 2.0),
    ],
)
def test_a_value_becomes_what_the_field_holds(name: str, value: Any, held: Any) -> None:
    found = coerce(ENTRIES[name], value)
    assert found == held
    assert type(found) is type(held)


@pytest.mark.parametrize(
    ("name", "value", "fact", "hint"),
    [
        ("colour", "gren", "'gren' does not exist", "use red, Green or rouge; did you mean Green?"),
        ("colour", 3, "must be one of its words, not 3", "use red, Green or rouge"),
        ("coats", 0, "0 is out of range", "give a whole number from 1 to 9"),
        ("coats", 10, "10 is out of range", "give a whole number from 1 to 9"),
        ("coats", True, "must be a whole number, not True", "give a whole number from 1 to 9"),
        ("coats", 2.5, "must be a whole number, not 2.5", "give a whole number from 1 to 9"),
        ("gloss", 1.0, "1.0 is out of range", "give a number from 0 to less than 1"),
        ("gloss", math.nan, "nan is no finite number", "give a number from 0 to less than 1"),
        ("depth", -1, "-1.0 is out of range", "give a number of at least 0"),
        ("dries", "soon", "'soon' is no length of time", "give one such as 20s, 1m or 1m30s"),
        ("rough", "yes", "must be true or false, not 'yes'", "give true or false"),
        ("name", 3, "must be a path as a text, not 3", "give a path as a text"),
        ("keys", "ann", "must be a list", "give a list, each of it a text"),
        ("keys", ["ann", 3], "must be a text, not 3", "give a list, each of it a text"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_what_can(name: str, value: Any, fact: str, hint: str) -> None:
    with pytest.raises(ValueProblemError) as told:
        coerce(ENTRIES[name], value)
    assert (told.value.fact, told.value.hint) == (fact, hint)


def test_a_configuration_is_made_of_values_by_name() -> None:
    door = make(Door, name="d", coats=3, keys=["ann"])
    assert door == Door(Path("d"), Paint(coats=3), ("ann",))
    assert flatten(door) | {"coats": 3} == {
        "name": Path("d"),
        "colour": "red",
        "coats": 3,
        "gloss": 0.5,
        "dries": None,
        "rough": False,
        "keys": ["ann"],
        "depth": None,
    }


def test_a_name_that_does_not_exist_brings_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"there is no option 'coat'; did you mean coats\?"):
        make(Door, name="d", coat=3)


def test_a_configuration_made_by_its_class_is_checked_where_it_is_used() -> None:
    check_values(Door(Path("d")))
    with pytest.raises(UsageError, match="coats 12 is out of range"):
        check_values(Door(Path("d"), Paint(coats=12)))


def test_a_group_may_be_built_from_what_was_given_alone() -> None:
    seen = []

    @dataclass(frozen=True)
    class Built:
        paint: Paint = group(build=lambda **given: seen.append(given) or Paint(**{"coats": 7, **given}))

    globals()["Built"] = Built
    assert build(Built, {"rough": True}).paint == Paint(coats=7, rough=True)
    assert seen == [{"rough": True}]


def test_two_options_of_one_name_are_refused() -> None:
    @dataclass(frozen=True)
    class Twice:
        paint: Paint = group(Paint)
        coats: int = option("Of another kind.", 1)

    with pytest.raises(TypeError, match="several options called coats"):
        entries_of(Twice)


def test_spellings_follow_the_name() -> None:
    @dataclass(frozen=True)
    class Spelled:
        no_cache: bool = option("Keep nothing.", False)
        max_frames: int | None = option("At most.", None)

    flag, number = entries_of(Spelled)
    assert (flag.spelling, flag.negation) == ("--no-cache", "--cache")
    assert (number.spelling, number.negation) == ("--max-frames", "--no-max-frames")
    assert isinstance(number, Entry)
