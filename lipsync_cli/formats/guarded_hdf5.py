"""HDF5 objects of files that somebody else may have made: what they declare is checked before anything is read.

HDF5 can do much that a store never needs, and that reaches beyond it: links to and data in other files, datasets that
are views of others (one that is a view of itself ends the process), filters loaded from outside, references, shapes
that are declared without a byte being there. All of that is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError

if TYPE_CHECKING:
    import h5py
    import numpy as np

MOST_RATIO = 64  # declared bytes for each byte of the file: what compression by another program may save
MOST_ATTRIBUTE_BYTES = 16 << 20
_BLOCK_ROWS = 1 << 16  # of numbers that are checked at once
_DAMAGE = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)


@contextmanager
def damage_as_error(path: Path, hint: str = "make it again") -> Iterator[None]:
    """Tell of what h5py and NumPy raise at a damaged file as an InputError with the file's name."""
    try:
        yield
    except InputError as error:
        raise InputError(error.fact, error.path or path, error.hint or hint) from error
    except _DAMAGE as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"is a damaged HDF5 file ({reason})", path, hint) from error


def has_member(file: h5py.File, name: str) -> bool:
    """Tell whether there is an object, whatever it is, of a name in a group that must be there."""
    above, _, last = name.rpartition("/")
    group = find_group(file, above)  # held: its links are gone with it
    return bool(group.id.links.exists(last.encode()))


def find_group(file: h5py.File, name: str) -> h5py.Group:
    """Return a group that is in the file itself; InputError if there is none."""
    import h5py

    found = _find(file, name)
    if not isinstance(found, h5py.Group):
        raise InputError(f"{name} is no group", file.filename)
    return found


def find_dataset(file: h5py.File, name: str, dtype: Any, shape: tuple[int | None, ...]) -> h5py.Dataset:
    """Return a dataset whose every byte is in the file, after a check of what it declares.

    Parameters
    ----------
    dtype : that it must have; None: a compound of whole numbers and text of fixed length
    shape : that it must have; None stands for any length

    Raises
    ------
    InputError : it is missing, or stored elsewhere, of another type or shape, or larger than the file could hold
    """
    import h5py
    import numpy as np

    found = _find(file, name)
    if not isinstance(found, h5py.Dataset):
        raise InputError(f"{name} is no dataset", file.filename)
    _check_type(found, name, None if dtype is None else np.dtype(dtype))
    if len(found.shape or ()) != len(shape) or any(
        want not in (None, have) for want, have in zip(shape, found.shape, strict=True)
    ):
        wanted = " x ".join("any" if length is None else str(length) for length in shape)
        has = " x ".join(map(str, found.shape or ())) or "nothing"
        raise InputError(f"{name} has the shape {has}, not {wanted}", file.filename)
    _check_storage(found, name)
    return found


def read_attribute(owner: h5py.Group | h5py.Dataset, name: str, kind: type, where: str = "") -> Any:
    """Return an attribute that is one text or one whole number, or (for kind `list`) a row of float32.

    Raises
    ------
    InputError : it is missing, of another type, or too large
    """
    import h5py
    import numpy as np

    label = f"the attribute {name}" + (f" of {where}" if where else "")
    path = owner.file.filename
    if not h5py.h5a.exists(owner.id, name.encode()):
        raise InputError(f"has no {name} in its attributes" if not where else f"{label} is missing", path)
    stored = h5py.h5a.open(owner.id, name.encode())
    has_shape = stored.shape if stored.get_space().get_simple_extent_type() != h5py.h5s.NULL else None
    wanted_rank = 1 if kind is list else 0
    allowed = {str: (h5py.h5t.STRING,), int: (h5py.h5t.INTEGER,), list: (h5py.h5t.FLOAT,)}[kind]
    is_large = stored.get_storage_size() > MOST_ATTRIBUTE_BYTES
    if has_shape is None or len(has_shape) != wanted_rank or stored.get_type().get_class() not in allowed or is_large:
        raise InputError(f"{label} is no {'text' if kind is str else 'number'} of the right shape", path)
    value = owner.attrs[name]
    if kind is list:
        return np.asarray(value, np.float32)
    if kind is int:
        return int(value)
    text = value.decode("utf-8") if isinstance(value, bytes) else str(value)
    text.encode("utf-8")  # h5py reads bytes that are no text as surrogates
    return text


