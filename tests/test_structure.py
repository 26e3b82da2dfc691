"""Limits on size and on signatures, read from the program text."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "lipsync_cli"
MAX_LINES, MAX_FUNCTION_LINES, MAX_POSITIONAL, MAX_FILES = 350, 80, 6, 12


@cache
def functions_of(folder: Path) -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function and method below a folder, with its place."""
    return [
        (f"{file.relative_to(ROOT)}:{node.lineno} {node.name}", node)
        for file in sorted(folder.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def num_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def positional(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The parameters that may be given by their place, without `self` and `cls`."""
    names = [each.arg for each in node.args.posonlyargs + node.args.args]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


def probes(folder: Path) -> Iterator[str]:
    """Places that ask an object for what it may not have: `hasattr`, and `getattr` with a default."""
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id == "hasattr" or (node.func.id == "getattr" and len(node.args) == 3):
                yield f"{file.name}:{node.lineno}"


def count_files(folder: Path) -> Counter[str]:
    """The modules in each folder below one, itself included; the `__init__` that makes it a package is none."""
    files = (file for file in folder.rglob("*.py") if file.name != "__init__.py")
    return Counter(file.parent.relative_to(folder).as_posix() for file in files)


def test_positional_parameters_are_counted_without_self_and_keywords() -> None:
    tree = ast.parse("class A:\n def f(self, a, /, b, *, c): ...\ndef g(a, b, *rest, c=1, **more): ...")
    found = {each.name: positional(each) for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
    assert found == {"f": ["a", "b"], "g": ["a", "b"]}


def test_probes_are_found(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("hasattr(a, 'b')\ngetattr(a, 'b', None)\ngetattr(a, 'b')\n")
    assert list(probes(tmp_path)) == ["module.py:1", "module.py:2"]


def test_modules_are_counted_by_folder(tmp_path: Path) -> None:
    for name in ("cli.py", "room/__init__.py", "room/a.py", "room/b.py", "room/inner/c.py", "room/page.css"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert count_files(tmp_path) == {".": 1, "room": 2, "room/inner": 1}


def test_files_are_short() -> None:
    lengths = {file: len(file.read_text(encoding="utf-8").splitlines()) for file in PACKAGE.rglob("*.py")}
    assert not {file.name: length for file, length in lengths.items() if length > MAX_LINES}


def test_functions_are_short() -> None:
    lengths = {place: num_lines(node) for place, node in functions_of(PACKAGE)}
    assert not {place: length for place, length in lengths.items() if length > MAX_FUNCTION_LINES}


def test_functions_have_few_positional_parameters() -> None:
    counts = {place: len(positional(node)) for place, node in functions_of(PACKAGE)}
    assert not {place: count for place, count in counts.items() if count > MAX_POSITIONAL}


def test_no_folder_is_crowded() -> None:
    assert not {folder: count for folder, count in count_files(PACKAGE).items() if count > MAX_FILES}


def test_synthesis_asks_no_object_what_it_has() -> None:
    assert not list(probes(PACKAGE / "synthesis"))


def test_files_are_named_by_what_they_hold() -> None:
    assert not [file for file in PACKAGE.rglob("*.py") if file.stem in ("common", "utils", "helpers", "misc")]
