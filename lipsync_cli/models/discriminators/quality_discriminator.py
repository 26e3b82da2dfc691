"""A critic of pictures alone: whether this lower half of a face is real."""

from __future__ import annotations

from torch import Tensor, nn


class QualityCritic(nn.Module):
    """Judge lower halves of faces, one frame at a time.

    Wav2Lip's visual quality critic (Prajwal et al. 2020) in small: convolutions without normalisation and leaky ReLU
    (0.01), so that blur and seams are not normalised away.

    Parameters
    ----------
    channels : of the layers, each at half the resolution of the one before
    """

    def __init__(self, channels: tuple[int, ...] = (32, 64, 96, 128, 160)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for first, second in zip((3, *channels), channels, strict=False):
            layers += [nn.Conv2d(first, second, 4, 2, 1), nn.LeakyReLU(0.01)]
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d((1, 3)), nn.Flatten(), nn.Linear(3 * channels[-1], 1))

    def forward(self, lower: Tensor) -> Tensor:
        """Give the logits that lower halves are real: shape (B, 3, S / 2, S), RGB in [0, 1], to (B,)."""
        return self.body(2 * lower - 1)[:, 0]
