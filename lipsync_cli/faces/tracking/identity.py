"""Which appearances of a face are one person, and which person is meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.faces.embedding import SAME_PERSON, distance
from lipsync_cli.faces.tracking.face_search import Face, overlap

if TYPE_CHECKING:
    from lipsync_cli.faces.embedding import Embedder

MIN_SCORE = 0.25  # mean of the detector's scores: who has less is a person only if there is no other
MIN_FRAMES = 5  # likewise, unless the clip is shorter
MIN_WEIGHT = 0.01  # of the largest person's: what is less was no face, or nobody's

_SAME_SIZE = 2.0  # ratio of the sides up to which a face that comes back is taken for the one that left
_SAME_PLACE = 0.3  # intersection over union beside a cut, likewise
_SAME_LOOK = 0.75  # correlation of the grey values beside a cut, likewise


@dataclass(frozen=True)
class Person:
    """All appearances of one person.

    Attributes
    ----------
    faces : in order of time
    embeddings : of the faces' portraits, shape (128,) each; empty if they were not needed
    """

    faces: tuple[Face, ...]
    embeddings: tuple[np.ndarray, ...] = ()

    @cached_property
    def weight(self) -> float:
        """Area times frames times score, summed over the appearances."""
        return sum(_weight(face) for face in self.faces)

    @cached_property
    def box(self) -> np.ndarray:
        """Mean of the boxes, shape (4,)."""
        return np.mean([box for face in self.faces for box in face.boxes.values()], axis=0)

    @cached_property
    def score(self) -> float:
        """Mean of the detector's scores."""
        return float(np.mean([score for face in self.faces for score in face.scores.values()]))

    @property
    def num_frames(self) -> int:
        """Number of frames from each appearance's first sighting to its last."""
        return sum(face.last - face.first + 1 for face in self.faces)


def find_people(faces: Sequence[Face], num_frames: int, embedder: Embedder | None = None) -> list[Person]:
    """Join appearances to people, those on the left first.

    Two appearances are of one person only if they are never in sight together. Where both were seen clearly and can be
    compared, the distance of their embeddings decides, otherwise place, size and grey values do.

    Parameters
    ----------
    faces : all appearances of a clip
    num_frames : of the clip
    embedder : used if there is more than one appearance
    """
    faces = sorted(faces, key=_weight, reverse=True)
    embeddings: list[np.ndarray | None] = [None] * len(faces)
    if embedder is not None and len(faces) > 1:
        embeddings = [_embedding(face, embedder) for face in faces]
    pairs = []
    for after, face in enumerate(faces):
        for before in range(after):
            cost = _cost(faces[before], face, embeddings[before], embeddings[after])
            if cost is not None:
                pairs.append((cost, before, after))
    groups = [[number] for number in range(len(faces))]
    for _, one, other in sorted(pairs):
        mine, theirs = groups[one], groups[other]
        if mine is not theirs and all(_apart(faces[a], faces[b]) for a in mine for b in theirs):
            mine.extend(theirs)
            for number in theirs:
                groups[number] = mine
    people = []
    for group in {id(group): group for group in groups}.values():
        known = tuple(embedding for embedding in (embeddings[number] for number in group) if embedding is not None)
        people.append(Person(tuple(sorted((faces[number] for number in group), key=lambda face: face.first)), known))
    return sorted(_serious(people, num_frames), key=lambda person: float(person.box[0] + person.box[2]))


def choose(people: Sequence[Person], wanted: str | int | np.ndarray) -> int:
    """Return the index of the person that is meant.

    Parameters
    ----------
    people : from left to right, as `find_people` gives them; at least one
    wanted : "largest", "left", "right", a number counted from the left, or an embedding, shape (128,)

    Raises
    ------
    NothingToDoError : there is no such person
    """
    if isinstance(wanted, np.ndarray):
        distances = [min((distance(wanted, one) for one in person.embeddings), default=np.inf) for person in people]
        nearest = int(np.argmin(distances))
        if distances[nearest] >= SAME_PERSON:
            what = f"nobody in it looks like the photo: distance {distances[nearest]:.2f}, not below {SAME_PERSON}"
            raise NothingToDoError(what, hint=f"choose with --face 0 ... {len(people) - 1}")
        return nearest
    if isinstance(wanted, int):
        if not 0 <= wanted < len(people):
            what = f"no face {wanted}: it shows {len(people)}, counted from the left and from 0"
            raise NothingToDoError(what, hint="choose another number")
        return wanted
    if wanted in ("left", "right"):
        return 0 if wanted == "left" else len(people) - 1
    return int(np.argmax([person.weight for person in people]))


def embed_people(people: Sequence[Person], embedder: Embedder) -> list[Person]:
    """Give every person embeddings who has none yet."""
    return [
        person if person.embeddings else Person(person.faces, tuple(_known(person.faces, embedder)))
        for person in people
    ]


def _known(faces: Sequence[Face], embedder: Embedder) -> list[np.ndarray]:
    return [one for one in (_embedding(face, embedder) for face in faces) if one is not None]


def _embedding(face: Face, embedder: Embedder) -> np.ndarray | None:
    if face.portrait is None or face.portrait.score < MIN_SCORE:
        return None
    return embedder.embed(face.portrait.image(), face.portrait.box)


def _serious(people: list[Person], num_frames: int) -> list[Person]:
    """Leave out what is hardly a face, unless that is all there is."""
    largest = max((person.weight for person in people), default=0.0)
    people = [person for person in people if person.weight >= MIN_WEIGHT * largest]
    least = min(MIN_FRAMES, num_frames)
    return [person for person in people if person.num_frames >= least and person.score >= MIN_SCORE] or people


def _weight(face: Face) -> float:
    areas = [float((box[2] - box[0]) * (box[3] - box[1])) for box in face.boxes.values()]
    score = float(np.mean(list(face.scores.values())))
    return float(np.mean(areas)) * (face.last - face.first + 1) * min(max(score, 0.05), 1.0)


def _apart(one: Face, other: Face) -> bool:
    return one.last < other.first or other.last < one.first


def _cost(one: Face, other: Face, mine: np.ndarray | None, theirs: np.ndarray | None) -> float | None:
    """Return how doubtful it is that two appearances are of one person; None: they are not."""
    if not _apart(one, other):
        return None
    before, after = sorted((one, other), key=lambda face: face.first)
    if mine is None or theirs is None:
        return SAME_PERSON if _is_same(before, after) else None
    apart = distance(mine, theirs)
    return apart if apart < SAME_PERSON else None


def _is_same(before: Face, after: Face) -> bool:
    one, other = before.boxes[before.last], after.boxes[after.first]
    ratio = float((one[2] - one[0]) / (other[2] - other[0]))
    if not 1 / _SAME_SIZE < ratio < _SAME_SIZE:
        return False
    if before.shot == after.shot:
        return True
    if before.last_look is None or after.first_look is None or overlap(one, other) < _SAME_PLACE:
        return False
    return float((before.last_look * after.first_look).sum()) > _SAME_LOOK
