"""What lies over a face: hands, microphones, cups, found by comparing it with uncovered moments of the same face.

A network that sees one picture alone must know all faces, and takes a hand for skin. This one is shown how the same
face looks when nothing covers it, and says what that does not explain. A U-Net (Ronneberger, Fischer and Brox 2015,
"U-Net: convolutional networks for biomedical image segmentation") of a few layers, on the lower two thirds of a crop at
half its resolution (`models.OCCLUSION_TOP`, `models.OCCLUSION_SHRINK`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class OcclusionNet(nn.Module):
    """Say of each part of a face whether something lies over it.

    Parameters
    ----------
    size : side S of the square crops in pixels, a multiple of 48
    channels : at 1/2, 1/4, 1/8 and 1/16 of the crop's resolution
    """

    def __init__(self, size: int = 96, channels: tuple[int, int, int, int] = (16, 32, 48, 64)) -> None:
        super().__init__()
        if size % 48:
            raise ValueError(f"the crop's side must be a multiple of 48, not {size}")
        self.size = size
        self.down = nn.ModuleList(
            _Block(before, after) for before, after in zip((9, *channels[:-1]), channels, strict=True)
        )
        self.up = nn.ModuleList(
            _Block(channels[level] + channels[level + 1], channels[level]) for level in reversed(range(3))
        )
        self.verdict = nn.Conv2d(channels[0], 1, 1)

    def forward(self, face: Tensor, reference: Tensor, other: Tensor) -> Tensor:
        """Compare faces with uncovered ones of the same person in (about) the same pose.

        Parameters
        ----------
        face : shape (B, 3, S / 3, S / 2), RGB in [0, 1]
        reference, other : of the same shape, uncovered, with other mouths where there are two such faces

        Returns
        -------
        shape (B, S / 3, S / 2), logits that something covers a place
        """
        x = torch.cat([face, reference, other], 1) * 4 - 2
        kept = []
        for level, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if level else x)
            kept.append(x)
        for block, fine in zip(self.up, reversed(kept[:-1]), strict=True):
            x = block(torch.cat([functional.interpolate(x, scale_factor=2, mode="nearest"), fine], 1))
        logits: Tensor = self.verdict(x)
        return logits[:, 0]


class _Block(nn.Module):
    """Two convolutions of 3 x 3; group normalisation, so that a verdict does not depend on the rest of the batch."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(before, after, 3, 1, 1, bias=False),
            nn.GroupNorm(after // 8, after),
            nn.SiLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False),
            nn.GroupNorm(after // 8, after),
            nn.SiLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Shape (B, before, h, w) to (B, after, h, w)."""
        y: Tensor = self.layers(x)
        return y
