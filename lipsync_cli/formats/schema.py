"""The names and the version of the HDF5 family, in one place; `docs/reference/formats.md` says the same in prose."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli import __version__
from lipsync_cli.formats.guarded_hdf5 import read_attribute
from lipsync_cli.runtime.json_values import check_object, parse_json

if TYPE_CHECKING:
    import h5py
    import numpy as np

JPEG, RAW = "jpeg", "raw"

FACES = "lipsync-faces"
MELS = "lipsync-mels"
PACK = "lipsync-pack"
VERSION = 1
ROOT_ATTRIBUTES = ("format", "format_version", "generator", "command", "parameters", "inputs", "fingerprint")
OVERHEAD_BYTES = 1 << 20  # at most, of tables and attributes
MADE_BY = {FACES: "detect-faces", MELS: "mels", PACK: "pack"}

TRAIN, VALIDATION, TEST, UNUSED = "train", "val", "test", "unused"
SPLITS = (TRAIN, VALIDATION, TEST, UNUSED)

TEXT = ("name", "speaker", "split", "file", "sha256")  # columns that hold UTF-8 text; the others are int64
FACES_COLUMNS = ("name", "speaker", "fps_num", "fps_den", "num_frames", "first_frame", "file", "bytes", "sha256")
MELS_COLUMNS = ("name", "speaker", "num_mels", "first_mel", "file", "bytes", "sha256")
PACK_COLUMNS = (
    "name",
    "speaker",
    "split",
    "fps_num",
    "fps_den",
    "num_frames",
    "first_frame",
    "num_mels",
    "first_mel",
)
FEATURE_COLUMNS = ("num_features", "first_feature")  # beside those of mels.h5 and a pack with speech features
SOUND_COLUMNS = ("num_samples", "first_sample")  # the same with the sound itself


def make_table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> np.ndarray:
    """Make a clips table: a structured array with str fields for text and int64 for numbers."""
    import numpy as np

    def kind(column: str) -> str:
        if column not in TEXT:
            return "i8"
        return f"U{max((len(row[column]) for row in rows), default=0) or 1}"

    dtype = np.dtype([(column, kind(column)) for column in columns])
    return np.array([tuple(row[column] for column in columns) for row in rows], dtype)


def write_table(file: h5py.File, table: np.ndarray) -> None:
    """Write a clips table as the compound dataset /clips, its text as UTF-8 of fixed length."""
    import h5py
    import numpy as np

    columns: dict[str, np.ndarray] = {}
    for column in table.dtype.names or ():
        values = table[column]
        columns[column] = np.char.encode(values, "utf-8") if values.dtype.kind == "U" else values
    dtype = np.dtype(
        [
            (name, h5py.string_dtype("utf-8", max(1, values.itemsize)) if values.dtype.kind == "S" else values.dtype)
            for name, values in columns.items()
        ]
    )
    packed = np.zeros(len(table), dtype)
    for name, values in columns.items():
        packed[name] = values
    file.create_dataset("clips", data=packed)


def read_table(file: h5py.File) -> np.ndarray:
    """Read /clips as a structured array with str fields for text."""
    import numpy as np

    stored = file["clips"][()]
    columns = {
        name: np.char.decode(stored[name], "utf-8") if stored[name].dtype.kind == "S" else stored[name]
        for name in stored.dtype.names
    }
    table = np.empty(len(stored), np.dtype([(name, values.dtype) for name, values in columns.items()]))
    for name, values in columns.items():
        table[name] = values
    return table


def write_header(file: h5py.File, format_name: str, parameters: dict[str, Any], inputs: list[dict[str, Any]]) -> None:
    """Write the root attributes that every file of the family has. No time stamps: equal input gives equal bytes."""
    file.attrs["format"] = format_name
    file.attrs["format_version"] = VERSION
    file.attrs["generator"] = f"lipsync {__version__}"
    file.attrs["command"] = MADE_BY[format_name]
    file.attrs["parameters"] = json.dumps(parameters, sort_keys=True)
    file.attrs["inputs"] = json.dumps(inputs, sort_keys=True)


@contextmanager
def create_hdf5(path: Path, num_bytes: int) -> Iterator[h5py.File]:
    """Create a file of the family, after making sure that the disk has room for it.

    HDF5 brings the process down when the disk fills up under it, so the room is tried out before.

    Parameters
    ----------
    num_bytes : about as many as will be written

    Raises
    ------
    OSError : the disk is too full
    """
    import h5py

    with open(path, "wb") as trial:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(trial.fileno(), 0, num_bytes + OVERHEAD_BYTES)
    with h5py.File(path, "w") as file:
        yield file


def read_parameters(file: h5py.File) -> dict[str, Any]:
    """Read the JSON attribute `parameters`; raise InputError if it is not there or no JSON object."""
    text = read_attribute(file, "parameters", str)
    what = "its parameters"
    return check_object(parse_json(text, file.filename, "make it again", what), what, file.filename, "make it again")


def read_attributes(file: h5py.File) -> dict[str, Any]:
    """Read the root attributes that a file of the family has, those that hold JSON decoded."""
    attributes: dict[str, Any] = {}
    for name in ROOT_ATTRIBUTES:
        if name in file.attrs:
            attributes[name] = read_attribute(file, name, int if name == "format_version" else str)
        if name in ("parameters", "inputs") and name in attributes:
            attributes[name] = parse_json(attributes[name], file.filename, "make it again", f"its {name}")
    return attributes
