"""Whose mouth is moved: what `--face` and `--detector` mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.errors import NothingToDoError, UsageError
from lipsync_cli.faces.detectors.combined_detector import InHogGeometry
from lipsync_cli.faces.detectors.dlib_detectors import DETECTORS, make_detector
from lipsync_cli.faces.embedding import need_embedder
from lipsync_cli.faces.tracking.confidence import MIN_SIDE, is_trusted
from lipsync_cli.faces.tracking.face_track import FacePoint, Track, find_cast
from lipsync_cli.media.probe import probe
from lipsync_cli.media.video.decode import read_image

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.faces.detectors.detector import Detector
    from lipsync_cli.faces.tracking.face_track import Cast
    from lipsync_cli.media.timeline import Timeline
    from lipsync_cli.media.video.yuv_frame import Frame

PLACES = ("largest", "left", "right")


@dataclass(frozen=True)
class FaceSelection:
    """Which of the people of a clip is meant.

    Attributes
    ----------
    name : as the user gave it
    wanted : one of PLACES, a number counted from the left, an embedding, shape (128,), or a place in a frame
    detector : one of DETECTORS
    place : time in seconds, x and y in pixels at which the face is, which `find_in` turns into `wanted`
    """

    name: str = "largest"
    wanted: str | int | np.ndarray | FacePoint = "largest"
    detector: str = "auto"
    place: tuple[Fraction, float, float] | None = None

    def find_in(self, timeline: Timeline, start_s: Fraction) -> FaceSelection:
        """Return the same choice for a part of a video, where a time is a frame.

        Parameters
        ----------
        timeline : of the part
        start_s : when the part begins in the video
        """
        if self.place is None:
            return self
        time_s, x, y = self.place
        ticks = (time_s - start_s) / timeline.time_base
        frame = int(np.searchsorted(timeline.pts, float(ticks), "right")) - 1
        return replace(self, wanted=FacePoint(frame, x, y))

    @property
    def is_usual(self) -> bool:
        """Whether it is the face that is taken where nothing is said."""
        return (self.name, self.detector) == ("largest", "auto")


def parse_face_selection(face: str, detector: str = "auto", option: str = "--face") -> FaceSelection:
    """Return what is meant.

    Parameters
    ----------
    face : one of PLACES, a number, or the path of a photo
    detector : one of DETECTORS
    option : that names the face, for messages

    Raises
    ------
    UsageError : neither
    InputError : the photo cannot be read
    NothingToDoError : it shows no face
    ToolError : the networks are not installed that compare faces, or that find them
    """
    if detector not in DETECTORS:
        raise UsageError(f"--detector {detector!r} is not known", hint=f"choose from {', '.join(DETECTORS)}")
    if detector in ("mmod", "mtcnn"):
        make_detector(detector)
    if face in PLACES:
        return FaceSelection(face, face, detector)
    if re.fullmatch(r"-?[0-9]{1,9}", face):
        if int(face) < 0:
            raise UsageError(f"{option} {face}: faces are counted from 0, the leftmost")
        return FaceSelection(face, int(face), detector)
    path = Path(face)
    if not path.suffix and not path.is_file():
        raise UsageError(f"{option} {face!r} is not known", hint=f"give {', '.join(PLACES)}, a number, or a photo")
    if not probe(path).is_image:
        raise UsageError(f"{option} {face}: not a photo", hint="give a photo with one face")
    embedder = need_embedder("to know a face by a photo")
    photo = read_image(path)
    boxes, scores = make_detector("auto").detect(photo)
    if not len(boxes):
        raise NothingToDoError("no face in the photo", path, "give a face that looks at the camera")
    largest = int(np.argmax((boxes[:, 2] - boxes[:, 0]) ** 2 * scores))
    return FaceSelection(face, embedder.embed(photo, boxes[largest]), detector)


def find_faces(
    frames: Iterable[Frame],
    rule: CropRule,
    choices: Sequence[FaceSelection],
    progress: Callable[[int, int | None, str], None] | None = None,
    notify: Callable[[str], None] | None = None,
    path: Path | None = None,
) -> list[Track]:
    """Find the faces that are meant, in every frame in which each can be trusted; the others are NaN.

    Parameters
    ----------
    frames : each of shape (H, W, 3) uint8 RGB, looked at once
    rule : of the crop that the generator was trained on
    choices : who is meant; all with the detector of the first
    progress, notify : told how many frames are done, and in words what a user should know
    path : of the clip, for messages

    Raises
    ------
    NothingToDoError : there are faces, but not one of these
    UsageError : two choices mean the same person
    """
    notify = notify or (lambda text: None)
    everyone = len(choices) > 1 or choices[0].name != "largest"
    cast = find_cast(frames, rule, progress, _detector(choices[0].detector, rule), everyone)
    if not cast.people:
        return [cast.track(0) for _ in choices]
    try:
        numbers = [cast.choose(choice.wanted) for choice in choices]
    except NothingToDoError as error:
        raise NothingToDoError(error.fact, path, error.hint) from error
    for place, number in enumerate(numbers):
        if number in numbers[:place]:
            one, other = choices[numbers.index(number)].name, choices[place].name
            raise UsageError(f"{path}: {one} and {other} are the same person, face {number}", hint=_describe(cast))
    if len(cast.people) > 1:
        option = "--speaker" if len(choices) > 1 else "--face"
        meant = (f"{option} {choice.name} is face {n}" for choice, n in zip(choices, numbers, strict=True))
        notify(f"{path}: {_describe(cast)}; {', '.join(meant)}")
    whose = [f" of {choice.name}" if len(choices) > 1 else "" for choice in choices]
    return [_trusted(cast.track(n), f"{path}: the face{name}", notify) for n, name in zip(numbers, whose, strict=True)]


def _trusted(track: Track, name: str, notify: Callable[[str], None]) -> Track:
    """Return a track without the boxes of faces that cannot be trusted."""
    seen, trusted = ~np.isnan(track.boxes[:, 0]), is_trusted(track)
    if lost := int((seen & ~trusted).sum()):
        notify(f"{name} is turned away, covered or under {MIN_SIDE:.0f} pixels wide in {lost} frames")
    return replace(track, boxes=np.where(trusted[:, None], track.boxes, np.float32(np.nan)))


def _detector(name: str, rule: CropRule) -> Detector:
    """Return a detector whose boxes have the rule's geometry."""
    if rule.detector == "mmod":
        return make_detector("mmod")
    return InHogGeometry(make_detector("mmod")) if name == "mmod" else make_detector(name)


def _describe(cast: Cast) -> str:
    parts = []
    for number, person in enumerate(cast.people):
        x0, y0, x1, _ = person.box
        parts.append(f"{number} at x {x0:.0f}, y {y0:.0f}, {x1 - x0:.0f} pixels wide, in {person.num_frames} frames")
    return f"{len(cast.people)} faces: {'; '.join(parts)}"
