"""Mouths for the eye: of each film some moments, enlarged, under those of the real film of the same words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from lipsync_cli.media.video.decode import read_frames

MOMENTS, SIDE = 10, 96  # pictures of a film, pixels of each
REACH = 0.45  # of the distance of the eyes' outer corners: half the side of what is shown
LABEL = 14  # pixels


def cut_mouths(film: Path, points: np.ndarray, moments: Sequence[float], middles: np.ndarray) -> np.ndarray:
    """Cut the mouth out of the frames shown at some moments: shape (SIDE, len(moments) * SIDE, 3), uint8 RGB.

    Parameters
    ----------
    points : shape (n, 68, 2), landmarks; where there are none the place stays grey
    moments : s
    middles : shape (n,), s, of the frames
    """
    wanted = [int(np.abs(middles[: len(points)] - moment).argmin()) for moment in moments]
    strip = np.full((SIDE, len(wanted) * SIDE, 3), 128, np.uint8)
    for number, frame in enumerate(read_frames(film)):
        if number > max(wanted):
            break
        for place in (place for place, index in enumerate(wanted) if index == number):
            face = points[number]
            if np.isnan(face[[36, 45, 48, 54]]).any():
                continue
            centre, half = face[48:60].mean(0), REACH * np.linalg.norm(face[36] - face[45])
            scale = SIDE / (2 * half)
            matrix = np.array([[scale, 0, SIDE / 2 - scale * centre[0]], [0, scale, SIDE / 2 - scale * centre[1]]])
            mouth = cv2.warpAffine(np.asarray(frame), matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC)
            strip[:, place * SIDE : (place + 1) * SIDE] = mouth
    return strip


def write_strip(path: Path, real: np.ndarray, drawn: np.ndarray) -> None:
    """Keep the strips of one film, the real mouth above the drawn one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.concatenate([real, drawn])[:, :, ::-1])


def write_sheet(path: Path, strips: Sequence[tuple[str, Path]]) -> None:
    """Put strips below each other, each under its label."""
    parts = []
    for label, strip in strips:
        picture = cv2.imread(str(strip))
        if picture is None:
            continue
        head = np.full((LABEL, picture.shape[1], 3), 255, np.uint8)
        cv2.putText(head, label, (2, LABEL - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
        parts += [head, picture]
    if parts:
        cv2.imwrite(str(path), np.concatenate(parts))
