"""Speech features of what is said instead of how it sounds: from the sounds of a text and their times."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lipsync_cli.models.speech_encoder import FEATURE_DIM

DROPOUT = 0.2
HIDDEN = 0.2  # share of the neighbouring sounds that are hidden in training: the corpus has few words, learned by heart


class PhoneEncoder(nn.Module):
    """Tell what a speech encoder would hear, from descriptions of the sounds that are said; convolutions over time.

    Parameters
    ----------
    inputs : numbers of a frame, see `speech.phones.timed_phones.describe_frames`
    sounds : sounds that a frame describes one after the other; the middle one is said, the others are its neighbours
    each : numbers that describe one sound
    width : channels
    layers, kernel : of the convolutions

    Attributes
    ----------
    margin : frames at both ends that are seen and not answered
    mean, deviation : shape (384,), of the features
    """

    def __init__(
        self,
        inputs: int = 114,
        sounds: int = 5,
        each: int = 22,
        width: int = 160,
        layers: int = 3,
        kernel: int = 5,
    ) -> None:
        super().__init__()
        if sounds * each > inputs or sounds % 2 == 0 or kernel % 2 == 0:
            raise ValueError(f"{sounds} sounds of {each} numbers in {inputs}, and kernels of {kernel}, do not fit")
        self.inputs, self.sounds, self.each = inputs, sounds, each
        self.margin = layers * (kernel // 2)
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.zeros(FEATURE_DIM))
        self.register_buffer("deviation", torch.ones(FEATURE_DIM))
        self.first = nn.Conv1d(inputs, width, 1)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.SiLU(), nn.Dropout(DROPOUT), nn.Conv1d(width, width, kernel)) for _ in range(layers)
        )
        self.out = nn.Sequential(nn.SiLU(), nn.Dropout(DROPOUT), nn.Conv1d(width, FEATURE_DIM, 1))

    def forward(self, frames: Tensor) -> Tensor:
        """Give speech features.

        Parameters
        ----------
        frames : shape (B, T + 2 * margin, inputs), 50 a second

        Returns
        -------
        shape (B, T, 384)
        """
        if self.training:
            frames = self._hide(frames)
        x = self.first(frames.transpose(1, 2))
        for layer in self.layers:
            y = layer(x)
            cut = (x.shape[2] - y.shape[2]) // 2
            x = x[:, :, cut : cut + y.shape[2]] + y
        return self.out(x).transpose(1, 2) * self.deviation + self.mean

    def _hide(self, frames: Tensor) -> Tensor:
        """Hide some of the neighbours, each throughout a sequence."""
        kept = (torch.rand(len(frames), self.sounds, 1, device=frames.device) >= HIDDEN).to(frames)
        kept[:, self.sounds // 2] = 1
        end = self.sounds * self.each
        heard = frames[:, :, :end] * kept.expand(-1, -1, self.each).reshape(len(frames), 1, end)
        return torch.cat([heard, frames[:, :, end:]], 2)
