"""How a file is read where it holds several things, and what was noticed while it was read."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

WHITE = (255, 255, 255)
VIDEO, AUDIO = KINDS = ("video", "audio")


@dataclass(frozen=True)
class Reading:
    """Which part of a file counts.

    Attributes
    ----------
    video_track, audio_track : number among the file's pictures, and among its sounds, from 0; None: the one that the
        file flags as default, else the first picture, and the first sound that is not silent
    background : red, green and blue, 0 ... 255, of what is seen through the transparent parts of a photo
    """

    video_track: int | None = None
    audio_track: int | None = None
    background: tuple[int, int, int] = WHITE


class _Note(NamedTuple):
    text: str
    kind: str
    hint: str


_chosen: dict[str, Reading] = {}
_notes: dict[tuple[str, int, int], list[_Note]] = {}


@contextmanager
def read_as(readings: Mapping[Path, Reading]) -> Iterator[None]:
    """Read some files in a chosen way, everywhere in this process, until the block ends."""
    before = dict(_chosen)
    _chosen.update({os.path.abspath(path): reading for path, reading in readings.items()})
    try:
        yield
    finally:
        _chosen.clear()
        _chosen.update(before)


def reading_of(path: str | Path) -> Reading:
    """Return how a file is to be read."""
    return _chosen.get(os.path.abspath(path), Reading())


def note(path: str | Path, text: str, kind: str = "", hint: str = "") -> None:
    """Keep a clause about a file that its reader noticed and that a user should know.

    Parameters
    ----------
    kind : "video" or "audio" if it is of no use to those who take the other one; empty: it is of the whole file
    hint : which option changes it, for commands that have the option
    """
    texts = _notes.setdefault(_key(path), [])
    if (made := _Note(text, kind, hint)) not in texts:
        texts.append(made)


def notes_of(path: str | Path, kinds: Collection[str] = KINDS, hinted: Collection[str] = KINDS) -> list[str]:
    """Return what was noticed of a file, as it is now, so far.

    Parameters
    ----------
    kinds : which of "video" and "audio" are taken of the file
    hinted : the kinds for whose notes there are options
    """
    notes = [each for each in _notes.get(_key(path), []) if each.kind in ("", *kinds)]
    return [f"{each.text}; {each.hint}" if each.hint and each.kind in hinted else each.text for each in notes]


def _key(path: str | Path) -> tuple[str, int, int]:
    status = os.stat(path)
    return os.path.abspath(path), status.st_mtime_ns, status.st_size