def check_numbers(values: h5py.Dataset, name: str, least: float, most: float, may_miss: bool = False) -> None:
    """Check that the numbers of a dataset lie between two, block by block.

    Parameters
    ----------
    may_miss : a row may be NaN, all of it

    Raises
    ------
    InputError : a number is not finite, or out of range
    """
    for first in range(0, len(values), _BLOCK_ROWS):
        block = values[first : first + _BLOCK_ROWS]
        is_right = (block >= least) & (block <= most)  # NaN is neither
        if not is_right.all() and may_miss:
            rows, is_nan = is_right.reshape(len(block), -1), (block != block).reshape(len(block), -1)
            is_right = rows.all(1) | is_nan.all(1)
        if not is_right.all():
            row = first + int((~is_right.reshape(len(block), -1)).any(1).argmax())
            fact = f"{name} has a number that is not between {least:g} and {most:g} in row {row}"
            raise InputError(fact, values.file.filename)


def check_run(first: np.ndarray, count: np.ndarray, name: str, path: Path) -> int:
    """Check that runs of rows lie end to end, and return how many rows there are.

    Parameters
    ----------
    first, count : shape (n,), int64
    name : of the rows, for the error
    """
    import numpy as np

    total = 0
    if (count < 0).any() or (count > 1 << 40).any():
        raise InputError(f"clips has a number of {name} out of range", path)
    if len(count):
        ends = np.cumsum(count, dtype=np.int64)
        total = int(ends[-1])
        if not (first == ends - count).all():
            raise InputError(f"the {name} of its clips do not lie end to end", path)
    return total


def _find(file: h5py.File, name: str) -> Any:
    found: Any = file
    for part in name.split("/"):
        found = _member(found, part, name, file.filename)
    return found


def _member(parent: Any, part: str, name: str, path: str) -> Any:
    """Return what a name means in a group, if it is an object of the file itself."""
    import h5py

    if not isinstance(parent, h5py.Group) or not parent.id.links.exists(part.encode()):
        raise InputError(f"has no {name}", path)
    if parent.id.links.get_info(part.encode()).type != h5py.h5l.TYPE_HARD:
        raise InputError(f"{name} is a link to elsewhere, which is not followed", path)
    return parent[part]


def _check_type(dataset: h5py.Dataset, name: str, dtype: np.dtype | None) -> None:
    import h5py

    stored = dataset.id.get_type()
    if dtype is None:
        fits = stored.get_class() == h5py.h5t.COMPOUND and all(
            _is_plain(stored.get_member_type(each)) for each in range(stored.get_nmembers())
        )
        wanted = "a table of whole numbers and text of fixed length"
    else:
        fits, wanted = _is_number(stored) and dataset.dtype == dtype, str(dtype)
    if not fits:
        raise InputError(f"{name} is of another type than {wanted}", dataset.file.filename)


def _is_number(stored: Any) -> bool:
    import h5py

    return stored.get_class() in (h5py.h5t.INTEGER, h5py.h5t.FLOAT)


def _is_plain(stored: Any) -> bool:
    import h5py

    return _is_number(stored) or (stored.get_class() == h5py.h5t.STRING and not stored.is_variable_str())


def _check_storage(dataset: h5py.Dataset, name: str) -> None:
    import h5py

    path, plist = dataset.file.filename, dataset.id.get_create_plist()
    layout = plist.get_layout()
    if layout == h5py.h5d.VIRTUAL or plist.get_external_count():
        raise InputError(f"the data of {name} lie elsewhere, which is not read", path)
    known = (h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF)
    if any(plist.get_filter(number)[0] not in known for number in range(plist.get_nfilters())):
        raise InputError(f"{name} is compressed in a way that is not read", path)
    file_bytes = Path(path).stat().st_size
    num_bytes = math.prod(dataset.shape) * dataset.id.get_type().get_size()
    stored = dataset.id.get_storage_size()
    if layout == h5py.h5d.CHUNKED:
        chunk_bytes = math.prod(plist.get_chunk()) * dataset.id.get_type().get_size()
        is_there = max(num_bytes, chunk_bytes) <= MOST_RATIO * max(file_bytes, 1 << 16)
    elif layout == h5py.h5d.COMPACT:
        is_there = stored == num_bytes
    else:
        offset = dataset.id.get_offset()
        is_there = not num_bytes or (stored == num_bytes and offset is not None and offset + num_bytes <= file_bytes)
    if not is_there:
        raise InputError(f"{name} declares {num_bytes} bytes, which the file does not hold", path)
