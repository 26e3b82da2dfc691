"""Keys of cached results: another text of what computes them, or of what that imports, gives another key."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from lipsync_cli.runtime.code_version import PACKAGE, closure, code_version, imports

TREE = {
    "__init__.py": "from tree.public import everything\n",
    "public.py": "",
    "stage.py": "from tree.near import far, helper  # far is a function\nfrom tree import beside\n",
    "beside.py": "",
    "near/__init__.py": "from tree.near import first\n",
    "near/first.py": "",
    "near/helper.py": "def work():\n    from tree.late import (\n        one,  # tree\n        other,\n    )\n",
    "late/one.py": "import tree.plain\n",
    "late/other.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tree.handed import Thing\n",
    "plain.py": "from importlib import import_module\nimport_module('tree.named')\n",
    "handed.py": "from importlib import import_module\nimport_module(f'tree.parts.{name}')\n",
    "named.py": "",
    "parts/a.py": "from tree.stage import anything\n",
    "parts/b.py": "",
    "parts/deeper/c.py": "",
    "commands/run.py": "from tree.stage import far\n",
    "unrelated.py": "",
}
INSIDE = {
    *("stage", "beside", "near/__init__", "near/first", "near/helper", "late/one", "late/other"),
    *("plain", "handed", "named", "parts/a", "parts/b", "parts/deeper/c"),
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "tree" / "assets").mkdir()
    (tmp_path / "tree" / "assets" / "detector.svm").write_bytes(b"one")
    return tmp_path / "tree"


def version(root: Path, *modules: str, assets: tuple[str, ...] = ()) -> str:
    code_version.cache_clear()
    return code_version(*(modules or ("tree.stage",)), assets=assets, root=root)


@pytest.mark.parametrize("name", [name.removesuffix(".py") for name in TREE])
def test_the_key_changes_with_all_that_is_imported_and_with_nothing_else(tree: Path, name: str) -> None:
    before, path = version(tree), tree / f"{name}.py"
    path.write_text(path.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert (version(tree) != before) == (name in INSIDE)


def test_assets_count_where_they_are_named(tree: Path) -> None:
    without, before = version(tree), version(tree, assets=("detector.svm",))
    (tree / "assets" / "detector.svm").write_bytes(b"other")
    assert version(tree) == without != before
    assert version(tree, assets=("detector.svm",)) != before


def test_a_moved_tree_has_the_same_key_and_a_missing_name_is_an_error(tree: Path) -> None:
    before = version(tree)
    (tree.parent / "elsewhere").mkdir()
    assert version(tree.rename(tree.parent / "elsewhere" / "tree")) == before
    root = tree.parent / "elsewhere" / "tree"
    for modules, assets in ((("tree.stage", "tree.gone"), ()), (("tree.stage",), ("gone.svm",))):
        with pytest.raises(LookupError, match="gone"):
            version(root, *modules, assets=assets)


def test_it_is_read_once_in_a_process(tree: Path) -> None:
    before = version(tree)
    (tree / "stage.py").write_text("", encoding="utf-8")
    assert code_version("tree.stage", assets=(), root=tree) == before


def parsed(text: str) -> set[str]:
    """Every import of the package in a module's text, as Python's own parser sees it."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports are not followed"
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.split(".")[0] == PACKAGE.name}


def test_what_is_searched_in_the_package_is_what_is_parsed() -> None:
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 200
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert parsed(text) <= imports(text, PACKAGE.name), file


def test_no_command_is_in_the_closure_of_a_library() -> None:
    modules = [".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in PACKAGE.rglob("*.py")]
    outside = (f"{PACKAGE.name}.commands", f"{PACKAGE.name}.cli", f"{PACKAGE.name}.__main__")
    libraries = [name for name in modules if not name.startswith(outside) and not name.endswith("__init__")]
    assert not [name for name in closure(libraries) if name.startswith(outside)]
