"""The losses as the thesis prints them, number by number: what `train --losses literal` minimises.

Liljegren and Nordqvist (2021, Lund, 2021:E33), chapter 3. docs/reference/thesis.md says where each differs from what is
minimised otherwise, and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lipsync_cli.training.losses.loss_functions import contrastive, gradient_penalty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from lipsync_cli.training.losses.loss_functions import Critic

SHARE = 0.5  # of each of the two losses of a discriminator's one update, eq. 3.21


def literal_distance(face_embedding: Tensor, mel_embedding: Tensor) -> Tensor:
    """Measure how far face and speech are apart, eq. 3.17: embeddings as they are, not brought to unit length.

    Parameters
    ----------
    face_embedding, mel_embedding : shape (B, D)

    Returns
    -------
    shape (B,), Euclidean, 0 or more, without an upper limit
    """
    return torch.linalg.vector_norm(face_embedding - mel_embedding, dim=1)


def literal_contrastive(distance: Tensor, label: float, margin: float = 2.0) -> Tensor:
    """Give the contrastive loss of eq. 3.16: E[label d^2 + (1 - label) max(0, margin - d)^2] / 2.

    Parameters
    ----------
    distance : shape (B,)
    label : 1 = real face with its own speech, 0 = generated face or mismatched speech; `contrastive` has the opposite
    """
    return 0.5 * contrastive(distance, 1 - label, margin)


def literal_penalty(critic: Critic, generated: Sequence[Tensor]) -> Tensor:
    """Give the penalty of eq. 3.14 without its weight: E[(|grad| - 1)^2] at what the generator draws, not between.

    Parameters
    ----------
    critic : as of `terms.gradient_norms`
    generated : its arguments, shape (B, ...) each
    """
    nothing_real = torch.zeros(len(generated[0]), device=generated[0].device)
    return gradient_penalty(critic, generated, generated, nothing_real)
