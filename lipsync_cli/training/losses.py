"""The loss terms of the recipes, each a pure function of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from lipsync_cli.scoring.metrics import SSIM_SIGMA, SSIM_WINDOW

if TYPE_CHECKING:
    from lipsync_cli.models.expert import SyncExpert


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


def choose_among(cosine: Tensor, partner: Tensor, ignored: Tensor, log_temperature: Tensor) -> Tensor:
    """Find the right sound of each face among all sounds, and the right face of each sound: InfoNCE.

    Van den Oord et al. 2018, in the symmetric form of Radford et al. 2021 with a learned temperature; Chung et al.
    2019 ("Perfect match") use it for lip sync.

    Parameters
    ----------
    cosine : shape (B, B), of face i with sound j
    partner : shape (B,), for each face the number of its sound; the identity for sounds too
    ignored : shape (B, B), bool: neither right nor wrong
    log_temperature : logarithm of what the cosines are multiplied with
    """
    logits = (cosine * log_temperature.exp()).masked_fill(ignored, -torch.inf)
    return (functional.cross_entropy(logits, partner) + functional.cross_entropy(logits.T, partner)) / 2


def out_of_sync(expert: SyncExpert, faces: Tensor, mel: Tensor) -> Tensor:
    """Cross-entropy of a sync expert's verdict with "in sync": Wav2Lip's sync loss (Prajwal et al. 2020).

    Parameters
    ----------
    expert : does not learn
    faces : shape (B, 5, 3, S / 2, S), RGB in [0, 1]
    mel : shape (B, 1, 80, 27)
    """
    face, speech = expert(faces, mel)
    return functional.softplus(-expert.logit((face * speech).sum(1))).mean()


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
