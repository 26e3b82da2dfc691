"""Face swap: one encoder shared by all people, one decoder for each, with self-attention.

After faceswap-GAN v2.2 (shaoanlu 2018-2019), whose layers and channels these are, with the self-attention of Zhang et
al. 2018 ("Self-attention generative adversarial networks"). A decoder gives a colour picture and a mask; the face is
the mask's share of the picture over the input. Written anew for PyTorch; its differences are said where they are.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_cli.models.swapping.blocks import (
    SLOPE,
    Down,
    Residual,
    UpNearest,
    UpShuffled,
    attention_at,
    chain,
    convolution,
)

SIZES = (64, 128, 256)
WIDTHS = {"standard": 1, "lite": 2, "small": 4}  # what channels are divided by; small is this project's own
PUBLISHED_ATTENTION = (8, 16, 32, 64, 128)  # every map that has it in one of the published networks
CODE = 4  # side of the smallest map


class SwapOutput(NamedTuple):
    """What the decoders make of a batch.

    Attributes
    ----------
    image : shape (B, 3, S, S), RGB in [0, 1], the mask's share of `colour` over the input
    colour : shape (B, 3, S, S), RGB in [0, 1]
    mask : shape (B, 1, S, S), in [0, 1]
    half, quarter : colour pictures of a half and a quarter of the size, for their own loss; None in smaller networks
    """

    image: Tensor
    colour: Tensor
    mask: Tensor
    half: Tensor | None = None
    quarter: Tensor | None = None


class Encoder(nn.Module):
    """A face to a map of 8 x 8 places.

    Parameters
    ----------
    size : side of the face in pixels
    divisor : of the channels
    attention : sizes of the maps that have self-attention
    """

    def __init__(self, size: int, divisor: int, attention: frozenset[int]) -> None:
        super().__init__()
        deep = 1024 // divisor**2
        layers: list[nn.Module] = [convolution(3, 64 // divisor, 5), Down(64 // divisor, 128 // divisor)]
        side = size // 2
        for inputs, outputs in ((128, 256), (256, 512)):
            side //= 2
            layers += [Down(inputs // divisor, outputs // divisor, normalised=True)]
            layers += attention_at(side, outputs // divisor, attention)
        inputs = 512 // divisor
        while side > CODE:
            side //= 2
            layers.append(Down(inputs, deep, normalised=True))
            inputs = deep
        self.layers = nn.Sequential(*layers)
        inner = 2048 if divisor > 1 and size > SIZES[0] else 1024
        self.dense = nn.Sequential(nn.Linear(CODE**2 * deep, inner), nn.Linear(inner, CODE**2 * deep))
        self.up = _up(divisor)(deep, 512 // divisor)
        self._deep = deep

    def forward(self, faces: Tensor) -> Tensor:
        """Map faces (B, 3, S, S), in [-1, 1], to (B, C, 8, 8)."""
        flat = self.dense(self.layers(faces).flatten(1))
        code: Tensor = self.up(flat.view(-1, self._deep, CODE, CODE))
        return code


class Decoder(nn.Module):
    """A map to the face of one person; parameters as for `Encoder`."""

    def __init__(self, size: int, divisor: int, attention: frozenset[int]) -> None:
        super().__init__()
        up, last = _up(divisor), 64 // divisor
        self.low = nn.Sequential(
            chain([512 // divisor, 256 // divisor, 128 // divisor], up),
            *attention_at(32, 128 // divisor, attention),
            up(128 // divisor, last),
            Residual(last),
            *attention_at(64, last, attention),
        )
        more = range(SIZES.index(size))
        self.smaller = nn.ModuleList(convolution(last, 3, 5, bias=True) for _ in more)
        self.higher = nn.ModuleList(nn.Sequential(up(last, last), convolution(last, last)) for _ in more)
        self.mask, self.colour = convolution(last, 1, 5, bias=True), convolution(last, 3, 5, bias=True)

    def forward(self, code: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Map (B, C, 8, 8) to colour (B, 3, S, S), mask (B, 1, S, S), and smaller colours, the largest first."""
        x: Tensor = self.low(code)
        smaller: list[Tensor] = []
        for picture, higher in zip(self.smaller, self.higher, strict=True):
            smaller.insert(0, _to_colour(picture(x)))
            x = functional.leaky_relu(higher(x), SLOPE)
        return _to_colour(self.colour(x)), torch.sigmoid(self.mask(x)), smaller


class FaceSwapper(nn.Module):
    """A shared encoder and a decoder for each of several people.

    Parameters, of two people: 71.7 M at 64 pixels, 10.9 M lite; 81.6 M and 19.9 M at 128; 91.4 M and 20.6 M at 256.

    Parameters
    ----------
    people : their names, a decoder for each in this order
    side : of the aligned faces in pixels, one of `SIZES`
    width : "standard", "lite" or "small"
    attention : sizes of the maps that have self-attention, as far as the published network has it there
    size : side of the crops that the aligned faces are cut from; it changes nothing of the network

    Raises
    ------
    ValueError : fewer than two people, or another size or width
    """

    def __init__(
        self,
        people: Sequence[str] = ("a", "b"),
        side: int = 64,
        width: str = "lite",
        attention: Collection[int] = (8, 16),
        size: int = 192,
    ) -> None:
        super().__init__()
        if side not in SIZES or width not in WIDTHS:
            raise ValueError(f"no network of side {side!r} and width {width!r}")
        if len(set(people)) < 2 or not all(isinstance(name, str) for name in people):
            raise ValueError("a swap needs two people")
        self.people, self.side, self.size = tuple(people), side, size
        divisor, chosen = WIDTHS[width], frozenset(attention)
        self.encoder = Encoder(side, divisor, chosen)
        self.decoders = nn.ModuleList(Decoder(side, divisor, chosen) for _ in people)

    def forward(self, faces: Tensor, person: Tensor) -> SwapOutput:
        """Give every face the looks of one of the people.

        Parameters
        ----------
        faces : shape (B, 3, S, S), RGB in [0, 1], aligned
        person : shape (B,), int64, ascending: whose decoder each goes through
        """
        code = self.encoder(2 * faces - 1)
        counts = torch.bincount(person, minlength=len(self.decoders)).tolist()
        parts = [decoder(rows) for decoder, rows in zip(self.decoders, code.split(counts), strict=True) if len(rows)]
        colour, mask = (torch.cat([part[place] for part in parts]) for place in (0, 1))
        smaller = [torch.cat(pictures) for pictures in zip(*(part[2] for part in parts), strict=True)]
        image = mask * colour + (1 - mask) * faces
        return SwapOutput(image, colour, mask, *smaller)


def _up(divisor: int) -> type[nn.Module]:
    return UpShuffled if divisor == 1 else UpNearest


def _to_colour(x: Tensor) -> Tensor:
    return (torch.tanh(x) + 1) / 2
