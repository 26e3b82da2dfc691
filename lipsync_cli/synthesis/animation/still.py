"""The still that a talking head is drawn from: its face laid on the mean face, and drawn faces put back into it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.errors import NothingToDoError, ToolError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.dlib_models import HINT
from lipsync_cli.faces.landmarks import load_predictor
from lipsync_cli.faces.selection import FaceSelection, find_faces
from lipsync_cli.faces.similarity import find_stable_points, fit_similarity
from lipsync_cli.models.generators.mean_face import HEIGHT, WIDTH

if TYPE_CHECKING:
    from lipsync_cli.synthesis.sources.source_clip import SourceClip

    Notify = Callable[[str], None]

SOFT = 0.14  # of an aligned face's width: over so much of its border the still shows again


@dataclass(frozen=True)
class Still:
    """A picture and where its face is.

    Attributes
    ----------
    picture : shape (H, W, 3), uint8 RGB
    box : shape (4,), x0, y0, x1, y1 of the face, pixels
    placing : shape (2, 3), from places in the aligned face to places in the picture, pixels
    face : shape (128, 96, 3), uint8 RGB, the aligned face
    """

    picture: np.ndarray
    box: np.ndarray
    placing: np.ndarray
    face: np.ndarray


def read_still(
    source: SourceClip,
    choice: FaceSelection,
    template: np.ndarray,
    notify: Notify,
    *,
    find: Callable[..., Any] = find_faces,
    load: Callable[[], Any] = load_predictor,
) -> Still:
    """Read a photo, or the first frame of a video, and find its face.

    Parameters
    ----------
    choice : whose face
    template : shape (5, 2), the mean face of the weights
    find, load : find faces, as `find_faces`, and load the predictor of landmarks, None if it is not installed

    Raises
    ------
    NothingToDoError : it shows no face, or not the chosen one, or one that is too small
    ToolError : dlib's landmarks are not installed
    """
    predictor = load()
    if predictor is None:
        raise ToolError("stills are aligned by dlib's landmarks, which are not installed", hint=HINT)
    what = "photo" if source.is_photo else "first frame"
    with source.open(1) as video:
        pixels = np.asarray(next(iter(video.scan())))
    box = find([pixels], CropRule(), [choice], None, notify, source.path)[0].boxes[0]
    if np.isnan(box).any():
        raise NothingToDoError(f"no face in the {what}", source.path, "give a face that looks at the camera")
    points = find_stable_points(predictor, pixels, box)
    placing = fit_similarity(template, points)
    return Still(pixels, box, placing, align(pixels, placing))


def align(picture: np.ndarray, placing: np.ndarray) -> np.ndarray:
    """Cut the aligned face out of a picture, averaged over what each of its pixels covers.

    Parameters
    ----------
    picture : shape (H, W, 3), uint8
    placing : see `Still`; what lies outside of the picture repeats its border

    Returns
    -------
    shape (128, 96, 3), uint8
    """
    import cv2

    fine = max(1, math.ceil(float(np.hypot(*placing[:, 0])) - 1e-6))
    matrix = placing.copy()
    matrix[:, 2] += placing[:, :2] @ [0.5 / fine, 0.5 / fine] - 0.5
    matrix[:, :2] /= fine
    large = cv2.warpAffine(
        picture,
        matrix,
        (WIDTH * fine, HEIGHT * fine),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return large if fine == 1 else cv2.resize(large, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


class Placer:
    """Puts drawn faces back into the still, with a soft border.

    Parameters
    ----------
    still : of which all frames are made
    """

    def __init__(self, still: Still) -> None:
        height, width = still.picture.shape[:2]
        corners = np.array([[0, 0], [WIDTH, 0], [0, HEIGHT], [WIDTH, HEIGHT]]) @ still.placing[:, :2].T
        corners = corners + still.placing[:, 2]
        start = np.clip(np.floor(corners.min(0)), 0, (width - 1, height - 1)).astype(int)
        stop = np.clip(np.ceil(corners.max(0)), start + 1, (width, height)).astype(int)
        self._part = slice(start[1], stop[1]), slice(start[0], stop[0])
        matrix = still.placing.copy()
        matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5 - start
        self._matrix, self._size = matrix, (int(stop[0] - start[0]), int(stop[1] - start[1]))
        self._picture = still.picture
        mask = self._warp(soft_mask()[..., None])
        self._mask = mask.reshape(*mask.shape[:2], 1)

    def __call__(self, face: np.ndarray) -> np.ndarray:
        """Return the still with a drawn face (128, 96, 3) uint8 in it: shape (H, W, 3), uint8."""
        frame = self._picture.copy()
        part = frame[self._part].astype(np.float32)
        part += self._mask * (self._warp(face.astype(np.float32)) - part)
        frame[self._part] = part.round().clip(0, 255).astype(np.uint8)
        return frame

    def _warp(self, image: np.ndarray) -> np.ndarray:
        import cv2

        return cv2.warpAffine(image, self._matrix, self._size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def soft_mask() -> np.ndarray:
    """Make the opacity of an aligned face, (128, 96) float32: 1 inside, 0 at the border, smooth between."""
    x, y = np.arange(WIDTH) + 0.5, np.arange(HEIGHT) + 0.5
    reach = SOFT * WIDTH
    edges = [np.minimum(line, size - line) / reach for line, size in ((x, WIDTH), (y, HEIGHT))]
    across, down = (np.clip(edge, 0, 1) for edge in edges)
    across, down = (edge * edge * (3 - 2 * edge) for edge in (across, down))
    return (down[:, None] * across[None]).astype(np.float32)
