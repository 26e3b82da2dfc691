"""A command made from a configuration: one field is an option of the command line, of files, and of the help."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from lipsync_cli import cli
from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.options.panels import PanelCommand
from lipsync_cli.config.build import flatten
from lipsync_cli.config.option import argument, entries_of, group, option
from lipsync_cli.config.toml_file import write_defaults
from lipsync_cli.pipelines.configs.train import TrainJob
from lipsync_cli.training.config import TrainConfig

Run = Callable[..., Result]


@dataclass(frozen=True)
class Paint:
    """Options of a group."""

    colour: str = option("Of the door.", "red", choices=("red", "green"), old_values={"lime": "green"})
    coats: int = option("How many.", 2, least=1, most=9, names=("--coats", "--layers"), old=("--layer-count",))
    rough: bool = option("Leave it so.", False, old=("--coarse",))


@dataclass(frozen=True)
class Door:
    """A configuration with a group."""

    name: Path = argument("Its file.")
    paint: Paint = group(Paint, "quality")
    keys: tuple[str, ...] = option("Who has one.", (), panel="hinges")
    depth: float | None = option("In metres.", None, panel="advanced")
    no_lock: bool = option("Leave it open.", False)


def make_command(cls: type) -> Run:
    """Return a function that runs a command of this configuration, which prints its values as JSON."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)

    @takes_config(cls)
    def show(config: object, quiet: shared_flags.Quiet = False) -> None:
        """Show them."""
        print(json.dumps(flatten(config), default=str))

    app.command(cls=PanelCommand)(cli.with_exit_codes(show))
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], terminal_width=100)


@pytest.fixture(scope="module")
def door() -> Run:
    return make_command(Door)


def shown(result: Result) -> dict[str, object]:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


DEFAULTS = {"name": "d", "colour": "red", "coats": 2, "rough": False, "keys": [], "depth": None, "no_lock": False}


def test_without_options_the_defaults_hold(door: Run) -> None:
    assert shown(door("d")) == DEFAULTS


def test_each_option_is_one_of_the_command_line(door: Run) -> None:
    words = ("d", "--colour", "GREEN", "--layers", 3, "--rough", "--keys", "ann", "--keys", "bob", "--depth", 2)
    given = {"colour": "green", "coats": 3, "rough": True, "keys": ["ann", "bob"], "depth": 2.0, "no_lock": True}
    assert shown(door(*words, "--no-lock")) == {"name": "d"} | given


def test_the_command_line_wins_over_the_file_and_the_file_over_the_defaults(door: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("keys = ['ann']\nno_lock = true\n[paint]\ncoats = 5\nrough = true\n")
    read = shown(door("d", "--config", file))
    assert read == DEFAULTS | {"keys": ["ann"], "no_lock": True, "coats": 5, "rough": True}
    words = ("--coats", 2, "--keys", "bob", "--no-rough", "--lock")
    assert shown(door("d", "--config", file, *words)) == DEFAULTS | {"keys": ["bob"]}


def test_a_mistake_in_the_file_is_one_line_and_exit_code_2(door: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("\n[paint]\ncots = 5\n")
    result = door("d", "--config", tmp_path / "mine.toml")
    assert (result.exit_code, result.stdout) == (2, "")
    where = f"lipsync: {tmp_path / 'mine.toml'}: line 3: paint.cots is not known"
    assert result.stderr == f"{where}; did you mean coats?; use colour, coats, rough\n"


def test_a_word_that_does_not_exist_brings_the_nearest_one(door: Run) -> None:
    result = door("d", "--colour", "gren")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "lipsync: --colour 'gren' does not exist; use red or green; did you mean green?\n"


@pytest.mark.parametrize(
    ("words", "given", "says"),
    [
        (("--layer-count", 3), {"coats": 3}, "--layer-count is called --coats now"),
        (("--coarse",), {"rough": True}, "--coarse is called --rough now"),
        (("--colour", "lime"), {"colour": "green"}, "--colour lime is called --colour green now"),
        (("--layer-count", 3, "--coats", 4), {"coats": 4}, "--layer-count is called --coats now"),
    ],
)
def test_a_former_spelling_works_and_says_the_new_one(
    words: tuple[object, ...], given: dict[str, object], says: str, door: Run
) -> None:
    result = door("d", *words)
    assert shown(result) == DEFAULTS | given
    assert result.stderr == f"lipsync: {says}\n"
    assert door("d", *words, "-q").stderr == ""


def test_the_help_has_a_section_a_panel_and_no_former_spellings(door: Run) -> None:
    text = door("--help").stdout
    heads = [line for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert heads == ["Arguments:", "Input and output:", "Quality:", "Hinges:", "Advanced:", "General:"]
    assert "--colour <red|green>" in text
    assert "[default: red]" in text
    assert "--coats, --layers <int range>" in text
    assert "[default: 2; 1<=x<=9]" in text
    for hidden in ("--layer-count", "--coarse", "--no-rough", "--lock "):
        assert hidden not in text


def test_one_more_field_is_an_option_of_everything(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Wider(Paint):
        """A group with one more option."""

        shine: int = option("How bright.", 4, least=0)

    @dataclass(frozen=True)
    class WiderDoor(Door):
        """A configuration with that group."""

        paint: Wider = field(default_factory=Wider, metadata=Door.__dataclass_fields__["paint"].metadata)

    WiderDoor.__annotations__["paint"] = Wider
    run = make_command(WiderDoor)
    (tmp_path / "mine.toml").write_text("[paint]\nshine = 7\n")
    assert shown(run("d"))["shine"] == 4
    assert shown(run("d", "--shine", 6))["shine"] == 6
    assert shown(run("d", "--config", tmp_path / "mine.toml"))["shine"] == 7
    assert "--shine" in run("--help").stdout
    assert "# How bright. Give a whole number of at least 0.\nshine = 4\n" in write_defaults(WiderDoor, "Options.")


def test_every_option_of_a_training_run_is_in_what_is_saved_of_it() -> None:
    saved = TrainConfig().to_dict()
    options_of_run = [entry for entry in entries_of(TrainJob) if entry.path[0] == "config"]
    assert len(options_of_run) > 30
    assert {entry.name for entry in options_of_run} <= set(saved)
    assert all(saved[entry.name] == entry.default for entry in options_of_run)
