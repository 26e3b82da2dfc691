"""What is said when: GRID's .align files, one `start end word` a line, in units of 1/25000 s."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.runtime.hashing import hash_file
from lipsync_cli.runtime.run_inputs import read_input

SUFFIX = ".align"
UNITS_PER_S = 25_000
SILENCES = ("sil", "sp")
_MAX_BYTES = 1 << 20
_MOST_TIME = 10**13  # units of a transcript: 12 years


class Word(NamedTuple):
    """A word and when it is said, in seconds from the first frame."""

    text: str
    start_s: float
    end_s: float


def read_transcript(path: Path) -> tuple[Word, ...]:
    """Read the words of a clip in the order in which they are said, without the silences.

    Raises
    ------
    InputError : no such file, not of this format, or without a word
    """
    try:
        lines = read_input(path, _MAX_BYTES).decode("utf-8").splitlines()
    except FileNotFoundError as error:
        raise InputError("no such transcript", path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("is no readable transcript", path, "give a .align file of GRID") from error
    words: list[Word] = []
    last = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            start, end, text = line.split()
            times = int(start), int(end)
        except ValueError:
            raise InputError(f"line {number} is not `start end word`", path, "give a .align file of GRID") from None
        if not last <= times[0] <= times[1] <= _MOST_TIME:
            raise InputError(
                f"line {number} ends before it starts, starts before the last one ended, or too late", path
            )
        last = times[1]
        if text.lower() not in SILENCES:
            words.append(Word(text.lower(), times[0] / UNITS_PER_S, times[1] / UNITS_PER_S))
    if not words:
        raise InputError("holds no words", path, "give a .align file of GRID")
    return tuple(words)


def find_transcript(path: Path | None, film: Path) -> Path | None:
    """Name the transcript of one film: the file itself, or the film's own in a folder.

    Raises
    ------
    InputError : no such file or folder, or not of this format
    NothingToDoError : the folder has none of this film
    """
    if path is None:
        return None
    if not path.is_dir():
        read_transcript(path)
        return path
    found = Transcripts(path).find(film.resolve().parent.name, film.stem)
    if found is None:
        raise NothingToDoError(f"holds no transcript of {film.name}", path, f"name it {film.stem}{SUFFIX}")
    return found


class Transcripts:
    """The transcripts of a folder: FOLDER/speaker/clip.align, or else FOLDER/clip.align.

    Raises
    ------
    InputError : no such folder
    NothingToDoError : there is no transcript in it
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            fact = "is a file, the transcripts of many clips are a folder" if self.folder.exists() else "no such folder"
            raise InputError(fact, self.folder, "give a folder of .align files")
        if next(self.folder.rglob(f"*{SUFFIX}"), None) is None:
            raise NothingToDoError(f"no {SUFFIX} file in this folder", self.folder)

    def find(self, speaker: str, name: str) -> Path | None:
        """Name the transcript of a clip, if there is one."""
        for path in (self.folder / speaker / f"{name}{SUFFIX}", self.folder / f"{name}{SUFFIX}"):
            if path.is_file():
                return path
        return None

    def read(self, speaker: str, name: str) -> tuple[Word, ...] | None:
        """Read the transcript of a clip, if there is one; raise InputError if it is damaged."""
        path = self.find(speaker, name)
        return None if path is None else read_transcript(path)

    def fingerprint(self) -> str:
        """Compute a SHA-256 over the names and contents of all."""
        digest = hashlib.sha256()
        for path in sorted(self.folder.rglob(f"*{SUFFIX}")):
            if path.is_file():
                digest.update(os.fsencode(path.relative_to(self.folder)) + b"\0")
                digest.update(bytes.fromhex(hash_file(path)))
        return digest.hexdigest()
