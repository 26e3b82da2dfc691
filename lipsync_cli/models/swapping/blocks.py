"""The blocks of the face-swap networks."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2  # of LeakyReLU


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, *, bias: bool = False) -> nn.Conv2d:
    """Make a convolution that keeps the size, or divides it by its stride, with normal weights (He et al. 2015)."""
    made = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, bias=bias)
    nn.init.kaiming_normal_(made.weight, nonlinearity="relu")
    if made.bias is not None:
        nn.init.zeros_(made.bias)
    return made


def normalisation(channels: int) -> nn.Module:
    """Make the normalisation of each picture by itself, with a learned scale and shift."""
    return nn.InstanceNorm2d(channels, affine=True)


class Down(nn.Sequential):
    """Half the size: convolution, ReLU, and a normalisation after it if asked for."""

    def __init__(self, inputs: int, outputs: int, *, normalised: bool = False) -> None:
        after = [normalisation(outputs)] if normalised else []
        super().__init__(convolution(inputs, outputs, stride=2), nn.ReLU(), *after)


class UpShuffled(nn.Module):
    """Twice the size by pixel shuffle (Shi et al. 2016), which begins as nearest neighbours (Aitken et al. 2017)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = convolution(inputs, 4 * outputs)
        with torch.no_grad():
            self.convolution.weight.copy_(self.convolution.weight[::4].repeat_interleave(4, 0))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', 2 H, 2 W)."""
        return functional.pixel_shuffle(functional.leaky_relu(self.convolution(x), SLOPE), 2)


class UpNearest(nn.Module):
    """Twice the size by nearest neighbours and a convolution.

    The published lite network has no activation here, which leaves its decoder linear but for two blocks; a LeakyReLU
    costs no parameter.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect", bias=False)
        nn.init.kaiming_normal_(self.convolution.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', 2 H, 2 W)."""
        larger = functional.interpolate(x, scale_factor=2, mode="nearest")
        return functional.leaky_relu(self.convolution(larger), SLOPE)


class Residual(nn.Module):
    """Two convolutions beside the input itself (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = convolution(channels, channels), convolution(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        inner = self.second(functional.leaky_relu(self.first(x), SLOPE))
        return functional.leaky_relu(inner + x, SLOPE)


class SelfAttention(nn.Module):
    """Let every place look at every other (Zhang et al. 2018, "Self-attention generative adversarial networks", eq. 2).

    Its share begins at zero, so that a network begins without it.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 8)
        self.query, self.key = convolution(channels, inner, 1), convolution(channels, inner, 1)
        self.value = convolution(channels, channels, 1)
        self.share = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape (B, C, H, W)."""
        query, key, value = (part(x).flatten(2).transpose(1, 2) for part in (self.query, self.key, self.value))
        seen = functional.scaled_dot_product_attention(query, key, value, scale=1.0)
        return x + self.share * seen.transpose(1, 2).reshape(x.shape)


def attention_at(size: int, channels: int, sizes: frozenset[int]) -> list[nn.Module]:
    """Give self-attention if maps of this size are to have it."""
    return [SelfAttention(channels)] if size in sizes else []


def chain(channels: list[int], kind: type[nn.Module]) -> nn.Sequential:
    """Put blocks behind each other: each takes what the one before it gives."""
    return nn.Sequential(*(kind(before, after) for before, after in pairwise(channels)))
