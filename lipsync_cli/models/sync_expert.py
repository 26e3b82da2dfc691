"""The sync expert: whether these five frames of a mouth belong to this sound.

SyncNet (Chung and Zisserman 2016, "Out of time: automated lip sync in the wild") in the form of Wav2Lip's expert
(Prajwal et al. 2020, "A lip sync expert is all you need for speech to lip generation in the wild"): five lower half
faces stacked as channels and a mel window, each brought to a unit vector. It is a tenth of Wav2Lip's expert (16.4 M
parameters), so that it can be trained without a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from lipsync_cli.models.mel_shape import MEL_SHAPE, check_mel_shape, shrink

FRAMES = 5  # that are judged together: 200 ms at 25 fps


class SyncExpert(nn.Module):
    """Embed mouths and sounds so that those which belong together lie close to each other.

    Group normalisation, not batch normalisation: an embedding does not depend on what else is in the batch. The faces'
    own mean and deviation are taken out first, so that colour and light carry no information.

    Parameters
    ----------
    size : side S of the square crop in pixels, a multiple of 32
    channels : of the face encoder at 1/2, 1/4, 1/8 and 1/16 of the crop's resolution
    embedding_dim : length D of the embeddings
    mel_shape : bands M and frames T of the windows that it hears

    Attributes
    ----------
    log_scale, threshold : P(in sync) = sigmoid(exp(log_scale) (cosine - threshold)) for a fair choice of right and
        wrong sounds; learned (the sigmoid of Zhai et al. 2023, "Sigmoid loss for language image pre-training")
    log_temperature : of the choice among many sounds
    """

    def __init__(
        self,
        size: int = 96,
        channels: tuple[int, int, int, int] = (24, 48, 80, 128),
        embedding_dim: int = 192,
        mel_shape: Sequence[int] = MEL_SHAPE,
    ) -> None:
        super().__init__()
        if size % 32:
            raise ValueError(f"the crop's side must be a multiple of 32, not {size}")
        self.size, self.mel_shape = size, check_mel_shape(mel_shape)
        rows, columns = shrink(mel_shape, (2, 1), (2, 2), (2, 2), (2, 2))
        c1, c2, c3, c4 = channels
        self.face_encoder = nn.Sequential(
            _conv(3 * FRAMES, c1, 2),
            _conv(c1, c2, 2),
            _conv(c2, c3, 2),
            _Residual(c3),
            _conv(c3, c4, 2),
            _Residual(c4),
            nn.AdaptiveAvgPool2d((3, 6)),  # what a crop of 96 x 96 has here
            nn.Flatten(),
            nn.Linear(c4 * 18, embedding_dim),
        )
        self.speech_encoder = nn.Sequential(
            _conv(1, 24, (2, 1)),  # 40 x 27
            _conv(24, 48, 2),  # 20 x 14
            _conv(48, 80, 2),  # 10 x 7
            _Residual(80),
            _conv(80, 128, 2),  # 5 x 4
            nn.Flatten(),
            nn.Linear(128 * rows * columns, embedding_dim),
        )
        self.log_scale = nn.Parameter(torch.tensor(math.log(8.0)))
        self.threshold = nn.Parameter(torch.tensor(0.3))
        self.log_temperature = nn.Parameter(torch.tensor(math.log(10.0)))

    def forward(self, faces: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Embed pairs.

        Parameters
        ----------
        faces : shape (B, 5, 3, S / 2, S), RGB in [0, 1], the lower halves of consecutive crops
        mel : shape (B, 1, M, T), the window of the middle frame

        Returns
        -------
        face embeddings and speech embeddings, each of shape (B, D) and unit length
        """
        return self.embed_faces(faces), self.embed_speech(mel)

    def embed_faces(self, faces: Tensor) -> Tensor:
        """Embed five lower half faces each: shape (B, 5, 3, S / 2, S) to (B, D)."""
        deviation, mean = torch.std_mean(faces, dim=(1, 3, 4), keepdim=True)
        looks = (faces - mean) / (deviation + 0.02)
        return functional.normalize(self.face_encoder(looks.flatten(1, 2)), dim=1)

    def embed_speech(self, mel: Tensor) -> Tensor:
        """Embed mel windows: shape (B, 1, M, T) to (B, D)."""
        return functional.normalize(self.speech_encoder(mel / 2), dim=1)

    def logit(self, cosine: Tensor) -> Tensor:
        """Give the logits that pairs of these cosines are in sync; above zero: they are."""
        return self.log_scale.exp() * (cosine - self.threshold)

    def limit(self) -> float:
        """Give the Euclidean distance of embeddings below which a pair counts as in sync: where `logit` is zero."""
        return math.sqrt(max(0.0, 2 - 2 * self.threshold.item()))


def _conv(channels_in: int, channels: int, stride: int | tuple[int, int] = 1) -> nn.Sequential:
    conv = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
    return nn.Sequential(conv, _norm(channels), nn.SiLU())


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(max(1, channels // 16), channels)


class _Residual(nn.Module):
    """Two convolutions and a shortcut; the second starts at zero."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        last = _norm(channels)
        nn.init.zeros_(last.weight)
        conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.body = nn.Sequential(_conv(channels, channels), conv, last)

    def forward(self, x: Tensor) -> Tensor:
        return functional.silu(x + self.body(x))
