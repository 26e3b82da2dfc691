"""Which program text a cached result depends on: the import closure of the modules that compute it, as one hash.

A hand-written list of files goes stale when a helper moves or a stage calls one more. The closure cannot: it follows
imports, wherever the files lie. Imports inside functions count, and so do those for type checkers only, because they
name what a stage is handed by its caller. Commands are never part of it, since no library imports them; nor is the
package's own `__init__`, which only names what is public.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from pathlib import Path

_WORD, _COMMENT = re.compile(r"\w+"), re.compile(r"#.*")
PACKAGE = Path(str(resources.files(__name__.partition(".")[0])))
ASSETS = "assets"


@cache
def code_version(*modules: str, assets: tuple[str, ...] = (), root: Path = PACKAGE) -> str:
    """Return a hash of the text of some modules and of all that they import within the package, at any depth.

    The order and the places of the files do not count, their contents do. It is computed once in a process.

    Parameters
    ----------
    modules : full names of the modules that compute a result, and of those whose objects they are handed
    assets : names of data files in the package's assets that the result depends on, such as a detector
    root : folder of the package

    Raises
    ------
    LookupError : no such module or asset; a stage must name what is there
    """
    digests = [hashlib.sha256(text).digest() for text in closure(modules, root).values()]
    for name in assets:
        path = root / ASSETS / name
        if not path.is_file():
            raise LookupError(f"no such asset: {path}")
        digests.append(hashlib.sha256(path.read_bytes()).digest())
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def closure(modules: Iterable[str], root: Path = PACKAGE) -> dict[str, bytes]:
    """Return the names and the texts of some modules and of all that they import within the package, at any depth.

    A module that a file names in a string, as for `import_module`, counts as imported; of a name that is put together,
    such as `f"package.metrics.{name}"`, all modules below that folder do.

    Raises
    ------
    LookupError : no such module
    """
    files = _module_files(root)
    waiting = list(modules)
    if missing := [name for name in waiting if name not in files]:
        raise LookupError(f"no such modules: {', '.join(missing)}")
    texts: dict[str, bytes] = {}
    while waiting:
        name = waiting.pop()
        if name in texts or name not in files or name == root.name:
            continue
        with open(files[name], "rb") as file:
            texts[name] = file.read()
        waiting.append(name.rpartition(".")[0])  # its `__init__` runs first
        for other in imports(texts[name].decode("utf-8"), root.name):
            if other.endswith("."):
                waiting.extend(each for each in files if each.startswith(other))
                continue
            while other and other not in files:  # an object in a module
                other = other.rpartition(".")[0]
            waiting.append(other)
    return texts


def imports(text: str, package: str) -> set[str]:
    """Return the names in a module's text that may be modules of the package: `a.b`, `a.b.c` of `from a.b import c`.

    A name that is put together ends with a dot. The text is searched, not parsed: parsing takes fifty times as long.
    """
    found = set()
    for rest, names in _pattern(package).findall(text):
        name = package + rest
        found.add(name)
        if names:
            found.update(f"{name}.{each}" for each in _WORD.findall(_COMMENT.sub("", names)))
    return found


@cache
def _pattern(package: str) -> re.Pattern[str]:
    """Return a pattern of two groups: what follows the package's name, and what is imported from it.

    It begins with a literal, which `re` finds fast.
    """
    imported = r"(?:[ \t]+import[ \t]+(\([^)]*\)|[^\n(]+))?"
    return re.compile(rf"{re.escape(package)}((?:\.\w+)*(?:\.(?=\{{))?){imported}")


def _module_files(root: Path) -> dict[str, str]:
    """Return the file of every module of the package by the module's full name."""
    files = {}
    for folder, _, names in os.walk(root):
        package = ".".join((root.name, *Path(folder).relative_to(root).parts))
        for name in names:
            if name.endswith(".py"):
                module = package if name == "__init__.py" else f"{package}.{name[:-3]}"
                files[module] = os.path.join(folder, name)
    return files
