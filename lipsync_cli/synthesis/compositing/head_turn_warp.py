"""What was generated for the reference's pose, as it lies in the crop of a head that is turned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput

if TYPE_CHECKING:
    from lipsync_cli.faces.occlusion import OcclusionMask


def turn_output(generated: GeneratorOutput, turn: np.ndarray, depth: np.ndarray) -> GeneratorOutput:
    """Return a generator's output for one crop as the depth of the face moves it when the head is turned.

    A place p of the turned crop shows what the output has at p + turn * depth(p), and its flow points from p.

    Parameters
    ----------
    generated : of one crop
    turn : shape (2,), of a `Pose`
    depth : shape (S, S), from `faces.depth.depth_map`
    """
    if generated.flow is None or generated.mask is None or generated.patch is None:
        image = generated.image
        return generated if image is None else GeneratorOutput(_sample(image, np.float32(turn) * depth[:, :, None]))
    rows, size = generated.flow.shape[:2]
    shift = np.float32(turn) * depth[-rows:, :, None]
    moved = _sample(np.dstack([generated.flow, generated.mask, generated.patch]), shift)
    moved[:, :, :2] += shift / np.float32(size)
    return generated._replace(flow=moved[:, :, :2], mask=moved[:, :, 2], patch=moved[:, :, 3:])


def turn_occlusion(covered: OcclusionMask, turn: np.ndarray, depth: np.ndarray) -> OcclusionMask:
    """Return what lies over a face, found in the reference's pose, as it lies in the crop of a turned head."""
    import cv2

    rows, columns = covered.opacity.shape
    factor = columns / len(depth)
    small = cv2.resize(depth[-round(rows / factor) :], (columns, rows), interpolation=cv2.INTER_AREA)
    return covered._replace(opacity=_sample(covered.opacity, np.float32(turn * factor) * small[:, :, None]))


def _sample(field: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return the values (h, w) or (h, w, C) that lie `shift` (h, w, 2), x and y, away."""
    import cv2

    height, width = shift.shape[:2]
    x = shift[:, :, 0] + np.arange(width, dtype=np.float32)
    y = shift[:, :, 1] + np.arange(height, dtype=np.float32)[:, None]
    return cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
