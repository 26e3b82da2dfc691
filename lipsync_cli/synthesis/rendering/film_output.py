"""The file that a film goes to, and the sound that it gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lipsync_cli.errors import UsageError
from lipsync_cli.media.sound.mix import Mix
from lipsync_cli.media.video.pipe_output import PipeOutput

FILMS = (".mp4", ".mov", ".mkv", ".m4v")


@dataclass(frozen=True)
class FilmOutput:
    """Where a film goes.

    Attributes
    ----------
    path : the film
    sound : what is heard; the speech, or the mix of the voices if there are several, unless a file was named; None:
        nothing, the film has no sound
    stream : where the film goes if it is no file; `path` is then what the user calls it
    """

    path: Path
    sound: Path | Mix | None
    stream: PipeOutput | None = None


def name_film(face: Path, speeches: Sequence[Path]) -> Path:
    """Return the name of a film that was given none: beside the face, `face.speech.mp4`."""
    return face.parent / ".".join([face.stem, *(each.stem for each in speeches), "mp4"])


def check_film_name(path: Path) -> None:
    """Raise UsageError if a file of this name is no film."""
    if path.suffix.lower() not in FILMS:
        kind = path.suffix or "no suffix"
        raise UsageError(f"{path}: {kind} is no kind of video", hint=f"choose from {', '.join(FILMS)}")
