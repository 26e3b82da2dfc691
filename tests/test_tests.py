"""The tests mirror the package: each lies in the folder of what it tests, or here if that is the whole program."""

from __future__ import annotations

import ast
from collections import Counter
from contextlib import suppress
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
FILES = sorted(TESTS.rglob("test_*.py"))
BESIDE = ("benchmarks", "browser", "examples")  # folders of tests of what lies beside the package, or of all pages
WHOLE = {
    *("bad_input", "fuzz", "fuzz_bytes", "hostile_input", "killed", "killed_anywhere", "signals", "timing"),
    *("cli", "docs", "embedded", "errors", "layers", "structure", "tests"),
}
MAX_FILES = 12
PUBLIC = {"_replace", "_asdict", "_fields", "_exit"}  # of Python's own, underscore and all
READ_FROM_OUTSIDE = {"original._inception_v3"}  # inception_golden.py: pytorch-fid's own, so that nothing is fetched


@cache
def find_programs(text: str) -> list[ast.Module]:
    """Give the program of a file, and those that it holds as texts for other processes."""
    programs = [ast.parse(text)]
    for node in ast.walk(programs[0]):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "import " in node.value:
            with suppress(SyntaxError):
                programs.append(ast.parse(node.value))
    return programs


def find_patches(text: str) -> list[str]:
    """Find what takes the place of a part of the package, or takes a private name from it."""
    found = []
    for program in find_programs(text):
        nodes = list(ast.walk(program))
        imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
        ours = [node for node in imports if "lipsync_cli" in ast.unparse(node)]
        names = {(each.asname or each.name).partition(".")[0] for node in ours for each in node.names}
        taken = {each.name for node in ours if isinstance(node, ast.ImportFrom) for each in node.names}
        found += sorted(name for name in taken if name.startswith("_") and not name.endswith("__"))
        for node in nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
                found += [ast.unparse(node)] * (ast.unparse(node).partition(".")[0] in names)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                called = ast.unparse(node.func)
                found += [called] * (called.endswith((".setattr", ".delattr")) or "mock.patch" in called)
    return found


def find_private_reads(text: str) -> list[str]:
    """Find private attributes that are read of another object than `self` and `cls`."""
    found = []
    for program in find_programs(text):
        for node in ast.walk(program):
            if not isinstance(node, ast.Attribute) or not node.attr.startswith("_") or node.attr.endswith("__"):
                continue
            if node.attr not in PUBLIC and ast.unparse(node.value) not in ("self", "cls"):
                found.append(ast.unparse(node))
    return found


def test_patches_are_found() -> None:
    for text in (
        "monkeypatch.setattr(module, 'NAME', 1)",
        "from unittest import mock\nmock.patch.object(a, 'b')",
        "from lipsync_cli.media import probe\nprobe.LIMIT, other = 1, 2",
        "import lipsync_cli as lipsync\nlipsync.errors.NAME = 1",
        "CODE = 'from lipsync_cli import cli\\ncli.app = None'",
        "from lipsync_cli.media.probe import _parse",
    ):
        assert find_patches(text), text
    assert not find_patches(
        "from lipsync_cli import __version__, cli\nmonkeypatch.setenv('A', 'b')\nown.name = cli.app"
    )


def test_no_test_patches_the_package_or_takes_its_private_names() -> None:
    files = [file for file in TESTS.rglob("*.py") if file.name != Path(__file__).name]
    assert not {file.name: found for file in files if (found := find_patches(file.read_text(encoding="utf-8")))}


def test_private_reads_are_found() -> None:
    assert find_private_reads("writer._process.pid\nHogDetector()._dlib()") == [
        "writer._process",
        "HogDetector()._dlib",
    ]
    assert find_private_reads("CODE = 'import os; child._end()'") == ["child._end"]
    assert not find_private_reads("self._count += 1\ncls._all\npair._replace(a=1)\na.__class__\nos._exit(0)")


def test_no_test_reads_private_attributes_from_outside() -> None:
    files = [file for file in TESTS.rglob("*.py") if file.name != Path(__file__).name]
    found = {name for file in files for name in find_private_reads(file.read_text(encoding="utf-8"))}
    assert found == READ_FROM_OUTSIDE


def test_each_folder_is_one_of_the_package() -> None:
    folders = {file.relative_to(TESTS).parent for file in FILES} - {Path()}
    strange = {folder.as_posix() for folder in folders if not (ROOT / "lipsync_cli" / folder).is_dir()}
    assert strange <= set(BESIDE)


def test_what_lies_at_the_top_is_about_the_whole_program() -> None:
    assert {file.stem.removeprefix("test_") for file in FILES if file.parent == TESTS} <= WHOLE


def test_no_folder_is_crowded() -> None:
    folders = [file.parent.relative_to(TESTS) for file in TESTS.rglob("*.py") if file.parent != TESTS]
    counted = Counter(folder.as_posix() for folder in folders)
    assert not {folder: count for folder, count in counted.items() if count > MAX_FILES}


def test_no_two_files_have_one_name() -> None:
    """Python imports them by it."""
    counted = Counter(file.name for file in FILES)
    assert not [name for name, count in counted.items() if count > 1]
