"""Lip synchronisation as composable commands: from clips to training data, trained weights, and talking faces.

>>> import lipsync_cli as lipsync
>>> lipsync.infer("face.mp4", "speech.wav", "out.mp4")  # doctest: +SKIP

`infer`, `score`, `detect_faces` and `train` do what the commands of these names do; see `lipsync_cli.api`. A name
here is imported when it is first used, so that this import costs nothing; `__init__.pyi` has the types.
"""

from importlib import import_module

__version__ = "0.1.0"

_ERRORS = (
    *("InputError", "LipsyncError", "NothingToDoError", "PartialError", "ReaderGoneError"),
    *("StoppedError", "ToolError", "UsageError"),
)
_FUNCTIONS = ("detect_faces", "infer", "score", "train")
_RESULTS = ("FacesResult", "InferResult", "ScoreResult", "TrainResult")
_HOMES = {
    **dict.fromkeys(_ERRORS, "lipsync_cli.errors"),
    **dict.fromkeys((*_FUNCTIONS, *_RESULTS), "lipsync_cli.api"),
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    """Name the public names, imported or not."""
    return sorted({*globals(), *__all__})
