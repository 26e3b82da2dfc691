"""LipGAN's critic with one number at the end, for the losses that want a score and no distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from lipsync_cli.models.generators.lipgan import SIZE, WIDTH, LipGANCritic
from lipsync_cli.models.mel_shape import MEL_SHAPE


class PairCritic(nn.Module):
    """Score pairs of face and speech with LipGAN's two encoders: high for a real face with its own speech.

    Parameters
    ----------
    size : side S of the square crop in pixels
    score : "embedding", the mean over both embeddings together (1024 numbers), as the thesis has it; or "projection",
        which adds the inner product of the two over the square root of their length
    width : of `LipGANCritic`; each embedding has 16 times as many numbers
    mel_shape : bands M and frames T of the windows that it hears

    Notes
    -----
    The mean of both embeddings is a sum of one function of the face and one of the speech. Such a critic cannot say
    whether the two belong together: a face that speaks and the speech of another clip score what they score in right
    pairs, and the speech tells the generator nothing. The inner product is how Miyato and Koyama (2018, "cGANs with
    projection discriminator") let a critic look at its condition.
    """

    def __init__(
        self,
        size: int = SIZE,
        score: Literal["embedding", "projection"] = "projection",
        width: int = WIDTH,
        mel_shape: Sequence[int] = MEL_SHAPE,
    ) -> None:
        super().__init__()
        self.embed = LipGANCritic(size, width, mel_shape)
        self.has_product = score == "projection"

    def forward(self, face: Tensor, mel: Tensor) -> Tensor:
        """Score pairs: face of shape (B, 3, S, S), RGB in [0, 1], and mel of shape (B, 1, M, T) to (B,)."""
        face_embedding, mel_embedding = self.embed(face, mel)
        score = torch.cat([face_embedding, mel_embedding], 1).mean(1)
        if self.has_product:
            score = score + (face_embedding * mel_embedding).sum(1) / face_embedding.shape[1] ** 0.5
        return score
