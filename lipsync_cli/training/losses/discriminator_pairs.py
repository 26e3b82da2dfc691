"""What a critic of face and speech is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.datasets.batch import Batch
    from lipsync_cli.models.generators.generator_output import GeneratorResult

REAL = "critic/real"
NEGATIVES = ("critic/fake", "critic/wrong_speech")
BOTH_LOSSES = ("critic/face_loss", "critic/audio_loss")  # of each negative on one batch, as the thesis plots them


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


def compute_both_losses(
    batch: Batch, output: GeneratorResult, loss: Callable[[Pair, Pair], Tensor]
) -> dict[str, Tensor]:
    """Give the loss of both negatives on one batch, L_face and L_audio of the thesis (7.1), whatever the coin says.

    Parameters
    ----------
    loss : of right pairs and wrong ones, what the critic minimises about the wrong ones
    """
    found = {}
    for name, fake_step in zip(BOTH_LOSSES, (True, False), strict=True):
        _, real, other = choose_pairs(batch, output, fake_step)
        found[name] = loss(real, other)
    return found


def draw_shares(pair: Pair) -> Tensor:
    """Draw where on the line between a right and a wrong pair a gradient norm is taken: shape (B,), uniform."""
    return torch.rand(len(pair.mel), device=pair.mel.device)
