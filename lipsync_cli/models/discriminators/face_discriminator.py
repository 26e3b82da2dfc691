"""Tells drawn faces of one person from real ones, beside the distorted face that they were drawn from."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from lipsync_cli.models.swapping.blocks import SLOPE, SelfAttention, attention_at

SMALLEST = 8  # side of the last map but one


class FaceDiscriminator(nn.Module):
    """Convolutions with spectral normalisation (Miyato et al. 2018), and self-attention, after faceswap-GAN v2.2.

    Parameters: 0.75 M at 64 pixels, 1.9 M at 128, 3.0 M at 256.

    Parameters
    ----------
    size : side of the faces, pixels
    attention : sizes of the maps that have self-attention, as far as the published network has it there
    """

    def __init__(self, size: int = 64, attention: frozenset[int] = frozenset({8, 16})) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        side, inputs = size, 6
        for outputs in (64, 128, 256):
            side //= 2
            layers += [_layer(inputs, outputs, 2), nn.LeakyReLU(SLOPE)]
            if outputs > 64:
                layers.append(nn.InstanceNorm2d(outputs, affine=True))
            inputs = outputs
        layers += _attention(side, attention)
        while side > SMALLEST:
            side //= 2
            layers += [_layer(256, 256, 2), nn.LeakyReLU(SLOPE), nn.InstanceNorm2d(256, affine=True)]
            layers += _attention(side, attention)
        self.layers = nn.Sequential(*layers, _layer(256, 1, 1))

    def forward(self, faces: Tensor, distorted: Tensor) -> Tensor:
        """Score faces beside what they were drawn from, both (B, 3, S, S) in [0, 1]: a map of scores (B, 1, h, w)."""
        from torch import cat

        scores: Tensor = self.layers(2 * cat([faces, distorted], 1) - 1)
        return scores


def _layer(inputs: int, outputs: int, stride: int) -> nn.Module:
    made = nn.Conv2d(inputs, outputs, 4, stride, 1, bias=False)
    nn.init.kaiming_normal_(made.weight, nonlinearity="relu")
    return spectral_norm(made)


def _attention(side: int, sizes: frozenset[int]) -> list[nn.Module]:
    made = attention_at(side, 256, sizes)
    for layer in made:
        assert isinstance(layer, SelfAttention)
        for part in (layer.query, layer.key, layer.value):
            spectral_norm(part)
    return made
