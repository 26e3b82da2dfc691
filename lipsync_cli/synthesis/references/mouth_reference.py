"""What is behind the lips of a rest frame: found in a frame whose mouth is open, or drawn; and lips that are closed.

A generator that moves the pixels of one frame needs one in which the lips meet, and has none for what they hide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from lipsync_cli.faces.mesh.face_mesh import LOWER_OUTER, UPPER_OUTER, load_face_mesh
from lipsync_cli.faces.mesh.lips import find_axes, mouth_gap, symmetry
from lipsync_cli.faces.mesh.mouth_aperture import cut_aperture, lip_colour, shows_inside
from lipsync_cli.faces.mesh.mouth_closing import DARK, STRAIGHT, WIDEST, ClosedMouth, close_mouth
from lipsync_cli.media.video.yuv_frame import replace_pixels
from lipsync_cli.synthesis.compositing.compositor import ReferenceFace, reference_face, with_inside
from lipsync_cli.synthesis.compositing.mouth_textures import MouthTextures
from lipsync_cli.synthesis.references.reference_selection import bring_open, spread
from lipsync_cli.synthesis.sources.still_source import StillSource

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.synthesis.references.reference_selection import ReferenceFrames
    from lipsync_cli.synthesis.sources.frame_source import ScannedSource


MOST_MOUTHS = 12  # frames whose mouths are looked at
PARTED = 0.08  # gap over the mouth's width: what is less may be lips that the mesh takes for parted
ALIKE = 0.03  # the same: of openings that are closer the one of most contrast is kept
MARGIN = 4  # pixels around the lips
TEXTURE_WIDTH, TEXTURE_HEIGHT = (48, 320), 12  # pixels: of a texture, at least and at most; at least


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
    faces: list[ReferenceFace | None] = []
    for each, mouth in zip(boxes, mouths, strict=True):
        face = None
        if mouth is not None:
            face = with_inside(reference_face(picture, each[0], rule), mouth.lips, mouth.inside, each[0], rule)
            face = _with_textures(face, collect_textures(photo, each, [0]))
        faces.append(face)
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


def rest_faces(
    video: ScannedSource, boxes: np.ndarray, rule: CropRule, chosen: Sequence[ReferenceFrames]
) -> list[ReferenceFace]:
    """Return the rest frames of a video with what is behind their lips.

    Parameters
    ----------
    boxes : shape (N, 4), of the face in the video's frames
    chosen : the rest frames, and those whose mouths are open
    """
    numbers = np.array(sorted({number for each in chosen for number in each.mouths}), int)
    textures = collect_textures(video, boxes, spread(numbers, MOST_MOUTHS).tolist())
    faces = []
    for each in chosen:
        face = rest_face(video.frame(each.rest), boxes[each.rest], rule)
        face = face._replace(opened=bring_open(video, boxes, rule, each, face))
        faces.append(_with_textures(face, textures))
    return faces


def _with_textures(face: ReferenceFace, textures: MouthTextures | None) -> ReferenceFace:
    return face if face.inside is None else face._replace(inside=face.inside._replace(textures=textures))


def collect_textures(video: ScannedSource, boxes: np.ndarray, numbers: Sequence[int]) -> MouthTextures | None:
    """Return what is between the lips of one person's open mouths; None where none is.

    Parameters
    ----------
    boxes : shape (N, 4), of the face in the video's frames
    numbers : of frames that may show an open mouth
    """
    seen: list[list[_Mouth]] = []
    for mouth in sorted(filter(None, (_look(video.frame(n), boxes[n]) for n in numbers)), key=lambda mouth: mouth.gap):
        if seen and mouth.gap < seen[-1][0].gap + ALIKE:
            seen[-1].append(mouth)
        else:
            seen.append([mouth])
    if not seen:
        return None
    mouths = [max(alike, key=lambda mouth: mouth.contrast) for alike in seen]
    width = int(np.clip(max(find_axes(mouth.points).width for mouth in mouths), *TEXTURE_WIDTH))
    height = max(round(mouths[-1].gap * width), TEXTURE_HEIGHT)
    cuts = [cut_aperture(mouth.picture, mouth.points, height, width) for mouth in mouths]
    dark = DARK * lip_colour(mouths[-1].picture, mouths[-1].points)
    return MouthTextures(np.array([mouth.gap for mouth in mouths]), np.stack(cuts), dark)


class _Mouth(NamedTuple):
    """An open mouth: a picture of it, the mesh in its pixels, how far it is open in its widths, and contrast within."""

    picture: np.ndarray
    points: np.ndarray
    gap: float
    contrast: float


def _look(frame: Frame, box: np.ndarray) -> _Mouth | None:
    """Return the mouth of the face in a box, None where its inside is not seen."""
    picture = np.asarray(frame)
    points = load_face_mesh().find(picture, box, looks=2)
    if points is None or not PARTED <= mouth_gap(points) <= WIDEST or symmetry(points) < STRAIGHT:
        return None
    if not shows_inside(picture, points):
        return None
    lips = points[[*UPPER_OUTER, *LOWER_OUTER]]
    x0, y0 = np.maximum(lips.min(0) - MARGIN, 0).astype(int)
    x1, y1 = lips.max(0).astype(int) + MARGIN
    picture, points = picture[y0:y1, x0:x1].copy(), points - (x0, y0)  # else a dozen whole frames would be kept
    return _Mouth(picture, points, mouth_gap(points), float(cut_aperture(picture, points, 12, 48).mean(2).std()))
