"""Whether a viewer can see where the drawn part of the face ends: the gradient across the mask's border."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.faces.mask import lower_face_mask
from lipsync_cli.metrics.metric import FRAME, NEAR, Metric, MetricGroup
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.metrics.clip_view import FrameView

LEVELS = (0.02, 0.25, 0.5)  # weights of the mask: where it begins, and two lines further in
NUM_POINTS = 180  # on one line
REACH = 0.01  # of the crop's side on either side of the line; at least one pixel
_SIZE = 512


def gradient_across(
    frame: np.ndarray, box: np.ndarray, rule: CropRule, levels: tuple[float, ...] = LEVELS
) -> np.ndarray:
    """Return the mean gradient across lines of equal weight of the mask.

    Parameters
    ----------
    frame : shape (H, W, 3), uint8 RGB
    box : x0, y0, x1, y1 of the face, pixels
    rule : crop whose mask it is
    levels : weights of the mask, in (0, 1)

    Returns
    -------
    shape (len(levels),): grey levels per pixel, mean of the magnitude along the line; NaN where it lies outside
    """
    import cv2

    matrix = rule.matrix(box, _SIZE)
    back = np.linalg.inv(matrix[:, :2])
    grey = cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
    reach = max(1.0, REACH * _SIZE / matrix[0, 0])
    means = []
    for level in levels:
        points, normals = _line(rule, level)
        places = (points - matrix[:, 2]) @ back.T
        sides = [(places + sign * reach * normals).astype(np.float32) for sign in (-1, 1)]
        limit = np.array(frame.shape[1::-1]) - 1
        inside = np.all([((side >= 0) & (side <= limit)).all(1) for side in sides], axis=0)
        low, high = (cv2.remap(grey, side[None], None, cv2.INTER_LINEAR)[0].astype(float) for side in sides)  # type: ignore[call-overload]
        rise = np.abs(high - low)[inside] / (2 * reach)
        means.append(rise.mean() if len(rise) else np.nan)
    return np.array(means)


@lru_cache(maxsize=16)
def _line(rule: CropRule, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return places (n, 2) in a crop of _SIZE pixels where the mask has a weight, and its direction there (n, 2)."""
    mask = lower_face_mask(rule, _SIZE)
    rows, columns = np.nonzero(mask > 0)
    middle = np.array([columns.min() + columns.max(), rows.min() + rows.max()]) / 2
    angle = 2 * np.pi * np.arange(NUM_POINTS) / NUM_POINTS
    rays = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    steps = np.arange(0.0, _SIZE, 0.25)
    way = middle + steps[:, None, None] * rays
    column, row = np.clip(np.round(way).astype(int), 0, _SIZE - 1).transpose(2, 0, 1)
    outside = (mask[row, column] < level) | (way < 0).any(2) | (way >= _SIZE).any(2)
    points = middle + steps[outside.argmax(0)][:, None] * rays
    down, right = np.gradient(mask)
    column, row = np.clip(np.round(points - rays).astype(int), 1, _SIZE - 2).T
    normals = np.stack([right[row, column], down[row, column]], axis=1)
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    return points, np.where(lengths > 1e-9, normals / np.maximum(lengths, 1e-9), rays)


def _watch(view: FrameView) -> dict[str, float]:
    if view.real is None:
        raise MetricUnavailableError("no reference")
    drawn, real = (gradient_across(frame, view.box, view.rule).sum() for frame in (view.frame, view.real))
    return {"box_visibility": float(drawn / real) if real > 0 else float("nan")}


FAMILIES = (
    MetricGroup(
        (
            Metric(
                "box_visibility",
                "box visibility",
                "behaviour",
                FRAME,
                NEAR,
                "mean gradient across the border of the mask that lipsync infer draws in, over that of the same lines "
                f"in the reference, which must be the video that was drawn on; lines at {LEVELS[0]:g}, {LEVELS[1]:g} "
                f"and {LEVELS[2]:g} of the mask's weight",
                "own",
                target=1.0,
                digits=3,
            ),
        ),
        watch=_watch,
    ),
)
