"""A film drawn in pieces that stay on disk until it is whole, so that a killed run goes on where it stopped."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

from lipsync_cli.errors import InputError
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.runtime.json_values import check_object, read_json
from lipsync_cli.runtime.ownership import is_own_file
from lipsync_cli.runtime.resumable import clear_folder, work_folder
from lipsync_cli.synthesis.sources.frame_schedule import FrameSchedule

PIECE_S, LEAST = 20, 32  # seconds of film, and frames: so much, at most, is drawn again after a kill
KEY = "made-from.json"
OURS = re.compile(r"\d{6}\.mp4|made-from\.json|\..+\.tmp\.(mp4|json)")


@dataclass(frozen=True)
class Segment:
    """Frames `start` ... `stop - 1` of the film, in a file of their own."""

    start: int
    stop: int
    path: Path

    def is_whole(self) -> bool:
        """Whether the file is there with all its frames."""
        try:
            return is_own_file(self.path) and read_timeline(self.path).num_frames == self.stop - self.start
        except InputError:
            return False


class Segments:
    """The pieces of one film, in a hidden folder beside it; a context manager.

    They go with the end of the block, unless it ends with an error; then those that are whole are kept, and that is
    said.

    Parameters
    ----------
    output : the film
    plan : of the whole film
    facts : everything that the film depends on, JSON-able, by name; pieces that were made with others are removed
    notify : told in words what is there already
    piece_frames : frames of a piece, at most; None: see `frames_in_piece`

    Raises
    ------
    InputError : another run is drawing the same film, or the folder cannot be written
    """

    def __init__(
        self,
        output: Path,
        plan: FrameSchedule,
        facts: Mapping[str, Any],
        notify: Callable[[str], None] = lambda text: None,
        piece_frames: int | None = None,
    ) -> None:
        self._output, self._notify, self._whole = output, notify, set[Segment]()
        self._folder = folder_of(output)
        num_pieces = -(-plan.num_frames // (piece_frames or frames_in_piece(plan)))
        ends = [plan.num_frames * number // num_pieces for number in range(num_pieces + 1)]
        self.all = [Segment(*span, self._folder / f"{span[0]:06}.mp4") for span in pairwise(ends)]
        self._key: dict[str, Any] = json.loads(json.dumps({**facts, "pieces": ends}))
        self._lock = work_folder(self._folder)

    def __enter__(self) -> Segments:
        self._lock.__enter__()
        try:
            self._take_over()
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is not None and self._whole:
            self._notify(f"{self._output}: {self._count()} are kept; the same with --resume goes on with them")
        else:
            clear_folder(self._folder, OURS)
        self._lock.__exit__(None, None, None)

    def missing(self) -> list[list[Segment]]:
        """Return the pieces that an earlier run has not left, those that follow each other in one list."""
        rows: list[list[Segment]] = []
        for piece in self.all:
            if piece in self._whole:
                continue
            if rows and rows[-1][-1].stop == piece.start:
                rows[-1].append(piece)
            else:
                rows.append([piece])
        return rows

    @contextmanager
    def writing(self, piece: Segment) -> Iterator[Path]:
        """Give a name to write a piece to; it counts when the block ends without an error."""
        with atomic_output(piece.path, force=True) as temporary:
            yield temporary
        self._whole.add(piece)

    def _count(self) -> str:
        return f"{len(self._whole)} of {len(self.all)} pieces"

    def _take_over(self) -> None:
        """Look at what an earlier run has left."""
        place = self._folder / KEY
        try:
            earlier = _read(place)
            if earlier == self._key:
                self._whole = {piece for piece in self.all if piece.is_whole()}
                self._notify(f"{self._output}: goes on with {self._count()} that an earlier run has made")
                return
            if earlier is not None:
                names = sorted(name for name in {*earlier, *self._key} if earlier.get(name) != self._key.get(name))
                self._notify(f"{self._output}: begins anew, the pieces of an earlier run differ in: {', '.join(names)}")
            clear_folder(self._folder, OURS)
            with atomic_output(place) as temporary:
                temporary.write_text(json.dumps(self._key), encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot be written ({error.strerror or error})", self._folder) from error


def folder_of(output: Path) -> Path:
    """Return where the pieces of a film lie."""
    return output.with_name(f".{output.name}.pieces")


def frames_in_piece(plan: FrameSchedule) -> int:
    """Return how many frames a piece has, at most; all have more than half of it."""
    return max(LEAST, round(PIECE_S * plan.timeline.rate))


def sweep(output: Path) -> None:
    """Remove the pieces that a killed run of a film has left, unless a run is at it."""
    folder = folder_of(output)
    if folder.is_dir():
        with suppress(InputError, OSError), work_folder(folder):
            clear_folder(folder, OURS)


def _read(place: Path) -> dict[str, Any] | None:
    """Return what pieces were made from, None if there are none; what cannot be read was made from nothing known."""
    if not is_own_file(place):
        return None
    try:
        return check_object(read_json(place), "it")
    except InputError:
        return {}
