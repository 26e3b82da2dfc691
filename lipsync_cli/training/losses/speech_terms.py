"""What is learned from sequences without pictures: a teacher's speech embeddings, and the shapes of real mouths."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from lipsync_cli.faces.mouth_shapes import SHAPES

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.training.embedding_mouth_map import MouthReadout

EMBEDDING_WEIGHT = 1.0
SHAPE_WEIGHTS = {"opening": 3.0, "width": 1.0, "gap": 1.0}
CHANGE_WEIGHT = 2.0  # of the change from frame to frame, so that closures are neither late nor smoothed away
SPREAD_WEIGHT = 5.0  # of how much the mouth moves in a sequence: regression alone teaches the mean, which mumbles


class Sequences(NamedTuple):
    """Sequences of N clips, L frames each.

    Attributes
    ----------
    features : shape (N, T, 384), speech features from half a window before the first frame to half a window after the
        last
    place : shape (N, L), where each frame's window begins among the features, in feature frames
    shape : shape (N, L, 3), the mouth's shape in its speaker's standard deviations from the speaker's mean
    embedding : shape (N, L, D), what the weights that the run starts from make of the clean sound
    is_known : shape (N,), whether these weights know the speaker, so that the embedding is worth learning
    is_silent : shape (N,), nothing is heard; then the embedding is that of silence, and there is no shape
    """

    features: Tensor
    place: Tensor
    shape: Tensor
    embedding: Tensor
    is_known: Tensor
    is_silent: Tensor


def speech_terms(batch: Sequences, output: Tensor, readout: MouthReadout) -> dict[str, Tensor]:
    """Give the named terms of the loss of a student that embeds sequences.

    Parameters
    ----------
    output : shape (N, L, D), its embeddings
    readout : of the mouth's shape from embeddings
    """
    with torch.no_grad():
        shape = torch.where(batch.shape.isfinite(), batch.shape, 0.0)
        seen = batch.shape.isfinite().all(2) & ~batch.is_silent[:, None]
        before = batch.embedding
        missing = torch.where(seen[:, :, None], shape - readout.read(before), 0.0)
        wanted = before + missing @ readout.directions.T
        known = (batch.is_known | batch.is_silent).float()[:, None, None]
    told = readout.read(output)
    both = (seen[:, 1:] & seen[:, :-1]).float()
    error = ((output - wanted).square() / readout.variance * known).mean() / known.mean().clamp(min=1e-3)
    terms = {"speech/embedding": EMBEDDING_WEIGHT * error}
    for index, name in enumerate(SHAPES):
        weight, apart = SHAPE_WEIGHTS[name], (told - shape)[:, :, index]
        terms[f"speech/{name}"] = weight * _mean(apart.square(), seen.float())
    change = (told.diff(dim=1) - shape.diff(dim=1))[:, :, 0]
    terms["speech/change"] = CHANGE_WEIGHT * _mean(change.square(), both)
    moved, real = (_deviation(x[:, :, 0], seen.float()) for x in (told, shape))
    counted = (seen.float().mean(1) > 0.5).float()
    terms["speech/spread"] = SPREAD_WEIGHT * _mean((moved - real).square(), counted)
    return terms


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp(min=1)


def _deviation(values: Tensor, weights: Tensor) -> Tensor:
    """Return the standard deviation of series (N, L) over the frames that count: shape (N,)."""
    total = weights.sum(1).clamp(min=1)
    apart = (values - ((values * weights).sum(1) / total)[:, None]) * weights
    return (apart.square().sum(1) / total + 1e-4).sqrt()
