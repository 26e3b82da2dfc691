"""Work that can be killed at any moment: finished clips lie in a folder beside the output until all are done."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli import __version__
from lipsync_cli.config.shard import Shard
from lipsync_cli.errors import InputError, LipsyncError, with_path
from lipsync_cli.media.reading import AUDIO, Reading, notes_of, read_as
from lipsync_cli.preprocessing.find_clips import FRAMES, FRAMES_RECORD, Clip
from lipsync_cli.runtime.atomic_files import check_output
from lipsync_cli.runtime.ownership import is_own_file
from lipsync_cli.runtime.processes.workers import Run, run_tasks
from lipsync_cli.runtime.resumable import UNFINISHED, clear_folder, work_folder, write_part
from lipsync_cli.runtime.run_inputs import keep_inputs

if TYPE_CHECKING:
    import numpy as np

Progress = Callable[[int, int | None, str], None]
OnFailure = Callable[[LipsyncError], None]
Notify = Callable[[str], None]


@dataclass(frozen=True)
class ClipJob:
    """One clip and what is to be done with it; goes to a worker.

    `folder` is where the worker may leave `StoredRows`.
    """

    clip: Clip
    parameters: dict[str, Any]
    folder: Path | None = None


@dataclass(frozen=True)
class NotedWork:
    """A function of a worker that gives the result of `work` on a clip, and what was noticed of the clip's file.

    Attributes
    ----------
    work : a function of a module
    kinds : which of "video" and "audio" it reads
    reading : how the file is read; where a track is chosen here, notes say how
    """

    work: Callable[[ClipJob], Any]
    kinds: tuple[str, ...]
    reading: Reading | None = None

    def __call__(self, job: ClipJob) -> tuple[Any, list[str]]:
        """Do the work."""
        path = job.clip.sound if self.kinds == (AUDIO,) else job.clip.path
        chosen = {} if self.reading is None else {path: self.reading}
        with read_as(chosen):
            result = self.work(job)
        hinted = () if self.reading is None else self.kinds
        return result, [f"{job.clip.path}: {text}" for text in notes_of(path, self.kinds, hinted)]


@dataclass(frozen=True)
class Part:
    """The finished work on one clip: a file of named arrays."""

    clip: Clip
    path: Path

    def read(self, *names: str) -> list[np.ndarray]:
        """Read arrays by name.

        Raises
        ------
        InputError : the file is damaged; it is removed, so that the next run makes it again
        """
        found = self._read(names)
        return [found[name] for name in names]

    def read_all(self) -> dict[str, np.ndarray]:
        """Read all arrays; raises as `read` does."""
        return self._read(None)

    def read_rows(self, name: str, size: int = 1 << 14) -> Iterator[np.ndarray]:
        """Read an array (n, ...) in blocks of `size` rows; raises as `read` does."""
        import numpy as np
        from numpy.lib import format as numpy_format

        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{name}.npy") as file:
                is_short = numpy_format.read_magic(file) == (1, 0)  # type: ignore[arg-type]
                read = numpy_format.read_array_header_1_0 if is_short else numpy_format.read_array_header_2_0
                shape, _, dtype = read(file)  # type: ignore[arg-type]
                row_bytes = dtype.itemsize * int(np.prod(shape[1:]))
                for first in range(0, shape[0], size):
                    count = min(size, shape[0] - first)
                    yield np.frombuffer(file.read(count * row_bytes), dtype).reshape(count, *shape[1:])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise self.damaged() from error

    def damaged(self) -> InputError:
        """Remove the file, and return what is told of it."""
        self.path.unlink(missing_ok=True)
        return InputError("a finished part was damaged and is removed", self.path, "run the same again")

    def _read(self, names: tuple[str, ...] | None) -> dict[str, np.ndarray]:
        import numpy as np

        try:
            with np.load(self.path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in (arrays.files if names is None else names)}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise self.damaged() from error


@contextmanager
def journal(
    work: Callable[[ClipJob], dict[str, Any]] | NotedWork,
    clips: list[Clip],
    parameters: dict[str, Any],
    output: Path,
    jobs: int = 1,
    *,
    force: bool = False,
    progress: Progress | None = None,
    on_failure: OnFailure | None = None,
    notify: Notify | None = None,
    label: str = "clips",
    run: Run = run_tasks,
    shard: Shard | None = None,
) -> Iterator[list[Part]]:
    """Do the work on every clip that is not done yet, and give the finished parts in the order of the clips.

    The parts lie in `.<output>.parts/` and are removed when the block ends without an error; after a kill the same
    command finds them. A part is known by the clip's path, size and modification time, the parameters and
    the program's version, so that a changed clip or another parameter is done anew.

    Parameters
    ----------
    work : a function of a module: from a Task to named arrays, run in worker processes
    on_failure : told of every clip that failed
    run : does the tasks, called as `run_tasks` is
    notify : told what was noticed of a clip, if the work is `NotedWork`
    shard : which part of the clips; their parts stay for a run of all clips. Several shards may be at work at once

    Raises
    ------
    InputError : the output exists without `force`, another process is at it, no clip could be used, the disk is full
    """
    check_output(output, force, [clip.path for clip in clips])
    folder = output.with_name(f".{output.name}.parts")
    clips = clips if shard is None else shard.take(clips)
    with keep_inputs(clip.path for clip in clips), work_folder(folder, is_shared=shard is not None):
        names, done, todo, failures = _sort(clips, parameters, folder)
        for unreadable in failures:
            if on_failure is not None and len(clips) > 1:
                on_failure(unreadable)
        if progress is not None:
            progress(len(done), len(clips), label)
        try:
            for job, result, error in run(work, todo, min(jobs, len(todo))):
                if error is None:
                    arrays, notes = result if isinstance(work, NotedWork) else (result, [])
                    if notify is not None:
                        for text in notes:
                            notify(text)
                    path = folder / names[job.clip]
                    write_part(path, arrays or {})
                    done[job.clip] = Part(job.clip, path)
                else:
                    error = with_path(error, job.clip.path)
                    failures.append(error)
                    if on_failure is not None and len(clips) > 1:
                        on_failure(error)
                if progress is not None:
                    progress(len(done) + len(failures), len(clips), label)
        except BaseException:  # Ctrl-C, too: workers that were ended amid a part have left it
            if shard is None:
                clear_folder(folder, UNFINISHED)
            raise
        if not done:
            if shard is None:
                clear_folder(folder)
            if len(failures) == 1:
                raise failures[0]
            where = os.path.commonpath([clip.path for clip in clips])
            raise InputError(f"none of the {len(clips)} clips could be used", where)
        yield [done[clip] for clip in clips if clip in done]
        if shard is None:
            clear_folder(folder)


def _sort(
    clips: list[Clip], parameters: dict[str, Any], folder: Path
) -> tuple[dict[Clip, str], dict[Clip, Part], list[ClipJob], list[LipsyncError]]:
    """Return the parts' names, the clips that are done, those that are to be done, and why others cannot be."""
    names: dict[Clip, str] = {}
    done: dict[Clip, Part] = {}
    todo: list[ClipJob] = []
    failures: list[LipsyncError] = []
    for clip in clips:
        try:
            names[clip] = _part_name(clip, parameters)
        except OSError as reason:
            failures.append(InputError(f"cannot be read ({reason.strerror})", clip.path))
            continue
        path = folder / names[clip]
        if is_own_file(path) and zipfile.is_zipfile(path):
            done[clip] = Part(clip, path)
        else:
            todo.append(ClipJob(clip, parameters, folder))
    return names, done, todo, failures


def _part_name(clip: Clip, parameters: dict[str, Any]) -> str:
    path = clip.path / FRAMES_RECORD if clip.kind == FRAMES else clip.path
    state = path.stat()
    key = [__version__, os.path.abspath(clip.path), state.st_size, state.st_mtime_ns, parameters]
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:40] + ".npz"
