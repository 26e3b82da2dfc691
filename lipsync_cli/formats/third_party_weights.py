"""Weights that others have published: tensors by name, from a file that the user has. Nothing in it is executed."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import check_file
from lipsync_cli.runtime.hashing import hash_file

if TYPE_CHECKING:
    from torch import Tensor, nn

_COUNTERS = "num_batches_tracked"  # of batch normalisation; files older than PyTorch 0.4.1 lack them, nobody needs them
_WRAPPERS = "state_dict", "model_state_dict", "model"  # under which some files keep their tensors
_OTHER_FILES = {  # first bytes: what it is
    b"<": "is a web page, not weights: the download went wrong",
    b"version https://git-lfs": "is only a pointer of Git LFS, not the weights",
    b"\x89HDF": "is an HDF5 file, not PyTorch weights",
    b"GIF8": "is a picture, not weights",
    b"\x89PNG": "is a picture, not weights",
    b"\xff\xd8\xff": "is a picture, not weights",
}


def load_published(network: nn.Module, path: Path, what: str) -> str:
    """Fill a network with published weights and set it to evaluation mode.

    Parameters
    ----------
    network : its parts have the names that the file uses
    path : a state dictionary saved by PyTorch, old or new format, or a .safetensors file
    what : the weights' usual name, for the message if they are others

    Returns
    -------
    SHA-256 of the file

    Raises
    ------
    InputError : the file is missing, damaged, of another kind, holds more than tensors, or is of another network
    """
    tensors = read_tensors(path, what)
    wanted = network.state_dict()
    hint = f"give {what}"
    if foreign := sorted(set(tensors) - set(wanted)):
        raise InputError(f"is of another network: {foreign[0]} is not in {type(network).__name__}", path, hint)
    if missing := [name for name in wanted if name not in tensors and not name.endswith(_COUNTERS)]:
        raise InputError(f"lacks {len(missing)} of {len(wanted)} tensors, {missing[0]} first", path, hint)
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            shapes = f"{tuple(tensor.shape)}, not {tuple(wanted[name].shape)}"
            raise InputError(f"is of another network: {name} has the shape {shapes}", path, hint)
    network.load_state_dict(wanted | tensors)
    network.eval()
    return hash_file(path)


def read_tensors(path: Path, what: str) -> dict[str, Tensor]:
    """Read tensors by name; see `load_published`."""
    path, hint = Path(path), f"give {what}"
    check_file(path)
    with open(path, "rb") as file:
        start = file.read(64).lstrip()
    for signature, fact in _OTHER_FILES.items():
        if start.startswith(signature):
            raise InputError(fact, path, f"{hint} and compare its size with the publisher's")
    tensors = _read_safetensors(path, hint) if _is_safetensors(path) else _read_pickled(path, hint)
    for wrapper in _WRAPPERS:
        if isinstance(tensors, dict) and isinstance(tensors.get(wrapper), dict):
            tensors = tensors[wrapper]
    if not isinstance(tensors, dict) or not tensors or not all(map(_is_tensor, tensors.values())):
        raise InputError("holds something else than tensors by name", path, hint)
    return {str(name).removeprefix("module."): tensor for name, tensor in tensors.items()}


def _is_safetensors(path: Path) -> bool:
    with open(path, "rb") as file:
        length, brace = int.from_bytes(file.read(8), "little"), file.read(1)
    return brace == b"{" and length < path.stat().st_size


def _read_safetensors(path: Path, hint: str) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError("is a damaged .safetensors file", path, hint) from error


# what PyTorch raises on its way through a file that ends too soon or holds other bytes
DAMAGE: tuple[type[Exception], ...] = (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError)
DAMAGE += (AttributeError, IndexError, struct.error, AssertionError)


def _read_pickled(path: Path, hint: str) -> object:
    import warnings
    from pickle import UnpicklingError

    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about other pickles, which are refused anyway
            return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        fact = "holds code or objects beside tensors, or is no file of PyTorch's; it was not loaded"
        raise InputError(fact, path, hint) from error
    except DAMAGE as error:
        if _is_program(path):
            raise InputError("is a TorchScript program, not tensors alone; it was not loaded", path, hint) from error
        raise InputError("is damaged or no file of PyTorch's", path, hint) from error


def _is_program(path: Path) -> bool:
    from zipfile import BadZipFile, ZipFile

    try:
        with ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (BadZipFile, OSError):
        return False


def _is_tensor(value: object) -> bool:
    import torch

    return isinstance(value, torch.Tensor)
