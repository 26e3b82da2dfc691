"""What is behind the lips of a rest frame: found in a frame whose mouth is open, or drawn; and lips that are closed.

A generator that moves the pixels of one frame needs one in which the lips meet, and has none for what they hide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from lipsync_cli.faces.alignment import compose_affine
from lipsync_cli.faces.mesh.face_mesh import LOWER_INNER, load_face_mesh
from lipsync_cli.faces.mesh.mouth_closing import ClosedMouth, close_mouth, draw_inside
from lipsync_cli.media.video.yuv_frame import cut_out, replace_pixels
from lipsync_cli.synthesis.compositing.compositor import ReferenceFace, reference_face, reference_part, with_inside
from lipsync_cli.synthesis.references.reference_selection import bring_open
from lipsync_cli.synthesis.sources.still_source import StillSource

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.synthesis.references.reference_selection import ReferenceFrames
    from lipsync_cli.synthesis.sources.frame_source import ScannedSource


TEETH_SHOWN = 0.1  # of the mouth's width, below where the lips meet: so far down the mouth of an open frame reaches


def rest_photo(
    photo: ScannedSource, boxes: Sequence[np.ndarray], rule: CropRule
) -> tuple[ScannedSource, list[ReferenceFace | None]]:
    """Close the mouths of a photo.

    Parameters
    ----------
    photo : of one frame, which is an array
    boxes : of each face whose mouth is to be moved, shape (1, 4)

    Returns
    -------
    the photo with these mouths closed; of each face its rest frame, None where the lips are not found
    """
    original = picture = cast("np.ndarray", photo.frame(0))
    mouths: list[ClosedMouth | None] = []
    for (box,) in boxes:
        points = load_face_mesh().find(original, box)
        mouths.append(None if points is None else close_mouth(picture, points))
        picture = picture if mouths[-1] is None else mouths[-1].picture
    faces = [
        None if mouth is None else with_inside(reference_face(picture, box, rule), mouth.lips, mouth.inside, box, rule)
        for (box,), mouth in zip(boxes, mouths, strict=True)
    ]
    was_open = any(mouth is not None and mouth.was_open for mouth in mouths)
    return StillSource(picture) if was_open else photo, faces


def rest_face(frame: Frame, box: np.ndarray, rule: CropRule) -> ReferenceFace:
    """Return the rest frame of a video with its lips closed, and with what may be behind them, if they are found."""
    picture = np.asarray(frame)
    points = load_face_mesh().find(picture, box)
    mouth = None if points is None else close_mouth(picture, points)
    if mouth is None:
        return reference_face(frame, box, rule)
    if mouth.was_open:
        frame = replace_pixels(frame, mouth.picture)
    return with_inside(reference_face(frame, box, rule), mouth.lips, mouth.inside, box, rule)


def rest_with_teeth(
    video: ScannedSource,
    boxes: np.ndarray,
    rule: CropRule,
    references: ReferenceFrames,
    others: Sequence[ReferenceFrames] = (),
) -> ReferenceFace:
    """Return a rest frame of a video with what is behind its lips.

    Parameters
    ----------
    boxes : shape (N, 4), of the face in the video's frames
    references : the rest frame, and one whose mouth is open, if there is one
    others : the same of other poses: where no mouth of this pose is open, one of another lends its teeth
    """
    face = rest_face(video.frame(references.rest), boxes[references.rest], rule)
    lenders = (each.opened for each in (references, *others) if each.opened is not None)
    lender = next(lenders, None)
    if lender is None:
        return face
    opened = bring_open(video, boxes, rule, references._replace(opened=lender), face)
    assert opened is not None
    if references.opened is not None:
        face = face._replace(opened=opened)
    return show_teeth(face, opened, video.frame(lender), boxes[lender], rule)


def show_teeth(
    face: ReferenceFace, opened: ReferenceFace, frame: Frame, box: np.ndarray, rule: CropRule
) -> ReferenceFace:
    """Return a rest frame with the teeth of a frame whose mouth is open behind its lips.

    An upper lip that was drawn up shows teeth that the resting one hides: they are brought down below it.

    Parameters
    ----------
    face : the rest frame; where its lips are not known it stays as it is
    opened : the other frame's face, in the pose of the rest frame
    frame, box : of this other face
    """
    import cv2

    picture = np.asarray(frame)
    points = load_face_mesh().find(picture, box)
    inside = None if points is None else draw_inside(picture, points)
    if points is None or inside is None or face.inside is None:
        return face
    cut, left, top = cut_out(inside, *reference_part(box, rule))
    lips, lower = face.inside.lips, points[LOWER_INNER[5]] - 0.5 - (left, top)
    x, y = lips.place(opened.matrix[:, :2] @ lower + opened.matrix[:, 2])
    further = max(0.0, float(lips.at(lips.line, x)) + TEETH_SHOWN - float(y)) * lips.width
    lifted = np.array([[1, 0, -further * lips.down[0]], [0, 1, -further * lips.down[1]]])
    to_open: np.ndarray = cv2.invertAffineTransform(opened.matrix)
    place = compose_affine(to_open, compose_affine(lifted, face.matrix))
    height, width = face.pixels.shape[:2]
    moved = cv2.warpAffine(
        np.asarray(cut),
        place,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return face._replace(inside=face.inside.showing(moved, face.pixels))
