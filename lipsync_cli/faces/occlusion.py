"""What lies over a face, a hand or a microphone, stays over the mouth that is drawn.

An occlusion network says of each place of a face, brought into the pose of the rest frame, whether the resting and the
open face explain it. It knows few faces, and takes many a smooth cheek for a hand; so what it names must also look like
nothing that these two faces have nearby. Where both agree the source shows, and not what is drawn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.faces.crop import crop_face
from lipsync_cli.faces.depth import Pose, depth_map, turn_crop
from lipsync_cli.faces.mask import lower_face_mask
from lipsync_cli.models import OCCLUSION_SHRINK, OCCLUSION_TOP

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.media.video.yuv_frame import Frame

SURE = 0.0  # logits: what has more is covered
UNLIKE = 0.3  # of the face's contrast: what differs by less from all that lies nearby in the uncovered faces is a face
NEARBY = 3  # places: cheeks and chins move so far in speech
SMALLEST = 20  # places: fewer are noise
OUTSIDE = 0.3  # of what is covered lies outside of the mouth, at least: hands come from there, tongues and teeth do not
HIDDEN = 0.6, 0.75  # of the mouth: between them the rest of what is drawn fades, and nothing of it is left
RELEASE_S = 0.12  # what is not found any more fades by a factor of e in that time
FAINT = 0.05  # weight of the mask: what lies where there is less of it does not matter
TOLD = 0.05  # share of the part that is drawn: what covers more is worth a word
WIDER = 1  # places by which what is found is widened, so that no drawn skin lies over a finger's edge


def look_at(frame: Frame, box: np.ndarray, pose: Pose, rule: CropRule) -> np.ndarray:
    """Return what an occlusion network is shown of a frame's face, (S / 3, S / 2, 3) uint8 RGB.

    Parameters
    ----------
    box : shape (4,), the face's
    pose : of its crop, beside the rest frame's
    """
    size = rule.size // OCCLUSION_SHRINK
    crop = crop_face(frame, box, rule, size)
    small = pose.matrix.copy()
    middle = (OCCLUSION_SHRINK - 1) / 2  # between the two pixels that become one
    small[:, 2] = (small[:, 2] + small[:, :2] @ (middle, middle) - middle) / OCCLUSION_SHRINK
    return _below_top(turn_crop(crop, Pose(small, pose.turn), depth_map(replace(rule, size=size))))


def shrink(crop: np.ndarray) -> np.ndarray:
    """Return what an occlusion network is shown of a crop (S, S, 3) uint8 RGB: (S / 3, S / 2, 3)."""
    import cv2

    size = len(crop) // OCCLUSION_SHRINK
    return _below_top(cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA))


def _below_top(picture: np.ndarray) -> np.ndarray:
    """Return the lower two thirds of a picture."""
    return picture[round(OCCLUSION_TOP * len(picture)) :]


class OcclusionMask(NamedTuple):
    """What lies over a face.

    Attributes
    ----------
    opacity : shape (S / 4, S / 2) float32 in [0, 1], of each place of the crop's lower half
    share : of the part that would be drawn, in which the source shows now
    """

    opacity: np.ndarray
    share: float


class OcclusionClassifier:
    """What follows from an occlusion network's logits.

    What hardly reaches beyond the mouth is a mouth of its own kind, and nothing that lies over it; what lies beside the
    part that is drawn does not matter.

    Parameters
    ----------
    rule : of the crops
    """

    def __init__(self, rule: CropRule) -> None:
        size = rule.size // OCCLUSION_SHRINK
        self._half = size // 2
        self._mask = lower_face_mask(rule, size)
        row0, row1, col0, col1 = rule.mouth_region(size)
        self._outside = np.ones((size, size), bool)
        self._outside[row0:row1, col0:col1] = False

    def covered(
        self, logits: np.ndarray, shown: np.ndarray, compared: np.ndarray, contrast: float
    ) -> OcclusionMask | None:
        """Return what is covered, None if nothing is.

        Parameters
        ----------
        logits : shape (S / 3, S / 2), from an occlusion network
        shown : shape (S / 3, S / 2, 3) uint8 RGB, of what they are
        compared : shape (n, S / 3, S / 2, 3) uint8 RGB, uncovered faces in the same pose
        contrast : of the face, in levels
        """
        import cv2

        found = (logits > SURE).astype(np.uint8)
        mask, outside = self._mask[-len(logits) :], self._outside[-len(logits) :]
        if not (found * mask).any():
            return None
        kept, apart = np.zeros_like(found), None
        count, parts = cv2.connectedComponents(found, connectivity=8)
        for part in range(1, count):
            here = parts == part
            if here.sum() < SMALLEST or mask[here].max() <= FAINT or outside[here].mean() < OUTSIDE:
                continue
            apart = _apart(shown, compared) if apart is None else apart
            if apart[here & outside].mean() > UNLIKE * contrast:
                kept[here] = 1
        if not kept.any():
            return None
        wider = cv2.dilate(kept, np.ones((2 * WIDER + 1, 2 * WIDER + 1), np.uint8))
        opacity: np.ndarray = cv2.blur(wider.astype(np.float32), (3, 3))[-self._half :]
        hidden = float(opacity[~self._outside[-self._half :]].mean())
        opacity += (1 - opacity) * min(max((hidden - HIDDEN[0]) / (HIDDEN[1] - HIDDEN[0]), 0.0), 1.0)
        drawn = self._mask[-self._half :]
        return OcclusionMask(opacity, float((opacity * drawn).sum() / drawn.sum()))


class MaskDecay:
    """Lets what lay over faces fade away, so that a frame in which it is not found makes no flicker."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[float, np.ndarray]] = {}

    def follow(self, speaker: int, middle_s: float, covered: OcclusionMask | None) -> OcclusionMask | None:
        """Return what lies over a speaker's face, and what lay there before; asked in the order of time.

        Parameters
        ----------
        speaker : number of whose face it is
        middle_s : when it is shown
        covered : what was found
        """
        before_s, before = self._last.pop(speaker, (middle_s, None))
        if before is not None:
            before = before * np.float32(np.exp(-abs(middle_s - before_s) / RELEASE_S))
            if covered is not None:
                covered = covered._replace(opacity=np.maximum(covered.opacity, before))
            elif before.max() > FAINT:
                covered = OcclusionMask(before, 0.0)
        if covered is not None:
            self._last[speaker] = middle_s, covered.opacity
        return covered


def _apart(shown: np.ndarray, compared: np.ndarray) -> np.ndarray:
    """Return by how much each place of a picture differs from what is most like it nearby in others, in levels.

    Parameters
    ----------
    shown : shape (h, w, 3) uint8
    compared : shape (n, h, w, 3) uint8

    Returns
    -------
    shape (h, w) float32, of patches of 3 x 3 places
    """
    import cv2

    height, width = shown.shape[:2]
    least = np.full((height, width), np.inf, np.float32)
    for other in compared:
        wide = cv2.copyMakeBorder(other, NEARBY, NEARBY, NEARBY, NEARBY, cv2.BORDER_REPLICATE)
        for top in range(2 * NEARBY + 1):
            for left in range(2 * NEARBY + 1):
                differing = cv2.absdiff(shown, wide[top : top + height, left : left + width])
                patches = cv2.blur(differing.astype(np.float32), (3, 3))
                least = np.minimum(least, patches.mean(2))
    return least
