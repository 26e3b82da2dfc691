"""Work on clips in worker processes, whose files are read in a chosen way, and what is noticed of them comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lipsync_cli.media.reading import AUDIO, Reading, notes_of, read_as

if TYPE_CHECKING:
    from lipsync_cli.preprocessing.clip_jobs import ClipJob

Notify = Callable[[str], None]


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
