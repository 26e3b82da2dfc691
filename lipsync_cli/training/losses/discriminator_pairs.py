"""What a critic of face and speech is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.models.generators.generator_output import GeneratorResult

REAL = "critic/real"
NEGATIVES = ("critic/fake", "critic/wrong_speech")


class Pair(NamedTuple):
    """Faces, shape (B, 3, S, S), and speech, shape (B, 1, 80, 27)."""

    face: Tensor
    mel: Tensor


def choose_pairs(batch: Batch, output: GeneratorResult, fake_step: bool) -> tuple[str, Pair, Pair]:
    """Give real faces with their own speech, and LipGAN's negative by a fair coin, which the thesis keeps.

    Returns
    -------
    the negative's name, right pairs, and wrong ones: (generated face, right speech) or (real face, mismatched speech)
    """
    real = Pair(batch.target, batch.mel)
    if fake_step:
        return NEGATIVES[0], real, Pair(output.image, batch.mel)
    return NEGATIVES[1], real, Pair(batch.target, batch.mismatched_mel)


def draw_shares(pair: Pair) -> Tensor:
    """Draw where on the line between a right and a wrong pair a gradient norm is taken: shape (B,), uniform."""
    return torch.rand(len(pair.mel), device=pair.mel.device)
