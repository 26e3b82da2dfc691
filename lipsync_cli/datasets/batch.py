"""Samples for a generator, and the frame numbers that they are drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


class Batch(NamedTuple):
    """Samples for a generator; reference r serves targets r * B / R ... (r + 1) * B / R - 1.

    Attributes
    ----------
    reference : shape (R, 3, S, S), RGB in [0, 1]
    target : shape (B, 3, S, S), RGB in [0, 1], whole: the generator blanks its lower half
    mel : shape (B, 1, M, T), the target's own sound
    mismatched_mel : shape (B, 1, M, T), sound of another clip (of another time where there is one clip only)
    speech, mismatched_speech : the same sounds as the generator hears them: the mels, or speech features (B, 21, 384)
    """

    reference: Tensor
    target: Tensor
    mel: Tensor
    mismatched_mel: Tensor
    speech: Tensor
    mismatched_speech: Tensor


class Mixed(NamedTuple):
    """Runs of consecutive frames of some clips, and single frames of others.

    Attributes
    ----------
    runs : the targets of a reference are consecutive
    singles : every target has a clip and a reference of its own
    """

    runs: Batch
    singles: Batch

    def together(self) -> Batch:
        """Join them, the runs first; every target has a reference of its own then."""
        import torch

        length = len(self.runs.target) // len(self.runs.reference)
        runs = self.runs._replace(reference=self.runs.reference.repeat_interleave(length, 0))
        return Batch(*(torch.cat(fields) for fields in zip(runs, self.singles, strict=True)))


class Draw(NamedTuple):
    """Frame numbers in a pack; `mismatched` is the frame whose sound is the wrong one for the target."""

    reference: np.ndarray  # (R,)
    target: np.ndarray  # (B,)
    mismatched: np.ndarray  # (B,)
