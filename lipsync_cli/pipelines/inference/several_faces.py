"""Several faces on one command line, which makes the videos of one: what to type instead."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.preprocessing.find_clips import SOUND_SUFFIXES, VIDEO_SUFFIXES

LOOP = 'for face in {faces}; do lipsync infer "$face" {speech}; done'
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def check_faces(face: Path, speeches: Sequence[Path]) -> None:
    """Look whether several faces are meant.

    Raises
    ------
    InputError : the face is a folder of them; the hint is what to type
    UsageError : videos and sounds are mixed behind it; the hint is what to type
    """
    if face.is_dir():
        suffixes = sorted({path.suffix for path in face.iterdir() if _is_face(path)})
        speech = shlex.quote(str(speeches[0])) if speeches else "SPEECH"
        faces = " ".join(f"{shlex.quote(str(face))}/*{suffix}" for suffix in suffixes) or f"{shlex.quote(str(face))}/*"
        hint = f"for each of its faces: {LOOP.format(faces=faces, speech=speech)}"
        raise InputError("is a folder, not a file; infer takes one face", face, hint)
    sounds = [path for path in speeches if path.suffix.lower() in SOUND_SUFFIXES]
    others = [path for path in speeches if _is_face(path)]
    if not sounds or not others:
        return
    faces = shlex.join(str(path) for path in (face, *others))
    fact = f"{face} is the face, and {' and '.join(map(str, others))} would be a voice, as {sounds[0]} is"
    hint = f"of several faces: {LOOP.format(faces=faces, speech=shlex.quote(str(sounds[0])))}"
    raise UsageError(fact, hint=f"{hint}; voices that are videos go into a list for --messages")


def _is_face(path: Path) -> bool:
    return path.suffix.lower() in (*VIDEO_SUFFIXES, *PHOTO_SUFFIXES)
