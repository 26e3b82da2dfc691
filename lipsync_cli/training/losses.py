"""The loss terms of the recipes, each a pure function of tensors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from lipsync_cli.scoring.metrics import SSIM_SIGMA, SSIM_WINDOW


def mouth_weights(size: int, region: tuple[int, int, int, int], weight: float) -> Tensor:
    """Make the weights of the weighted L1: `weight` on the mouth, 1 elsewhere, 0 on the upper half, which is given.

    Parameters
    ----------
    size : side of the crop in pixels
    region : first row, last row + 1, first column, last column + 1 of the mouth

    Returns
    -------
    shape (1, 1, size, size), mean 1
    """
    weights = torch.zeros(1, 1, size, size)
    weights[:, :, size // 2 :] = 1.0
    row0, row1, column0, column1 = region
    weights[:, :, max(row0, size // 2) : row1, column0:column1] = weight
    return weights / weights.mean()


def weighted_l1(image: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean absolute error; LipGAN's reconstruction loss, with weights the class report's weighted L1.

    Parameters
    ----------
    image, target : shape (B, 3, S, S)
    weights : broadcastable to them, mean 1
    """
    error = (image - target).abs()
    return error.mean() if weights is None else (error * weights).mean()


def dissimilarity(image: Tensor, target: Tensor) -> Tensor:
    """One minus the structural similarity: what the score's SSIM measures, as a loss (Zhao et al. 2016).

    Parameters
    ----------
    image, target : shape (B, C, H, W) in [0, 1], H and W at least 11

    Returns
    -------
    mean over images, channels and the pixels whose 11 x 11 window lies within the image; 0 for equal images
    """
    places = torch.arange(SSIM_WINDOW, device=image.device, dtype=torch.float32) - SSIM_WINDOW // 2
    window = torch.exp(-0.5 * (places / SSIM_SIGMA) ** 2)
    window = window / window.sum()

    def smooth(x: Tensor) -> Tensor:
        planes = x.flatten(0, 1)[:, None]
        rows = functional.conv2d(planes, window[None, None, :, None])
        return functional.conv2d(rows, window[None, None, None, :])

    with torch.autocast(image.device.type, enabled=False):
        image, target = image.float(), target.float()
        mean_x, mean_y = smooth(image), smooth(target)
        energy, cross = smooth(image.square() + target.square()), smooth(image * target)
        means = mean_x.square() + mean_y.square()
        structure = (2 * (cross - mean_x * mean_y) + 0.03**2) / (energy - means + 0.03**2)
        light = (2 * mean_x * mean_y + 0.01**2) / (means + 0.01**2)
        return 1 - (light * structure).mean()


def contrastive(distance: Tensor, label: float, margin: float = 2.0) -> Tensor:
    """Pull matching pairs together (label 0), push others at least `margin` apart (label 1).

    Parameters
    ----------
    distance : shape (B,), between two unit vectors, so in [0, 2]
    label : 0 = real face with its own speech, 1 = generated face or foreign speech

    Notes
    -----
    Hadsell et al. 2006 without the factor 1/2, as in LipGAN's code (KR et al. 2019; margin 1 there, 2 in the thesis).
    Undecided (distance 1 for everything) scores 1 with margin 2.
    """
    pull = distance.square()
    push = (margin - distance).clamp(min=0).square()
    return ((1 - label) * pull + label * push).mean()
