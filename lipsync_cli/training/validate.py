"""How good the generator is on clips it does not train on, with the control rows in the same breath."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.data.batches import Draw, FrameTable, gather
from lipsync_cli.scoring.metrics import psnr, ssim

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
    """Compute PSNR and SSIM of a fixed draw of frames.

    Parameters
    ----------
    region : rows and columns of the mouth in the crop

    Returns
    -------
    means over frames: PSNR (dB) of crop and mouth, SSIM of the crop; the same for a copied reference and for wrong
    audio
    """
    import torch

    values: dict[str, list[np.ndarray]] = {}
    with torch.inference_mode():
        for first in range(0, len(draw.target), _BATCH):
            part = Draw(*(frames[first : first + _BATCH] for frames in draw))
            batch = gather(crops, table, part, device)
            rows = {
                "model": generator(batch.reference, batch.target, batch.mel).image,
                "wrong_audio": generator(batch.reference, batch.target, batch.wrong_mel).image,
                "copy": batch.reference,
            }
            real = _pixels(batch.target)
            for row, image in rows.items():
                drawn = _pixels(image)
                for place, cut in (
                    ("crop", np.s_[:]),
                    ("mouth", np.s_[:, region[0] : region[1], region[2] : region[3]]),
                ):
                    values.setdefault(f"{row}/{place}_psnr", []).append(psnr(drawn[cut], real[cut]))
                values.setdefault(f"{row}/crop_ssim", []).append(ssim(drawn, real))
    means: dict[str, Any] = {name: round(float(np.concatenate(parts).mean()), 4) for name, parts in values.items()}
    means["over_copy_db"] = round(means["model/mouth_psnr"] - means["copy/mouth_psnr"], 4)
    means["over_wrong_audio_db"] = round(means["model/mouth_psnr"] - means["wrong_audio/mouth_psnr"], 4)
    return means


def _pixels(image: Any) -> np.ndarray:
    """Round to what a file would hold: shape (B, 3, S, S) in [0, 1] to (B, S, S, 3) uint8."""
    return (image.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
