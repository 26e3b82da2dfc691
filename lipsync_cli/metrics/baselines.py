"""The rows of a score: the model, and the baselines that say what its figures are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.datasets.batch import Batch


MODEL, COPY, MISMATCHED, TRUTH = "model", "copy", "wrong_audio", "ground_truth"
OUTPUT, FROZEN, OTHER_SOUND = "output", "frozen", "other_sound"
ROWS = (MODEL, OUTPUT, COPY, MISMATCHED, FROZEN, OTHER_SOUND, TRUTH)  # in the order of reports


def generate_rows(generator: nn.Module, batch: Batch) -> dict[str, np.ndarray]:
    """Make the crops of every row: name -> shape (B, S, S, 3), uint8 RGB."""
    import torch

    with torch.inference_mode():
        right = generator(batch.reference, batch.target, batch.speech).image
        mismatched = generator(batch.reference, batch.target, batch.mismatched_speech).image
    rows = {MODEL: right, COPY: batch.reference, MISMATCHED: mismatched, TRUTH: batch.target}
    return {row: to_pixels(images) for row, images in rows.items()}


def to_pixels(images: Tensor) -> np.ndarray:
    """Round images to what a file would hold: shape (B, 3, S, S) in [0, 1] to (B, S, S, 3) uint8."""
    return (images * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()
