"""How good the generator is on clips it does not train on, with the baselines beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.datasets.batch import Draw
from lipsync_cli.datasets.frame_table import FrameTable, gather
from lipsync_cli.metrics.baselines import MODEL, TRUTH, generate_rows, to_pixels
from lipsync_cli.metrics.image.reconstruction import measure, psnr, ssim

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.datasets.frame_table import Crops

_BATCH = 32
_NUM_FACES, _NUM_SOUNDS = 16, 4  # of the test whether outputs differ


def validate(
    generator: nn.Module,
    crops: Crops,
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
    mismatched audio, and the differences of the mouth's PSNR; "model/movement": by how much generated mouths differ
    within a clip, over how much real ones do; and the variations of `measure_variation`
    """
    parts: dict[str, list[np.ndarray]] = {}
    mouths: dict[str, list[np.ndarray]] = {}
    for first in range(0, len(draw.target), _BATCH):
        part = Draw(*(frames[first : first + _BATCH] for frames in draw))
        rows = generate_rows(generator, gather(crops, table, part, device))
        truth = rows.pop(TRUTH)
        for row, pixels in ((MODEL, rows[MODEL]), (TRUTH, truth)):
            mouths.setdefault(row, []).append(_blocks(pixels, region))
        for row, pixels in rows.items():
            for metric, values in measure(pixels, truth, region).items():
                parts.setdefault(f"{row}/{metric}", []).append(values)
    means = {name: round(float(np.concatenate(values).mean()), 4) for name, values in parts.items()}
    means["over_copy_db"] = round(means["model/mouth_psnr"] - means["copy/mouth_psnr"], 4)
    means["over_wrong_audio_db"] = round(means["model/mouth_psnr"] - means["wrong_audio/mouth_psnr"], 4)
    clip = table.clip_of[draw.target]
    moves = {row: _movement(np.concatenate(blocks), clip) for row, blocks in mouths.items()}
    means["model/movement"] = round(moves[MODEL] / max(moves[TRUTH], 1e-9), 4)
    pick = np.linspace(0, len(draw.target) - 1, min(_NUM_FACES, len(draw.target))).astype(int)
    batch = gather(crops, table, Draw(*(frames[pick] for frames in draw)), device)
    return means | measure_variation(generator, batch, region)


def measure_batch(generated: Tensor, real: Tensor) -> dict[str, Tensor]:
    """Compute PSNR (dB) and SSIM of the crops of a training batch, as the thesis logs them.

    Parameters
    ----------
    generated, real : shape (B, 3, S, S), RGB in [0, 1]

    Returns
    -------
    means over the batch, 0-d: "training_batch/crop_psnr" and "training_batch/crop_ssim"
    """
    import torch

    images, truth = to_pixels(generated.float()), to_pixels(real.float())
    figures = {"crop_psnr": psnr(images, truth), "crop_ssim": ssim(images, truth)}
    found = {name: torch.tensor(values.mean(), dtype=torch.float32) for name, values in figures.items()}
    return {f"training_batch/{name}": value.to(generated.device) for name, value in found.items()}


def _blocks(pixels: np.ndarray, region: tuple[int, int, int, int]) -> np.ndarray:
    """Average the mouth over blocks of 4 x 4 pixels, so that noise is not movement: shape (n, h, w, 3)."""
    row0, row1, column0, column1 = region
    mouth = pixels[:, row0:row1, column0:column1].astype(np.float32)
    height, width = mouth.shape[1] // 4 * 4, mouth.shape[2] // 4 * 4
    return mouth[:, :height, :width].reshape(len(mouth), height // 4, 4, width // 4, 4, 3).mean((2, 4))


def movement(pixels: np.ndarray, region: tuple[int, int, int, int], clip: np.ndarray) -> float:
    """Tell how much a region moves: its standard deviation over the frames of a clip, in levels of 255.

    Parameters
    ----------
    pixels : shape (n, S, S, 3), uint8 RGB
    region : first row, last row + 1, first column, last column + 1
    clip : shape (n,), which clip each frame belongs to
    """
    return _movement(_blocks(pixels, region), clip)


def _movement(blocks: np.ndarray, clip: np.ndarray) -> float:
    """Average over clips and blocks the standard deviation over the frames of a clip."""
    return float(np.mean([blocks[clip == one].std(0) for one in np.unique(clip)]))


def measure_variation(generator: nn.Module, batch: Batch, region: tuple[int, int, int, int]) -> dict[str, float]:
    """Compute by how much generated mouths differ: one that ignores what it is given draws the same again and again.

    Parameters
    ----------
    batch : one reference a sample
    region : rows and columns of the mouth in the crop

    Returns
    -------
    standard deviations in levels of 255, averaged over the mouth's pixels: "model/audio_variation" over several sounds
    with the same face, "model/mouth_variation" over samples, "truth/mouth_variation" of the real ones
    """
    import torch

    row0, row1, column0, column1 = region

    def mouths(images: torch.Tensor) -> torch.Tensor:
        return 255 * images[:, :, row0:row1, column0:column1].float()

    sounds = torch.cat([batch.speech, batch.mismatched_speech])
    with torch.inference_mode():
        generated = torch.stack(
            [
                mouths(generator(batch.reference, batch.target, sounds.roll(-shift, 0)[: len(batch.speech)]).image)
                for shift in np.linspace(0, len(batch.speech), _NUM_SOUNDS).astype(int)
            ]
        )
    values = {
        "model/audio_variation": generated.std(0, correction=0),
        "model/mouth_variation": generated[0].std(0, correction=0),
        "truth/mouth_variation": mouths(batch.target).std(0, correction=0),
    }
    return {name: round(float(value.mean()), 4) for name, value in values.items()}
