"""How the shape of the mouth stands in a generator's speech embeddings: a linear map, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

RIDGE = 1e-3  # of the mean variance of the embeddings


class MouthReadout(NamedTuple):
    """A linear map from embeddings to K numbers of the mouth.

    Attributes
    ----------
    centre : shape (D,)
    weight : shape (D, K): the shape is read as (e - centre) @ weight, by ridge regression
    directions : shape (D, K), how an embedding changes with what is read of it: covariance @ weight, divided by the
        covariance of what is read
    variance : shape (D,), of the embeddings
    correlation : K correlations of what is read with the real shape, where it was fitted
    """

    centre: Tensor
    weight: Tensor
    directions: Tensor
    variance: Tensor
    correlation: tuple[float, ...]

    def to(self, other: Tensor) -> MouthReadout:
        """Return it of another tensor's type and device."""
        centre, weight, directions, variance, correlation = self
        return MouthReadout(centre.to(other), weight.to(other), directions.to(other), variance.to(other), correlation)

    def read(self, embedding: Tensor) -> Tensor:
        """Return what is read of embeddings (..., D): shape (..., K)."""
        return (embedding - self.centre) @ self.weight


def fit_readout(embedding: Tensor, shape: Tensor) -> MouthReadout:
    """Fit the readout.

    Parameters
    ----------
    embedding : shape (n, D), float64
    shape : shape (n, K), float64, in standard deviations of each speaker from the speaker's mean
    """
    import torch

    centre = embedding.mean(0)
    apart = embedding - centre
    covariance = apart.T @ apart / len(apart)
    ridge = RIDGE * covariance.diagonal().mean() * torch.eye(len(covariance)).to(covariance)
    weight = torch.linalg.solve(covariance + ridge, apart.T @ shape / len(apart))
    read = weight.T @ covariance @ weight
    directions = covariance @ weight @ torch.linalg.pinv(read)
    correlation = tuple(
        float(torch.corrcoef(torch.stack([apart @ weight[:, k], shape[:, k]]))[0, 1]) for k in range(shape.shape[1])
    )
    return MouthReadout(centre, weight, directions, covariance.diagonal().clamp(min=1e-4), correlation)
