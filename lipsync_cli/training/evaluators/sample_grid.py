"""Sample grids: what the generator gives, beside what is real, as one PNG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.runtime.atomic_files import atomic_output

if TYPE_CHECKING:
    from torch import nn

    from lipsync_cli.datasets.batch import Batch

COLUMNS = ("reference", "blanked target", "generated", "real", "mismatched audio")


def write_sample_grid(path: Path, generator: nn.Module, batch: Batch) -> None:
    """Draw a row a sample: reference, the target as the generator gets it, generated, real, and to mismatched audio."""
    import cv2
    import torch

    with torch.inference_mode():
        generated = generator(batch.reference, batch.target, batch.speech).image
        mismatched = generator(batch.reference, batch.target, batch.mismatched_speech).image
    blanked = batch.target.clone()
    blanked[:, :, blanked.shape[2] // 2 :] = 0
    strips = [batch.reference, blanked, generated, batch.target, mismatched]
    rows = torch.cat([strip.clamp(0, 1) for strip in strips], 3).permute(0, 2, 3, 1)
    grid = (rows.flatten(0, 1) * 255).round().byte().cpu().numpy()
    header = np.full((18, grid.shape[1], 3), 255, np.uint8)
    width = grid.shape[1] // len(COLUMNS)
    for column, title in enumerate(COLUMNS):
        cv2.putText(header, title, (column * width + 3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (0, 0, 0), 1, cv2.LINE_AA)
    grid = np.concatenate([header, grid])[:, :, ::-1]
    with atomic_output(path, force=True) as temporary:
        cv2.imwrite(str(temporary), grid)
