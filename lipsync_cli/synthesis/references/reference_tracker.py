"""How a resting face lies in the frames of its film, and what the generator sees of a head that turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from lipsync_cli.faces.alignment import Aligner, warp_crop
from lipsync_cli.faces.crop import crop_brightness, crop_face
from lipsync_cli.faces.occlusion import look_at, shrink

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.synthesis.compositing.compositor import ReferenceFace

# Left and right of the cheeks, above the half that is drawn: mean difference between a frame and the resting face in
# its pose, over the face's contrast. Of GRID's six speakers those who face the camera stay under 0.2 and the one who
# nods under 0.29; of a head that turns it reaches 0.5, and its jaw is elsewhere than the resting one's.
HELD, TURNED = 0.2, 0.34
BAND = 0.19  # of the crop's side: height of what is compared
CHEEKS = 0.08, 0.32  # of the crop's side: from its left border, and from its right


class BoxesByFrame(Protocol):
    """Face boxes by frame index: an array (N, 4) of a whole video, or what finds them as frames come."""

    def __getitem__(self, number: int, /) -> np.ndarray:
        """Return the box of a frame, x0 y0 x1 y1 in pixels: shape (4,), NaN where there is no face."""
        ...


class _Pose(NamedTuple):
    """How the resting face lies in a frame.

    Attributes
    ----------
    matrix : shape (2, 3) float64, from pixel indices of the frame's crop to those of the resting face's
    turned : how much the generator is to see of the frame, 0 ... 1
    misfit : root mean square difference of the upper faces, in levels
    """

    matrix: np.ndarray
    turned: float
    misfit: float


class ReferenceTracker:
    """Poses of one speaker, each found when it is first asked for.

    The mouth that a source's frame shows can come into the film only through what the generator sees of that frame. So
    it sees the resting face alone, as long as a shift, a turn of the picture and a scale bring that to where the head
    is. The more the head turns beyond these, the more of the frame's own upper face it sees.

    Parameters
    ----------
    boxes : of the source's frames
    reference : the resting face
    rule : of the crops
    aligner : finds the poses; None: one of this rule

    Attributes
    ----------
    reference : the same
    contrast : of its upper face, in levels, to compare a misfit with
    compared : shape (2, S / 3, S / 2, 3) uint8 RGB, resting and open face as an occlusion network is shown them
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
        self._poses: dict[int, _Pose] = {}
        half, size = rule.size // 2, rule.size
        near, far = (round(size * share) for share in CHEEKS)
        self._band = slice(half - round(size * BAND), half - 2), np.r_[near:far, size - far : size - near]

    def without_cache(self) -> ReferenceTracker:
        """Return another one, which knows no pose yet."""
        return ReferenceTracker(self._boxes, self.reference, self._rule, self._aligner)

    def find(self, number: int, frame: Frame) -> tuple[np.ndarray, np.ndarray | None]:
        """Return how a frame's face is held.

        Returns
        -------
        matrix : shape (2, 3), from pixel indices of the frame's crop to those of the resting face's
        held : shape (S, S, 3) uint8 RGB, what the generator is to see of the frame; None: nothing, the resting face
            says it all
        """
        pose, share, _ = self._pose(number, frame)
        if not share:
            return pose, None
        own = warp_crop(crop_face(frame, self._boxes[number], self._rule), pose)
        mixed = self.reference.crop + np.float32(share) * (own - self.reference.crop.astype(np.float32))
        return pose, np.rint(mixed).astype(np.uint8)

    def shown(self, number: int, frame: Frame) -> np.ndarray:
        """Return what an occlusion network is shown of a frame's face: shape (S / 3, S / 2, 3) uint8 RGB."""
        pose, _ = self.find(number, frame)
        return look_at(frame, self._boxes[number], pose, self._rule)

    def alignment_rmse(self, number: int, frame: Frame) -> float:
        """Return how much a frame's upper face differs from the resting one in its pose: root mean square of levels."""
        return self._pose(number, frame).misfit

    def _pose(self, number: int, frame: Frame) -> _Pose:
        """Return a pose, which is found once, from where the head was a frame before or after."""
        if number in self._poses:
            return self._poses[number]
        known = [self._poses[near].matrix for near in (number - 1, number + 1) if near in self._poses]
        crop = crop_brightness(frame, self._rule.matrix(self._boxes[number]), self._rule)
        pose = self._aligner.align(crop, self._grey, known[0] if known else None)
        rows, columns = self._band
        posed = warp_crop(crop, pose)
        difference = float(np.float32(self._aligner.difference(posed, self._grey)))
        band = posed[rows][:, columns].astype(np.float32)
        misfit = float(np.abs(band - self._grey[rows][:, columns]).mean()) / self.contrast
        turned = float(np.float32(np.clip((misfit - HELD) / (TURNED - HELD), 0, 1)))
        found = self._poses[number] = _Pose(np.array(pose, np.float64), turned, difference)
        return found
