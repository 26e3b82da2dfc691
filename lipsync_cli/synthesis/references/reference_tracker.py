"""How a rest frame lies in the frames of the source video."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from lipsync_cli.faces.alignment import Aligner
from lipsync_cli.faces.crop import crop_brightness
from lipsync_cli.faces.depth import STRAIGHT, Pose
from lipsync_cli.faces.occlusion import look_at, shrink
from lipsync_cli.runtime.disk_array import PagedRows

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.synthesis.compositing.compositor import ReferenceFace


FIRM = 0.3, 0.5  # of unlikeness: from where on the firm mask takes over, and where it is used alone
TURNED = 0.5, 0.7  # of a turn, about 30 and 45 degrees: what is generated begins to fade, and is gone
TURN_COST = 1.5  # of the face's contrast: so much worse may fit what is turned by a radian less


class BoxesByFrame(Protocol):
    """Face boxes by frame index: an array (N, 4) of a whole video, or what finds them as frames come."""

    def __getitem__(self, number: int, /) -> np.ndarray:
        """Return the box of a frame, x0 y0 x1 y1 in pixels: shape (4,), NaN where there is no face."""
        ...


class _Found(NamedTuple):
    """How the rest frame lies in a frame.

    Attributes
    ----------
    pose : of the frame's crop
    misfit : root mean square difference of the upper faces, in levels
    """

    pose: Pose
    misfit: float


class ReferenceTracker:
    """Poses of one speaker, each found when it is first asked for.

    The generator sees the rest frame alone, so that the mouth that a source's frame shows cannot come into the film.
    What it generates is brought into the frame by a similarity and by the depth of the face, found on the upper face,
    which no word moves.

    Parameters
    ----------
    boxes : of the source's frames
    reference : the rest frame
    rule : of the crops
    aligner : finds the poses; None: one of this rule

    Attributes
    ----------
    reference : the same
    contrast : of its upper face, in levels, to compare a misfit with
    compared : shape (2, S / 3, S / 2, 3) uint8 RGB, rest and open frame as an occlusion network is shown them
    bare : indices of frames in which nothing lies over the face, as far as was looked
    """

    def __init__(
        self, boxes: BoxesByFrame, reference: ReferenceFace, rule: CropRule, aligner: Aligner | None = None
    ) -> None:
        self._boxes, self.reference, self._rule = boxes, reference, rule
        self._aligner = aligner or Aligner(rule)
        self._grey = crop_brightness(reference.pixels, reference.matrix, rule)
        self.contrast = max(1.0, self._aligner.contrast(self._grey))
        opened = reference.crop if reference.opened is None else reference.opened.crop
        self.compared = np.stack([shrink(reference.crop), shrink(opened)])
        self.bare: set[int] = set()
        self._poses = _Poses()

    def without_cache(self) -> ReferenceTracker:
        """Return another one, which knows no pose yet."""
        return ReferenceTracker(self._boxes, self.reference, self._rule, self._aligner)

    def find(self, number: int, frame: Frame) -> Pose:
        """Return how the rest frame lies in a frame's crop."""
        return self._find(number, frame).pose

    def shown(self, number: int, frame: Frame) -> np.ndarray:
        """Return what an occlusion network is shown of a frame's face: shape (S / 3, S / 2, 3) uint8 RGB."""
        return look_at(frame, self._boxes[number], self.find(number, frame), self._rule)

    def unlikeness(self, number: int, frame: Frame) -> float:
        """Return how far the face of a frame is from the rest frame: how much the upper faces differ, and are turned.

        Returns
        -------
        root mean square difference over the face's contrast, and `TURN_COST` for each radian
        """
        found = self._find(number, frame)
        return found.misfit / self.contrast + TURN_COST * float(np.hypot(*found.pose.turn))

    def firmness(self, number: int, frame: Frame) -> float:
        """Return how much of the firm mask is used for a frame, 0 ... 1: more where the rest frame fits badly."""
        least, most = FIRM
        return min(max((self.unlikeness(number, frame) - least) / (most - least), 0.0), 1.0)

    def nearness(self, number: int, frame: Frame) -> float:
        """Return how much of what is generated may show in a frame, 0 ... 1: none where the head is turned too far."""
        least, most = TURNED
        return min(max((most - float(np.hypot(*self.find(number, frame).turn))) / (most - least), 0.0), 1.0)

    def _find(self, number: int, frame: Frame) -> _Found:
        """Return a pose, which is found once, from where the head was a frame before or after."""
        found = self._poses.get(number)
        if found is None:
            near = self._poses.get(number - 1) or self._poses.get(number + 1)
            crop = crop_brightness(frame, self._rule.matrix(self._boxes[number]), self._rule)
            found = _Found(*self._aligner.turn(crop, self._grey, near.pose if near else STRAIGHT))
            self._poses.put(number, found)
        return found


class _Poses:
    """What was found, by frame index; on disk but for what was asked for last: an hour of film has 90,000."""

    def __init__(self) -> None:
        self._rows = PagedRows(10)  # matrix, turn, misfit, and whether the pose is STRAIGHT itself

    def get(self, number: int) -> _Found | None:
        """Return what was found in a frame; None: nothing was looked for."""
        if number < 0:
            return None
        row = self._rows.read(number)
        if np.isnan(row[8]):
            return None
        return _Found(STRAIGHT if row[9] else Pose(row[:6].reshape(2, 3), row[6:8]), float(row[8]))

    def put(self, number: int, found: _Found) -> None:
        """Keep what was found in a frame."""
        pose, misfit = found
        self._rows.write(number, (*pose.matrix.ravel(), *pose.turn, misfit, pose is STRAIGHT))
