"""One call of the network: crops and sound in, what it would draw at its own size out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn


class Sketch(NamedTuple):
    """What a generator proposes for some crops, at the network's size S.

    Attributes
    ----------
    image : shape (n, S, S, 3) float32, the finished crop, RGB in [0, 1]
    flow : shape (n, S, S, 2) float32, displacement (x, y) into the reference's crop in units of S, or None
    mask : shape (n, S, S) float32, how much of the warped reference shows, or None
    patch : shape (n, S, S, 3) float32, what shows where the reference does not, or None
    """

    image: np.ndarray
    flow: np.ndarray | None = None
    mask: np.ndarray | None = None
    patch: np.ndarray | None = None

    def one(self, index: int) -> Sketch:
        """Return the sketch of one crop, without the first axis."""
        return Sketch(*(None if part is None else part[index] for part in self))  # type: ignore[arg-type]


MAX_THREADS = 4  # the convolutions are small: more threads only wait for each other


class Sketcher:
    """Runs a generator on arrays.

    One core is left to the other stages of the stream: reading, compositing, coding.

    Parameters
    ----------
    generator : in evaluation mode, on `device`
    device : torch device
    """

    def __init__(self, generator: nn.Module, device: str = "cpu") -> None:
        import torch

        self._generator, self._device = generator, device
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._threads = max(1, min(torch.get_num_threads(), cores - 1, MAX_THREADS))

    def sketch(self, reference: np.ndarray, target: np.ndarray, mel: np.ndarray) -> Sketch:
        """Draw the lower halves of some crops.

        Parameters
        ----------
        reference : shape (R, S, S, 3) uint8 RGB; each serves n / R targets in a row and is encoded once
        target : shape (n, S, S, 3) uint8 RGB
        mel : shape (n, 27, 80)
        """
        import torch

        if torch.get_num_threads() != self._threads:  # holds for the calling thread
            torch.set_num_threads(self._threads)
        with torch.inference_mode():
            drawn = self._generator(
                self._image(reference), self._image(target), torch.from_numpy(mel).to(self._device).mT[:, None]
            )
            return Sketch(
                image=_channels_last(drawn.image),
                flow=None if drawn.flow is None else _channels_last(drawn.flow),
                mask=None if drawn.mask is None else drawn.mask[:, 0].float().cpu().numpy(),
                patch=None if drawn.patch is None else _channels_last(drawn.patch),
            )

    def _image(self, pixels: np.ndarray) -> Tensor:
        import torch

        return torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2).float().div_(255)


def _channels_last(x: Tensor) -> np.ndarray:
    return np.ascontiguousarray(x.float().permute(0, 2, 3, 1).cpu().numpy())
