"""Whose mouths are moved in a film of `infer`, and by which voice, from the options that say so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.config.quantities import parse_point
from lipsync_cli.errors import UsageError
from lipsync_cli.pipelines.configs.infer import LARGEST, InferConfig

if TYPE_CHECKING:
    from lipsync_cli.faces.selection import FaceSelection


@dataclass(frozen=True)
class People:
    """Whose mouths are moved.

    Attributes
    ----------
    choices : who
    voices : what each says; empty if the speeches are named otherwise
    """

    choices: tuple[FaceSelection, ...]
    voices: tuple[Path, ...] = ()


def chosen_people(config: InferConfig) -> People:
    """Return what the options ask for.

    Raises
    ------
    UsageError : they contradict each other
    """
    from lipsync_cli.faces.selection import parse_face_selection

    files, face = config.files, config.face
    if face.face_at is not None:
        if face.speaker or face.who != LARGEST:
            raise UsageError("--face-at does not go with --face and --speaker", hint="use one of them")
        choice = parse_face_selection(LARGEST, face.detector)
        return People((replace(choice, name=f"at {face.face_at}", place=parse_point(face.face_at)),))
    if not face.speaker:
        return People((parse_face_selection(face.who, face.detector),))
    for name, value in (("a speech", files.speech), ("--messages", files.messages), ("--faces", files.faces)):
        if value:
            raise UsageError(f"--speaker does not go with {name}", hint="name every voice as --speaker WHO=SPEECH")
    if config.voice.driving_audio:
        raise UsageError(
            "--speaker does not go with --driving-audio", hint="name the voice alone as --speaker WHO=SPEECH"
        )
    if face.who != LARGEST:
        raise UsageError("--speaker does not go with --face", hint="name everyone who speaks as --speaker WHO=SPEECH")
    pairs = [_split(text) for text in face.speaker]
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"--speaker {name} is given {names.count(name)} times", hint="give everyone one voice")
    choices = tuple(parse_face_selection(name, face.detector, "--speaker") for name in names)
    return People(choices, tuple(voice for _, voice in pairs))


def chosen_voices(config: InferConfig) -> tuple[Path, ...]:
    """Return the voices that --speaker names."""
    return tuple(voice for _, voice in map(_split, config.face.speaker))


def _split(text: str) -> tuple[str, Path]:
    """Return who is meant, and the voice; a photo that exists may have a = in its name."""
    ends = [place for place, letter in enumerate(text) if letter == "="]
    end = next((place for place in reversed(ends) if Path(text[:place]).is_file()), ends[0] if ends else 0)
    if not text[:end].strip() or not text[end + 1 :].strip():
        raise UsageError(f"--speaker {text!r} is not WHO=SPEECH", hint="such as --speaker 0=ann.wav")
    return text[:end].strip(), Path(text[end + 1 :])
