"""The three discriminators of the temporal GAN: of frames, of sequences, and of synchrony.

Vougioukas, Petridis and Pantic 2019 say what each is shown; no code of them was published, so the layers are this
project's. Each gives logits: above zero is real.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lipsync_cli.models.generators.temporal import SOUND, FeatureEncoder

if TYPE_CHECKING:
    import numpy as np

SYNC_FRAMES = 5  # consecutive frames that the sync discriminator sees: 0.2 s
_SLOPE = 0.2  # of the leaky ReLU


class FrameDiscriminator(nn.Module):
    """Judge single frames beside the still that they were made from: six convolutions.

    Parameters
    ----------
    channels : of the first layer
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = [channels * factor for factor in (1, 2, 4, 8, 8)]
        self.body = nn.Sequential(*_convolutions([6, *widths], normalised=True), nn.Conv2d(widths[-1], 1, (4, 3)))

    def forward(self, still: Tensor, frame: Tensor) -> Tensor:
        """Score frames (B, 3, 128, 96) beside stills of this shape, RGB in [0, 1]: shape (B,)."""
        return self.body(2 * torch.cat([still, frame], 1) - 1).flatten(0)


class SequenceDiscriminator(nn.Module):
    """Judge runs of frames: convolutions a frame, and two GRUs over them.

    Parameters
    ----------
    channels : of the first layer
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = [channels * factor for factor in (1, 2, 4, 8)]
        self.body = nn.Sequential(
            *_convolutions([3, *widths], normalised=True), nn.Conv2d(widths[-1], 8 * channels, (8, 6)), nn.Flatten()
        )
        self.memory = nn.GRU(8 * channels, 8 * channels, 2, batch_first=True)
        self.score = nn.Linear(8 * channels, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Score runs (R, L, 3, 128, 96), RGB in [0, 1], by the mean over their frames: shape (R,)."""
        seen = self.body(2 * frames.flatten(0, 1) - 1).unflatten(0, frames.shape[:2])
        return self.score(self.memory(seen)[0])[:, :, 0].mean(1)


class SyncDiscriminator(nn.Module):
    """Judge whether the lower half of five frames and 0.2 s of sound belong together; without batch normalisation.

    With it the discriminator's loss falls to nothing and teaches nothing, as who rebuilt it found (wav2mov).

    Parameters
    ----------
    channels : of the first layer
    speech : what is heard, see `TemporalGenerator`
    """

    def __init__(self, channels: int, speech: str = SOUND) -> None:
        super().__init__()
        widths = [channels * factor for factor in (2, 4, 4, 8)]
        size = 16 * channels
        self.look = nn.Sequential(
            *_convolutions([3 * SYNC_FRAMES, *widths]), nn.Conv2d(widths[-1], size, (4, 6)), nn.Flatten()
        )
        self.hear: nn.Module = _hear_sound(size) if speech == SOUND else _HearFeatures(size)
        self.score = nn.Sequential(nn.Linear(size, size), nn.LeakyReLU(_SLOPE), nn.Linear(size, 1))

    def standardise(self, mean: np.ndarray, deviation: np.ndarray) -> None:
        """Take mean and deviation of each speech feature, shape (384,) each; for one that hears these."""
        if isinstance(self.hear, _HearFeatures):
            self.hear.body.mean.copy_(torch.from_numpy(mean))
            self.hear.body.deviation.copy_(torch.from_numpy(deviation))

    def forward(self, frames: Tensor, speech: Tensor) -> Tensor:
        """Score frames (B, 5, 3, 128, 96) with the window of sound around the middle one, RGB in [0, 1]: (B,)."""
        lower = 2 * frames[:, :, :, frames.shape[3] // 2 :].flatten(1, 2) - 1
        return self.score((self.look(lower) - self.hear(speech)).abs())[:, 0]


class _HearFeatures(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.body = FeatureEncoder()
        self.out = nn.Linear(256, size)

    def forward(self, features: Tensor) -> Tensor:
        return self.out(self.body(features))


def _hear_sound(size: int) -> nn.Sequential:
    """Build the generator's table without normalisation."""
    table = [(1, 16, 80, 16, 32), (16, 32, 4, 2, 1), (32, 64, 4, 2, 1), (64, 128, 4, 2, 1), (128, 256, 10, 5, 3)]
    layers: list[nn.Module] = [nn.Unflatten(1, (1, -1))]
    for channels_in, channels, kernel, stride, padding in table:
        layers += [nn.Conv1d(channels_in, channels, kernel, stride, padding), nn.LeakyReLU(_SLOPE)]
    return nn.Sequential(*layers, nn.Conv1d(256, size, 5), nn.Flatten())


def _convolutions(widths: list[int], normalised: bool = False) -> list[nn.Module]:
    """Halve the size with each layer; the first is never normalised."""
    layers: list[nn.Module] = []
    for place, (first, second) in enumerate(pairwise(widths)):
        layers.append(nn.Conv2d(first, second, 4, 2, 1))
        if normalised and place:
            layers.append(nn.InstanceNorm2d(second, affine=True))
        layers.append(nn.LeakyReLU(_SLOPE))
    return layers
