"""Real clips of people, and whose voice drives whose face."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lipsync_cli.errors import LipsyncError
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.audio import SPEECH_RATE, read_speech_blocks
from lipsync_cli.metrics.sync.lip_leak import is_silent
from lipsync_cli.speech.mel import log_mel

FILMS = (".mp4", ".mpg", ".mov", ".mkv", ".avi", ".webm")
TALKING = ("hdtf_katiehill", "retalking_1")  # of the clips of ordinary footage; in the others nobody speaks
LAST_OF_S1 = 20  # clips by name: they are held out from every training


class Clip(NamedTuple):
    """A real clip with sound.

    Attributes
    ----------
    path : of the film
    person : who is seen; clips of one person share a name
    """

    path: Path
    person: str


class Pair(NamedTuple):
    """A face, and the clip whose voice drives it."""

    face: Clip
    voice: Clip


def find_clips(folder: Path, is_one_person: bool = False) -> list[Clip]:
    """List the clips of a folder: one subfolder a person, or a flat folder in which each clip is of another person.

    Parameters
    ----------
    is_one_person : all clips of a flat folder are of one person
    """
    clips = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in FILMS:
            inner = path.relative_to(folder).parts[:-1]
            clips.append(Clip(path, "/".join(inner) or (folder.name if is_one_person else path.stem)))
    return clips


def find_groups(data: Path) -> dict[str, list[Clip]]:
    """Give the groups of the development data that are there: name -> clips."""
    grid = data / "grid"
    groups = {
        "s1": find_clips(grid / "s1", is_one_person=True)[-LAST_OF_S1:],
        "GRID strangers": [clip for name in ("s22", "s26") for clip in find_clips(grid / name, is_one_person=True)],
        "news unseen": find_clips(data / "news" / "unseen"),
        "ordinary footage": [clip for clip in find_clips(data / "wild") if clip.path.stem in TALKING],
    }
    return {name: clips for name, clips in groups.items() if clips}


def with_speech(clips: Iterable[Clip], seconds: int) -> list[Clip]:
    """Leave out clips without picture, those in whose first seconds nobody speaks, and files that cannot be read."""
    kept = []
    for clip in clips:
        try:
            if probe(clip.path).video is not None and not is_silent(log_mel(_start(clip.path, seconds * SPEECH_RATE))):
                kept.append(clip)
        except LipsyncError:
            continue
    return kept


def _start(path: Path, count: int) -> np.ndarray:
    parts, had = [np.zeros(0, np.float32)], 0
    with closing(read_speech_blocks(path)) as blocks:  # type: ignore[type-var]
        for block in blocks:
            parts.append(block)
            had += len(block)
            if had >= count:
                break
    return np.concatenate(parts)[:count]


def take_in_turn(clips: Sequence[Clip]) -> list[Clip]:
    """Put clips in an order in which people take turns."""
    people: dict[str, list[Clip]] = {}
    for clip in clips:
        people.setdefault(clip.person, []).append(clip)
    return [clip for turn in zip_longest(*people.values()) for clip in turn if clip is not None]


def make_pairs(clips: Sequence[Clip], limit: int | None = None) -> list[Pair]:
    """Drive each face with the voice of the next clip of another person; of one person alone, of the next clip.

    Parameters
    ----------
    limit : pairs at most; they are the first in an order in which people take turns
    """
    order = take_in_turn(clips)
    pairs = []
    for number, face in enumerate(order[:limit]):
        others = [order[(number + step) % len(order)] for step in range(1, len(order))]
        strangers = [clip for clip in others if clip.person != face.person]
        if others:
            pairs.append(Pair(face, (strangers or others)[0]))
    return pairs


def third_clip(clips: Sequence[Clip], pair: Pair) -> Clip | None:
    """Give the clip after a pair's face that is neither of the two: of a third person if there is one; None: no other.

    Its mouth is what that of the film is compared with as mismatched audio.
    """
    start = clips.index(pair.face) if pair.face in clips else 0
    others = [clip for clip in (*clips[start:], *clips[:start]) if clip not in pair]
    strangers = [clip for clip in others if clip.person not in (pair.face.person, pair.voice.person)]
    return next(iter(strangers or others), None)
