"""How good the generator is on clips it does not train on, with the control rows in the same breath."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.data.batches import Draw, FrameTable, gather
from lipsync_cli.scoring.metrics import measure
from lipsync_cli.scoring.protocol import generate_rows
from lipsync_cli.scoring.scores import TRUTH

if TYPE_CHECKING:
    from torch import nn

    from lipsync_cli.data.reader import Pack

_BATCH = 32


def validate(
    generator: nn.Module,
    crops: np.ndarray | Pack,
    table: FrameTable,
    draw: Draw,
    region: tuple[int, int, int, int],
    device: str,
) -> dict[str, float]:
    """Compute PSNR and SSIM of a fixed draw of frames, by the rows of `lipsync score`.

    Parameters
    ----------
    region : rows and columns of the mouth in the crop

    Returns
    -------
    means over frames, named row/metric: PSNR (dB) and SSIM of crop and mouth of the model, of a copied reference and of
    wrong audio, and the differences of the mouth's PSNR
    """
    parts: dict[str, list[np.ndarray]] = {}
    for first in range(0, len(draw.target), _BATCH):
        part = Draw(*(frames[first : first + _BATCH] for frames in draw))
        rows = generate_rows(generator, gather(crops, table, part, device))
        truth = rows.pop(TRUTH)
        for row, pixels in rows.items():
            for metric, values in measure(pixels, truth, region).items():
                parts.setdefault(f"{row}/{metric}", []).append(values)
    means = {name: round(float(np.concatenate(values).mean()), 4) for name, values in parts.items()}
    means["over_copy_db"] = round(means["model/mouth_psnr"] - means["copy/mouth_psnr"], 4)
    means["over_wrong_audio_db"] = round(means["model/mouth_psnr"] - means["wrong_audio/mouth_psnr"], 4)
    return means
