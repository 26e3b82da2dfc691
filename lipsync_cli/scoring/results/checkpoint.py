"""Clips that are scored already, kept beside the output, so that a run that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lipsync_cli import __version__
from lipsync_cli.errors import InputError
from lipsync_cli.runtime.ownership import is_own_file
from lipsync_cli.runtime.resumable import clear_folder, work_folder, write_part
from lipsync_cli.scoring.protocols.clip_scores import ClipScores


class ScoreCheckpoint:
    """Figures of finished clips in a folder.

    Parameters
    ----------
    folder : where they lie; None: nothing is kept
    key : what the figures depend on, JSON-able: another key finds nothing
    """

    def __init__(self, folder: Path | None, key: Any) -> None:
        self.folder, self.key = folder, key

    def get(self, name: str) -> ClipScores | None:
        """Return a finished clip's figures, or None."""
        path = self._path(name)
        if path is None or not is_own_file(path) or not zipfile.is_zipfile(path):
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return ClipScores.from_arrays(dict(arrays))
        except (InputError, OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None  # damaged: done again

    def put(self, name: str, clip_scores: ClipScores) -> None:
        """Keep a clip's figures."""
        if (path := self._path(name)) is not None:
            write_part(path, clip_scores.to_arrays())

    def _path(self, name: str) -> Path | None:
        if self.folder is None:
            return None
        text = json.dumps([__version__, self.key, name], sort_keys=True, default=str)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:40]}.npz"


@contextmanager
def open_checkpoint(output: Path | None, key: Any, *, is_shard: bool = False) -> Iterator[ScoreCheckpoint]:
    """Give a place for finished clips in `.<output>.parts/`, which is removed when the block ends without an error.

    Parameters
    ----------
    is_shard : the block does a part of the work only: what is finished stays, and other parts may be at work at once

    Raises
    ------
    InputError : another process is at this output, or the folder cannot be written
    """
    if output is None:
        yield ScoreCheckpoint(None, key)
        return
    folder = output.with_name(f".{output.name}.parts")
    with work_folder(folder, is_shared=is_shard):
        yield ScoreCheckpoint(folder, key)
        if not is_shard:
            clear_folder(folder)
