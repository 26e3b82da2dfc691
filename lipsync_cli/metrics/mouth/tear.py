"""Torn and doubled lips: edges of the mouth that the source has in none of its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.metrics.metric import FRAME, LOWER, Metric, MetricGroup
from lipsync_cli.metrics.mouth.movement import eye_distance

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView

SPREAD = 16  # frames of the source, evenly over the clip, in which an edge is looked for
NEIGHBOURS = 2  # and so many before and after the frame itself
WIDTH, HEIGHT = 64, 52  # pixels of the mouth's picture
FACES = 1.5  # widths of the face's upright measure that the picture is wide
WINDOW, REACH = 7, 3  # pixels of the picture: side of what is compared, and how far it may have moved
FLAT = 2.0  # of Lab: windows with less contrast have no edge

_MOUTH = slice(14, 42), slice(11, 53)  # rows and columns whose windows count
_NOSE = 33
_CORNERS = 48, 54
_UPRIGHT = 1.3  # of the way from the eyes to the nose: a turned head hides the distance of the eyes, not this
_NOISE = 0.5  # of Lab: least contrast that is reckoned with; flat skin fits nothing
_REDNESS = 2.0  # weight of Lab's a* beside L*: lips differ from skin more in colour than in brightness


def mouth_pictures(crops: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Cut mouths out upright and in one size, as brightness and redness.

    Parameters
    ----------
    crops : shape (n, S, S, 3), uint8 RGB
    landmarks : shape (n, 68, 2), pixels of the crops; those of the source for both it and the video

    Returns
    -------
    shape (n, HEIGHT, WIDTH, 2), float32: L* and twice a* of CIE Lab
    """
    import cv2

    left, right = landmarks[:, 36:42].mean(1), landmarks[:, 42:48].mean(1)
    angles = np.arctan2(*(right - left)[:, ::-1].T)
    down = np.linalg.norm(landmarks[:, _NOSE] - (left + right) / 2, axis=1)
    scales = WIDTH / (FACES * np.maximum(eye_distance(landmarks), _UPRIGHT * down))
    pictures = np.empty((len(crops), HEIGHT, WIDTH, 2), np.float32)
    for place, (crop, points, angle, scale) in enumerate(zip(crops, landmarks, angles, scales, strict=True)):
        turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        shift = (WIDTH / 2, 0.45 * HEIGHT) - turn @ points[list(_CORNERS)].mean(0)
        matrix = np.column_stack([turn, shift])
        image = np.ascontiguousarray(crop)
        flags = cv2.INTER_CUBIC if scale >= 1 else cv2.INTER_AREA
        image = cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        pictures[place] = cv2.GaussianBlur(lab[..., :2] * (1, _REDNESS), (0, 0), 0.6)
    return pictures


def novelty(picture: np.ndarray, sources: np.ndarray) -> float:
    """Return how much of a mouth's edges is in none of some other mouths.

    Every window of `WINDOW` pixels is laid on the sources, moved by up to `REACH` pixels, and the best normalised
    correlation is kept; what it lacks of 1 is averaged, windows weighted by their contrast. Lips that open wider or
    less far than in the frame at hand are in another frame; a second lip line, or one that shines through, is in none.

    Parameters
    ----------
    picture : shape (HEIGHT, WIDTH, 2), of `mouth_pictures`
    sources : shape (n, HEIGHT, WIDTH, 2), the same of real frames

    Returns
    -------
    0 to 1: 0: every edge is in the source; NaN for a picture without edges

    Source
    ------
    The coherence of Simakov, Caspi, Shechtman and Irani 2008, "Summarizing visual data using bidirectional
    similarity", on normalised windows
    """
    rows, columns = (slice(part.start - WINDOW // 2, part.stop + WINDOW // 2) for part in _MOUTH)
    together = np.ascontiguousarray(np.moveaxis(sources, 0, -1))  # so that one filter serves all of them
    means, contrasts = _moments(together)
    mean, contrast = (part[rows, columns] for part in _moments(picture[..., None]))
    part, best = picture[rows, columns, :, None], np.full(contrast.shape[:2], -1.0, np.float32)
    for down in range(-REACH, REACH + 1):
        for right in range(-REACH, REACH + 1):
            place = slice(rows.start + down, rows.stop + down), slice(columns.start + right, columns.stop + right)
            both = _average((part * together[place]).sum(2)) - (mean * means[place]).sum(2)
            np.maximum(best, (both / (contrast * contrasts[place])).max(2), out=best)
    inner = slice(WINDOW // 2, -(WINDOW // 2))
    best, contrast = np.minimum(best[inner, inner], 1), contrast[inner, inner, 0]
    weights = np.where(contrast > FLAT, contrast, 0)
    return float((weights * (1 - best)).sum() / weights.sum()) if weights.any() else float("nan")


def tear(crops: np.ndarray, real: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """Return how torn the mouth of each frame is beside the source.

    Parameters
    ----------
    crops, real : shape (n, S, S, 3), uint8 RGB: the video's and the source's
    landmarks : shape (n, 68, 2), pixels, of the source

    Returns
    -------
    shape (n,), `novelty` of each frame against itself in the source, its neighbours, and frames all over the clip
    """
    mouths, sources = mouth_pictures(crops, landmarks), mouth_pictures(real, landmarks)
    count = len(mouths)
    everywhere = np.unique(np.linspace(0, count - 1, min(count, SPREAD)).round().astype(int))
    figures = np.empty(count)
    for place, mouth in enumerate(mouths):
        near = np.arange(max(0, place - NEIGHBOURS), min(count, place + NEIGHBOURS + 1))
        figures[place] = novelty(mouth, sources[np.union1d(everywhere, near)])
    return figures


def _average(values: np.ndarray) -> np.ndarray:
    """Return the mean over each window of pictures, shape (H, W, n) as they are."""
    import cv2

    averaged = cv2.boxFilter(values, -1, (WINDOW, WINDOW), borderType=cv2.BORDER_REFLECT)
    return averaged.reshape(values.shape)  # OpenCV drops a last axis of 1


def _moments(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each window's mean of pictures, (H, W, 2, n) as they are, and its contrast in both, (H, W, n), floored."""
    mean = _average(pictures.reshape(*pictures.shape[:2], -1)).reshape(pictures.shape)
    variance = _average(np.square(pictures).sum(2)) - np.square(mean).sum(2)
    return mean, np.sqrt(np.maximum(variance, _NOISE**2))


def _measure(evidence: ClipView) -> dict[str, np.ndarray]:
    return {"tear": 100 * tear(evidence.crops, evidence.real, evidence.truth.landmarks)}


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "tear",
                "tear",
                "behaviour",
                FRAME,
                LOWER,
                "share of the mouth's edges that no frame of the reference has, which must be the video that was "
                f"drawn on: 1 - best normalised correlation of windows of {WINDOW} pixels, weighted by contrast",
                "own; coherence of Simakov et al. 2008",
                unit="%",
                digits=2,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        is_standard=False,
    ),
)
