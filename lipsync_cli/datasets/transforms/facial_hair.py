"""Beards, moustaches, shadows that a face does not have: drawn on the reference, carried along to its targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from lipsync_cli.datasets.transforms.face import uniform

if TYPE_CHECKING:
    from torch import Generator, Tensor

SHARE = 0.4  # of the references get a texture
MIDDLE = 0.495, 0.635  # of a mouth in its crop, x and y in sides of it; see `CropRule.mouth_region`
LIPS = (0.10, 0.16), (0.03, 0.06)  # half axes of what stays free of hair, least and most, in sides of the crop
HAIR = (0.16, 0.34), (0.09, 0.28)  # half axes of what hair may cover
PATCHY = 8  # cells of the noise that decides where hair grows
CURL = 0.04  # standard deviation of a hair's brightness


def draw_textures(count: int, size: int, generator: Generator) -> Tensor:
    """Draw textures: shape (count, 4, size, size), colour and opacity in [0, 1]; most of them have none.

    Three quarters of them surround the mouth and leave the lips free, as hair does; the others are fainter and
    anywhere, as paint and shadow are.
    """
    line = (torch.arange(size) + 0.5) / size
    x, y = line[None, None, :] - MIDDLE[0], line[None, :, None] - MIDDLE[1]

    def ellipse(axes: tuple[tuple[float, float], tuple[float, float]], soft: float) -> Tensor:
        wide, high = (uniform((count, 1, 1), *axis, generator) for axis in axes)
        return torch.sigmoid((1 - (x / wide) ** 2 - (y / high) ** 2) / soft)

    hair = ellipse(HAIR, 0.15) * (1 - ellipse(LIPS, 0.3))
    cells = torch.randn(count, 1, PATCHY, PATCHY, generator=generator)
    noise = functional.interpolate(cells, (size, size), mode="bicubic", align_corners=True)[:, 0]
    grown = torch.sigmoid((noise - uniform((count, 1, 1), -1.0, 1.0, generator)) / 0.2)
    beard = hair * torch.maximum(grown, uniform((count, 1, 1), -1.0, 1.0, generator))
    opacity = torch.where(torch.rand(count, 1, 1, generator=generator) < 0.75, beard, 0.5 * grown)
    present = torch.rand(count, 1, 1, generator=generator) < SHARE
    opacity = opacity * uniform((count, 1, 1), 0.2, 0.9, generator) * present
    tint = uniform((count, 1, 1, 1), 0.0, 1.0, generator) ** 2 + 0.1 * torch.randn(count, 3, 1, 1, generator=generator)
    curls = CURL * torch.randn(count, 1, size, size, generator=generator)
    return torch.cat([(tint + curls).clamp(0, 1), opacity[:, None]], 1)


def paint(images: Tensor, textures: Tensor) -> Tensor:
    """Draw textures (B, 4, S, S) over images (B, 3, S, S)."""
    return torch.lerp(images, textures[:, :3], textures[:, 3:])


def carry(textures: Tensor, reference: Tensor, target: Tensor) -> Tensor:
    """Move textures as the skin has moved between references and their targets.

    Dense optical flow (Kroeger et al. 2016, "Fast optical flow using dense inverse search") says where each point of
    a target was in the reference. It runs on the CPU, 1.5 ms a face of 96 pixels, for textured faces only.

    Parameters
    ----------
    textures : shape (R, 4, S, S)
    reference : shape (R, 3, S, S)
    target : shape (B, 3, S, S), B / R of each reference in a row

    Returns
    -------
    shape (B, 4, S, S)
    """
    import cv2

    finder = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)  # type: ignore[attr-defined]
    each, size = len(target) // len(reference), target.shape[-1]
    greys = [(255 * part.mean(1)).byte().cpu().numpy() for part in (reference, target)]
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    carried = textures.repeat_interleave(each, 0)
    for index in torch.nonzero(carried[:, 3].flatten(1).any(1)).flatten().tolist():
        flow = finder.calc(greys[1][index], greys[0][index // each], None)
        texture = textures[index // each].permute(1, 2, 0).cpu().numpy()
        moved = cv2.remap(
            texture, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        carried[index] = torch.from_numpy(moved).permute(2, 0, 1).to(carried.device)
    return carried
