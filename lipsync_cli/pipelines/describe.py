"""What is in a file: one dictionary for a store, a folder of frames, weights, a run, or a media file."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError, LipsyncError
from lipsync_cli.formats import schema
from lipsync_cli.formats.open_store import open_hdf5
from lipsync_cli.media.ffmpeg import check_file
from lipsync_cli.preprocessing.find_clips import FRAMES_RECORD

if TYPE_CHECKING:
    import numpy as np

_HDF5_SUFFIXES = (".h5", ".hdf5")


def describe(path: str | Path) -> dict[str, Any]:
    """Describe any file or folder that the commands read or write, as a JSON-able dictionary.

    Raises
    ------
    InputError : it is missing, unreadable, or nothing that lipsync knows
    """
    path = Path(path)
    if not path.exists():
        raise InputError("no such file or folder", path, "check the name")
    if path.is_dir():
        if (path / FRAMES_RECORD).exists():
            return describe_frames(path)
        if any(path.glob("*.safetensors")):
            return describe_weights(path)
        raise InputError("is neither a run nor a folder of frames", path, "name a file")
    check_file(path)
    with open(path, "rb") as file:
        start = file.read(8)
    if start == b"\x89HDF\r\n\x1a\n" or path.suffix.lower() in _HDF5_SUFFIXES:
        return describe_store(path)
    if path.suffix.lower() == ".safetensors":
        return describe_weights(path)
    return describe_media(path)


def describe_program() -> dict[str, Any]:
    """Describe what is installed: versions, tools, the architectures with their sizes, and the embedded weights."""
    import platform
    from importlib.metadata import version

    from lipsync_cli import __version__, models
    from lipsync_cli.formats.weights import find_weights
    from lipsync_cli.media.ffmpeg import find_tool

    def try_to(function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except LipsyncError as error:
            return str(error)

    return {
        "lipsync": __version__,
        "python": platform.python_version(),
        "torch": version("torch"),
        "tools": {name: try_to(find_tool, name) for name in ("ffmpeg", "ffprobe")},
        "num_parameters": {name: count_parameters(name, {}) for name in models.ARCHITECTURES},
        "embedded_weights": try_to(lambda: describe_weights(find_weights(None))),
    }


def describe_store(path: Path) -> dict[str, Any]:
    """Describe faces.h5, mels.h5 or a pack."""
    with open_hdf5(path) as file:
        attributes = schema.read_attributes(file)
        parameters = attributes.pop("parameters")
        clips = schema.read_table(file)
        summary = {"path": str(path), "bytes": path.stat().st_size, **attributes}
        summary |= {"clips": len(clips), "speakers": dict(sorted(Counter(clips["speaker"].tolist()).items()))}
        columns = clips.dtype.names or ()
        if "split" in columns:
            summary["splits"] = {name: int((clips["split"] == name).sum()) for name in schema.SPLITS}
        if "num_frames" in columns:
            summary |= _frames_of(clips)
            import numpy as np

            summary["frames_without_face"] = int(np.isnan(file["faces/box"][:, 0]).sum())
        if "num_mels" in columns:
            summary["mel_frames"] = int(clips["num_mels"].sum())
    return summary | {"parameters": parameters}


def _frames_of(clips: np.ndarray) -> dict[str, Any]:
    rates = Counter(str(Fraction(int(row["fps_num"]), int(row["fps_den"]))) for row in clips)
    seconds = (clips["num_frames"] * clips["fps_den"] / clips["fps_num"]).sum()
    return {
        "frames": int(clips["num_frames"].sum()),
        "duration_s": round(float(seconds), 3),
        "frame_rates": dict(sorted(rates.items())),
    }


def describe_frames(folder: Path) -> dict[str, Any]:
    """Describe a folder that extract-frames made."""
    from lipsync_cli.preprocessing.frame_folders import read_record
    from lipsync_cli.preprocessing.frames import record_timeline

    record = read_record(folder)
    timeline = record_timeline(record, folder)
    del record["pts"]
    return {"path": str(folder), **record, "is_variable": timeline.is_variable}


def describe_weights(path: Path) -> dict[str, Any]:
    """Describe weights: their header, and the trainable parameters of the networks they are for."""
    from lipsync_cli.formats.weights import find_weights, read_header

    found = find_weights(path)
    header = read_header(found)
    return {
        "path": str(found),
        "bytes": found.stat().st_size,
        **header.to_dict(),
        "name": header.name,
        "sha256": header.sha256,
        "num_parameters": count_parameters(header.architecture, header.dims),
    }


def count_parameters(architecture: str, dims: dict[str, Any]) -> dict[str, int]:
    """Count the trainable parameters of a generator, and of the critic that LipGAN is trained with."""
    import torch

    from lipsync_cli import models

    with torch.device("meta"):  # shapes only
        networks = {"generator": models.build(architecture, dims)}
        if architecture == "lipgan":
            from lipsync_cli.models.generators.lipgan import SIZE, LipGANCritic
            from lipsync_cli.models.mel_shape import MEL_SHAPE

            networks["critic"] = LipGANCritic(dims.get("size", SIZE), mel_shape=dims.get("mel_shape", MEL_SHAPE))
    return {
        name: sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
        for name, network in networks.items()
    }


def describe_media(path: Path) -> dict[str, Any]:
    """Describe a video, a photo or a sound file, and whether it says that it is synthetic.

    Times (`..._s`) are in seconds, rates in frames or samples a second: numbers, rounded to six digits.
    """
    from dataclasses import asdict

    from lipsync_cli.media.probe import probe
    from lipsync_cli.provenance.verify import verify_marks

    summary = _plain(asdict(probe(path)))
    return {"path": str(path), "bytes": path.stat().st_size, **summary, "marks": verify_marks(path)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else round(float(value), 6)
    return str(value) if isinstance(value, Path) else value
