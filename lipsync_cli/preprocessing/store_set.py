"""Several files of one format as if they were one: what detect-faces or mels wrote in parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError
from lipsync_cli.formats import schema
from lipsync_cli.formats.open_store import open_hdf5

if TYPE_CHECKING:
    import h5py
    import numpy as np

Key = tuple[str, str]  # speaker, name


@dataclass(frozen=True)
class StoredClip:
    """One clip of one of the files.

    Attributes
    ----------
    file : it lies in
    row : of the file's table
    whole : small datasets of the file that were read, by name; all clips of the file share it
    """

    file: h5py.File
    row: Any
    whole: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @property
    def key(self) -> Key:
        """Speaker and name."""
        return str(self.row["speaker"]), str(self.row["name"])

    @property
    def path(self) -> Path:
        """Of the file."""
        return Path(self.file.filename)

    def place(self, kind: str) -> slice:
        """Return where its rows stand; `kind` is "frame", "mel", "feature" or "sample"."""
        first = int(self.row[f"first_{kind}"])
        return slice(first, first + int(self.row[f"num_{kind}s"]))

    def read_whole(self, name: str) -> np.ndarray:
        """Read a dataset of the file as a whole, once for all its clips."""
        if name not in self.whole:
            self.whole[name] = self.file[name][()]
        return self.whole[name]


@dataclass(frozen=True)
class StoreSet:
    """Files of one format, made by the same rules, that share no clip.

    Attributes
    ----------
    files : opened
    parameters : that all of them were made with
    clips : of all files, in the order of speaker and name where there are several files
    """

    files: list[h5py.File]
    parameters: dict[str, Any]
    clips: list[StoredClip]

    @property
    def path(self) -> Path:
        """Of the first file, for messages."""
        return Path(self.files[0].filename)

    @property
    def num_bytes(self) -> int:
        """How large the files are together."""
        return sum(Path(file.filename).stat().st_size for file in self.files)

    def describe(self) -> list[dict[str, Any]]:
        """Return path, SHA-256 and size of each file."""
        return [_describe(Path(file.filename)) for file in self.files]


@contextmanager
def open_stores(paths: Sequence[Path], format_name: str) -> Iterator[StoreSet]:
    """Open files of one format for reading.

    Raises
    ------
    InputError : one cannot be read, two were made by different rules, or hold the same clip; both are named
    """
    with ExitStack() as stack:
        files = [stack.enter_context(open_hdf5(path, (format_name,))) for path in paths]
        parameters = [schema.read_parameters(file) for file in files]
        for path, other in zip(paths[1:], parameters[1:], strict=True):
            if names := _different(parameters[0], other):
                hint = f"make both with the same options of lipsync {schema.MADE_BY[format_name]}"
                raise InputError(f"differs from {paths[0]} in {', '.join(names)}", path, hint)
        clips: list[StoredClip] = []
        known: dict[Key, StoredClip] = {}
        for file in files:
            whole: dict[str, np.ndarray] = {}
            for row in schema.read_table(file):
                clip = StoredClip(file, row, whole)
                clips.append(clip)
                first = known.setdefault(clip.key, clip)
                if first.file is not file:
                    raise InputError(f"{'/'.join(clip.key)} is in {first.path}, too", clip.path, "give each clip once")
        if len(files) > 1:
            clips.sort(key=lambda clip: clip.key)
        yield StoreSet(files, parameters[0], clips)


def sort_by_format(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return which of some files detect-faces wrote, and which mels.

    Raises
    ------
    InputError : one is neither, or there is none of one kind
    """
    found: dict[str, list[Path]] = {schema.FACES: [], schema.MELS: []}
    for path in paths:
        with open_hdf5(path, (schema.FACES, schema.MELS)) as file:
            found[str(file.attrs["format"])].append(path)
    for name, some in found.items():
        if not some:
            fact = f"no file that lipsync {schema.MADE_BY[name]} wrote is among the inputs"
            raise InputError(fact, paths[0], "name one, too")
    return found[schema.FACES], found[schema.MELS]


def _different(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Name the parameters that two files do not share; of those with parts, the parts."""
    names = []
    for name in sorted(one.keys() | other.keys()):
        mine, its = one.get(name), other.get(name)
        if isinstance(mine, dict) and isinstance(its, dict):
            names += [f"{name}.{part}" for part in sorted(mine.keys() | its.keys()) if mine.get(part) != its.get(part)]
        elif json.dumps(mine, sort_keys=True) != json.dumps(its, sort_keys=True):
            names.append(name)
    return names


def _describe(path: Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
            size += len(block)
    return {"path": str(path), "sha256": digest.hexdigest(), "bytes": size}
