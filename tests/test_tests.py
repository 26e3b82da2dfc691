"""The tests mirror the package: each lies in the folder of what it tests, or here if that is the whole program."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
FILES = sorted(TESTS.rglob("test_*.py"))
BESIDE = ("benchmarks", "examples")  # folders beside the package that have tests
WHOLE = {"bad_input", "cli", "docs", "embedded", "hostile_input", "killed", "layers", "structure", "tests", "timing"}
MAX_FILES = 12


def test_each_folder_is_one_of_the_package() -> None:
    folders = {file.relative_to(TESTS).parent for file in FILES} - {Path()}
    strange = {folder.as_posix() for folder in folders if not (ROOT / "lipsync_cli" / folder).is_dir()}
    assert strange <= set(BESIDE)


def test_what_lies_at_the_top_is_about_the_whole_program() -> None:
    assert {file.stem.removeprefix("test_") for file in FILES if file.parent == TESTS} <= WHOLE


def test_no_folder_is_crowded() -> None:
    counted = Counter(file.parent.relative_to(TESTS).as_posix() for file in TESTS.rglob("*.py"))
    assert not {folder: count for folder, count in counted.items() if count > MAX_FILES}


def test_no_two_files_have_one_name() -> None:
    """Python imports them by it."""
    counted = Counter(file.name for file in FILES)
    assert not [name for name, count in counted.items() if count > 1]
