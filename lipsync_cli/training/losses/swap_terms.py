"""Loss terms of the face swap, after faceswap-GAN v2.2 (shaoanlu 2018-2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor, nn

BETA = 0.2  # both parameters of the distribution that says how much of a mixture is real


def weighted_l1(drawn: Tensor, real: Tensor, weight: Tensor) -> Tensor:
    """Return the mean of absolute differences; weights (B, 1, S, S) are brought to a mean of one over the batch."""
    return ((drawn - real).abs() * (weight / weight.mean())).mean()


def edge_l1(drawn: Tensor, real: Tensor, weight: Tensor | None = None) -> Tensor:
    """Return the mean absolute difference of first differences along both axes, optionally weighted."""
    total = drawn.new_zeros(())
    for axis in (2, 3):
        difference = (drawn.diff(dim=axis) - real.diff(dim=axis)).abs()
        if weight is not None:
            difference = difference * weight.narrow(axis, 0, difference.shape[axis])
        total = total + difference.mean()
    return total


def mask_hinge(mask: Tensor, least: float) -> Tensor:
    """Return by how much the mask is below a value: max(0, least - mask), the mean."""
    return (least - mask).clamp(min=0).mean()


def total_variation(mask: Tensor) -> Tensor:
    """Return the mean absolute first difference of a mask along both axes."""
    return mask.diff(dim=2).abs().mean() + mask.diff(dim=3).abs().mean()


def mixup_share(count: int, device: torch.device) -> Tensor:
    """Draw how much of each mixture is real, from Beta(0.2, 0.2): shape (count, 1, 1, 1); torch's own generator."""
    drawn = torch.distributions.Beta(BETA, BETA).sample((count, 1, 1, 1))
    return drawn.to(device)


def mixup_loss(network: nn.Module, real: Tensor, drawn: Tensor, distorted: Tensor, share: Tensor) -> Tensor:
    """Return the discriminator's loss: it is to say of mixtures how much of them is real (Zhang et al. 2018, mixup)."""
    score: Tensor = network(share * real + (1 - share) * drawn, distorted)
    return (score - share).square().mean()


def realness_loss(network: nn.Module, drawn: Tensor, distorted: Tensor) -> Tensor:
    """Return the generator's loss: what it draws is to be taken for real, least squares (Mao et al. 2017)."""
    score: Tensor = network(drawn, distorted)
    return (score - 1).square().mean()
