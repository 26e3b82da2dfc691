"""Options from a TOML file: every mistake is one line that says where it is and what is allowed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from lipsync_cli.config.build import build, make
from lipsync_cli.config.option import argument, entries_of, group, option
from lipsync_cli.config.toml_file import find_line, read_file, write_defaults
from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.pipelines.configs.score import ScoreConfig
from lipsync_cli.pipelines.configs.train import TrainJob
from lipsync_cli.pipelines.detect_faces import DetectFacesConfig
from lipsync_cli.training.config import RECIPES

CONFIGS = {
    InferConfig: {"face": "a.mp4"},
    TrainJob: {"pack": ["a.h5"], "run": "run"},
    ScoreConfig: {"sources": ["a.h5"]},
    DetectFacesConfig: {"source": "clips", "output": "a.h5"},
}


@dataclass(frozen=True)
class Paint:
    """Options of a table."""

    colour: str = option("Of the door.", "red", choices=("red", "green"), old_values={"lime": "green"})
    coats: int = option("How many.", 2, least=1, most=9, old_keys=("layers",))


@dataclass(frozen=True)
class Door:
    """A configuration with a table."""

    name: Path = argument("Its file.")
    paint: Paint = group(Paint)
    keys: tuple[str, ...] = option("Who has one.", ())
    force: bool = option("Break it.", False, in_file=False)


def read(text: str, folder: Path) -> tuple[dict[str, object], list[str]]:
    """What a file with this text sets, and what is said of it."""
    (folder / "door.toml").write_text(text)
    said: list[str] = []
    return read_file(Door, folder / "door.toml", said.append), said


def test_keys_stand_at_the_top_and_in_tables(tmp_path: Path) -> None:
    text = '# mine\nkeys = [\n  "ann",\n  "bob",\n]\n\n[paint]\ncolour = "GREEN"\n'
    assert read(text, tmp_path) == ({"keys": ("ann", "bob"), "colour": "green"}, [])
    assert read("paint.coats = 3\n", tmp_path) == ({"coats": 3}, [])
    assert read("paint = { coats = 3 }\n", tmp_path) == ({"coats": 3}, [])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\nkey = []\n", "line 2: key is not known; did you mean keys?; use keys, paint"),
        ("# a\n[paint]\n# b\ncoat = 3\n", "line 4: paint.coat is not known; did you mean coats?; use colour, coats"),
        ("coats = 3\n", "line 1: coats is not known here; it belongs to [paint]"),
        ("[paint]\nkeys = []\n", "line 2: paint.keys is not known here; it belongs to the top, above the first table"),
        ("paint = 3\n", "line 1: paint must be a table; write [paint], and its keys below"),
        ("force = true\n", "line 1: force cannot be set by a file; give it on the command line"),
        (
            "[paint]\ncoats = '3'\n",
            "line 2: paint.coats must be a whole number, not '3'; give a whole number from 1 to 9",
        ),
        ("[paint]\n\n\ncoats = 12\n", "line 4: paint.coats 12 is out of range; give a whole number from 1 to 9"),
        ("keys = [\n'a',\n3]\n", "line 1: keys must be a text, not 3; give a list, each of it a text"),
        (
            "text = '''\ncoats = 1\n'''\n",
            "line 1: text is not known; use keys, paint",
        ),
        ("keys = ['''\n[paint]\n''']\npaint.coats = 0\n", "line 4: paint.coats 0 is out of range"),
        (
            "[paint]\ncolour = 'gren'\n",
            "line 2: paint.colour 'gren' does not exist; use red or green; did you mean green?",
        ),
        ("[paint]\ncoats = 2\nlayers = 3\n", "line 3: paint.layers is set twice"),
        ("[paint\n", "line 1: is no TOML: "),
        ("keys = []\nkeys = []\n", "line 2: is no TOML: "),
        ("keys = [\n\n", "line 1: is no TOML: "),
    ],
)
def test_a_mistake_is_one_line_with_its_place_and_what_is_allowed(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        read(text, tmp_path)
    assert str(told.value).startswith(f"{tmp_path / 'door.toml'}: {says}")
    assert told.value.exit_code == 2
    assert "\n" not in str(told.value)


def test_former_names_work_and_say_the_new_one(tmp_path: Path) -> None:
    values, said = read("[paint]\nlayers = 3\ncolour = 'lime'\n", tmp_path)
    assert values == {"coats": 3, "colour": "green"}
    where = f"{tmp_path / 'door.toml'}: line "
    assert said == [
        f"{where}2: paint.layers is called paint.coats now",
        f"{where}3: colour = lime is called colour = green now",
    ]


def test_a_file_that_cannot_be_read_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_file(Door, tmp_path / "none.toml", print)
    (tmp_path / "latin.toml").write_bytes(b"keys = ['\xe4']\n")
    with pytest.raises(InputError, match="not text in UTF-8"):
        read_file(Door, tmp_path / "latin.toml", print)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_are_those_of_an_editor(newline: str, tmp_path: Path) -> None:
    path = tmp_path / "door.toml"
    path.write_bytes("\ufeff# mine\n\n[paint]\ncoats = 0\n".replace("\n", newline).encode())
    with pytest.raises(UsageError, match=r"line 4: paint\.coats 0 is out of range"):
        read_file(Door, path, print)


def test_the_line_of_a_key_is_where_it_begins() -> None:
    text = 'a = """\nb = 1\n"""\n\n# c\n[t]\nb = [\n 1,\n]\nc.d = 2\n'
    assert [find_line(text, key) for key in [("a",), ("t",), ("t", "b"), ("t", "c", "d")]] == [1, 6, 7, 10]


@pytest.mark.parametrize("cls", CONFIGS, ids=lambda cls: cls.__name__)
def test_the_file_of_defaults_loads_back_unchanged(cls: type, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(write_defaults(cls, "Options."))
    values = read_file(cls, path, pytest.fail)
    required = CONFIGS[cls]
    assert build(cls, {**values, **vars_of(cls, required)}) == make(cls, **required)
    active = [entry for entry in entries_of(cls) if entry.option.in_file and not entry.depends]
    assert set(values) == {entry.name for entry in active if entry.default is not None}


def vars_of(cls: type, required: dict[str, object]) -> dict[str, object]:
    """The required values as their fields hold them."""
    made = make(cls, **required)
    files = made.files if isinstance(made, InferConfig) else made
    return {name: getattr(files, name) for name in required}


@pytest.mark.parametrize("cls", CONFIGS, ids=lambda cls: cls.__name__)
def test_each_line_of_the_file_of_defaults_is_valid_once_it_is_no_comment(cls: type, tmp_path: Path) -> None:
    text = re.sub(r"^# (\w+ = )", r"\1", write_defaults(cls, "Options."), flags=re.MULTILINE)
    (tmp_path / "mine.toml").write_text(text)
    values = read_file(cls, tmp_path / "mine.toml", pytest.fail)
    assert set(values) == {entry.name for entry in entries_of(cls) if entry.option.in_file}


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_file_of_defaults_of_train_leaves_each_recipe_its_own(recipe: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(write_defaults(TrainJob, "Options."))
    values = read_file(TrainJob, path, pytest.fail)
    required = {"pack": (Path("a.h5"),), "run": Path("run"), "recipe": recipe}
    assert build(TrainJob, values | required) == make(TrainJob, **required)
