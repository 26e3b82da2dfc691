"""Inception-v3 as the Frechet inception distance needs it: a picture to the 2048 numbers of its last pooling.

Szegedy et al. 2016, "Rethinking the Inception architecture for computer vision", with what the TensorFlow network of
Heusel et al. 2017 does otherwise: average pooling does not count the padding, the last block pools the maximum, and
there are 1008 classes. The names of the parts are those of `pt_inception-2015-12-05`, that network's weights as
published for PyTorch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

PICTURE_SIZE = 299  # pixels, square
FEATURES = 2048
_CLASSES = 1008

_Size = int | tuple[int, int]
_Layers = list[tuple[int, _Size]]  # channels and kernel of one convolution after the other


class FIDInception(nn.Module):
    """The network without its classifier at work; 23,850,960 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = _Conv(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = _Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = _Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = _Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = _Conv(80, 192, 3)
        self.Mixed_5b = _Block35(192, 32)
        self.Mixed_5c = _Block35(256, 64)
        self.Mixed_5d = _Block35(288, 64)
        self.Mixed_6a = _Shrink35(288)
        self.Mixed_6b = _Block17(128)
        self.Mixed_6c = _Block17(160)
        self.Mixed_6d = _Block17(160)
        self.Mixed_6e = _Block17(192)
        self.Mixed_7a = _Shrink17(768)
        self.Mixed_7b = _Block8(1280, nn.AvgPool2d(3, 1, 1, count_include_pad=False))
        self.Mixed_7c = _Block8(2048, nn.MaxPool2d(3, 1, 1))
        self.fc = nn.Linear(FEATURES, _CLASSES)  # in the file, unused
        self._pool = nn.MaxPool2d(3, 2)

    def forward(self, pictures: Tensor) -> Tensor:
        """Embed pictures.

        Parameters
        ----------
        pictures : shape (B, 3, H, W), RGB, in [0, 1]; made 299 x 299 with plain bilinear interpolation

        Returns
        -------
        shape (B, 2048)
        """
        size = (PICTURE_SIZE, PICTURE_SIZE)
        x = 2 * nn.functional.interpolate(pictures, size, mode="bilinear", align_corners=False) - 1
        x = self._pool(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))))
        x = self._pool(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))
        x = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x))))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))
        return self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x))).mean((2, 3))


class _Conv(nn.Module):
    def __init__(self, channels_in: int, channels: int, kernel: _Size, stride: int = 1, padding: _Size = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu_(self.bn(self.conv(x)))


class _Branches(nn.Module):
    """Convolutions side by side, named `<branch>_<number>`."""

    def add(self, branch: str, channels_in: int, layers: _Layers, stride: int = 1) -> list[str]:
        """Add a chain of convolutions, all padded to keep the size unless the last has a stride; return its names."""
        names = []
        for number, (channels, kernel) in enumerate(layers, 1):
            is_last = number == len(layers)
            moves = stride if is_last else 1
            height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
            padding = (height // 2, width // 2) if moves == 1 else (0, 0)
            names.append(branch if len(layers) == 1 else f"{branch}_{number}")
            self.add_module(names[-1], _Conv(channels_in, channels, kernel, moves, padding))
            channels_in = channels
        return names

    def chain(self, names: list[str], x: Tensor) -> Tensor:
        """Apply convolutions one after the other."""
        for name in names:
            x = getattr(self, name)(x)
        return x


class _Block35(_Branches):
    """35 x 35 pixels: 1 x 1, 5 x 5, two 3 x 3, and a pooling."""

    def __init__(self, channels_in: int, pooled: int) -> None:
        super().__init__()
        self._chains = [
            self.add("branch1x1", channels_in, [(64, 1)]),
            self.add("branch5x5", channels_in, [(48, 1), (64, 5)]),
            self.add("branch3x3dbl", channels_in, [(64, 1), (96, 3), (96, 3)]),
        ]
        self.branch_pool = _Conv(channels_in, pooled, 1)
        self._pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.chain(names, x) for names in self._chains]
        return torch.cat([*parts, self.branch_pool(self._pool(x))], 1)


class _Shrink35(_Branches):
    """35 x 35 to 17 x 17 pixels."""

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        self._chains = [
            self.add("branch3x3", channels_in, [(384, 3)], stride=2),
            self.add("branch3x3dbl", channels_in, [(64, 1), (96, 3), (96, 3)], stride=2),
        ]
        self._pool = nn.MaxPool2d(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([*(self.chain(names, x) for names in self._chains), self._pool(x)], 1)


class _Block17(_Branches):
    """17 x 17 pixels: convolutions of 7 x 7 pixels taken apart into rows and columns."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        row, column = (1, 7), (7, 1)
        self._chains = [
            self.add("branch1x1", 768, [(192, 1)]),
            self.add("branch7x7", 768, [(inner, 1), (inner, row), (192, column)]),
            self.add("branch7x7dbl", 768, [(inner, 1), (inner, column), (inner, row), (inner, column), (192, row)]),
        ]
        self.branch_pool = _Conv(768, 192, 1)
        self._pool = nn.AvgPool2d(3, 1, 1, count_include_pad=False)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.chain(names, x) for names in self._chains]
        return torch.cat([*parts, self.branch_pool(self._pool(x))], 1)


class _Shrink17(_Branches):
    """17 x 17 to 8 x 8 pixels."""

    def __init__(self, channels_in: int) -> None:
        super().__init__()
        self._chains = [
            self.add("branch3x3", channels_in, [(192, 1), (320, 3)], stride=2),
            self.add("branch7x7x3", channels_in, [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3)], stride=2),
        ]
        self._pool = nn.MaxPool2d(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([*(self.chain(names, x) for names in self._chains), self._pool(x)], 1)


class _Block8(nn.Module):
    """8 x 8 pixels: convolutions of 3 x 3 pixels whose rows and columns stand side by side."""

    def __init__(self, channels_in: int, pool: nn.Module) -> None:
        super().__init__()
        self.branch1x1 = _Conv(channels_in, 320, 1)
        self.branch3x3_1 = _Conv(channels_in, 384, 1)
        self.branch3x3_2a = _Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = _Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = _Conv(channels_in, 448, 1)
        self.branch3x3dbl_2 = _Conv(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = _Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = _Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = _Conv(channels_in, 192, 1)
        self._pool = pool

    def forward(self, x: Tensor) -> Tensor:
        one, two = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        parts = [
            self.branch1x1(x),
            *(self.branch3x3_2a(one), self.branch3x3_2b(one)),
            *(self.branch3x3dbl_3a(two), self.branch3x3dbl_3b(two)),
            self.branch_pool(self._pool(x)),
        ]
        return torch.cat(parts, 1)
