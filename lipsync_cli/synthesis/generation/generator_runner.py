"""What the renderer asks of a generator, wherever it runs, and what it answers."""

from __future__ import annotations

from concurrent.futures import Future
from typing import NamedTuple, Protocol

import numpy as np


class GeneratorOutput(NamedTuple):
    """What a generator proposes for some crops, at the network's size S.

    Attributes
    ----------
    image : shape (n, S, S, 3) float32, the finished crop, RGB in [0, 1], or None
    flow : shape (n, H, S, 2) float32, displacement (x, y) into the reference's crop in units of S, or None; of the
        crop's last H rows, S or S / 2
    mask : shape (n, H, S) float32, how much of the warped reference shows, or None
    patch : shape (n, H, S, 3) float32, what shows where the reference does not, or None
    """

    image: np.ndarray | None
    flow: np.ndarray | None = None
    mask: np.ndarray | None = None
    patch: np.ndarray | None = None

    def one(self, index: int) -> GeneratorOutput:
        """Return the output for one crop, without the first axis."""
        return GeneratorOutput(*(None if part is None else part[index] for part in self))


class GeneratorRunner(Protocol):
    """Runs a generator on arrays, here or elsewhere."""

    @property
    def device(self) -> str:
        """The torch device."""
        ...

    def fingerprint(self) -> str:
        """Return the SHA-256 of the networks' parameters as they are now, and of the generator's articulation."""
        ...

    def generate(
        self, reference: np.ndarray, target: np.ndarray, mel: np.ndarray, articulation: float | None = None
    ) -> GeneratorOutput:
        """Draw the lower halves of some crops.

        Parameters
        ----------
        reference : shape (R, S, S, 3) uint8 RGB; each serves n / R targets in a row and is encoded once
        target : shape (n, S, S, 3) uint8 RGB
        mel : shape (n, T, M), or speech features (n, 21, 384), as the generator hears it
        articulation : for this once; None: the runner's own
        """
        ...

    def encode(self, mel: np.ndarray) -> np.ndarray:
        """Run the speech encoder: (T, 80) log-mel to speech features ((T + 1) // 2, 384), float32."""
        ...

    def silence(self, count: int) -> np.ndarray:
        """Return `count` windows of silence, as the generator hears it."""
        ...

    @property
    def num_at_once(self) -> int:
        """How many of the things that `submit` begins are worked on at a time."""
        ...

    def submit(self, face: np.ndarray, mel: np.ndarray) -> Future[GeneratorOutput]:
        """Begin to draw faces with other mouths; without the image where that is not needed.

        Parameters
        ----------
        face : shape (n, S, S, 3) uint8 RGB, or (1, S, S, 3), which serves all and is encoded once
        mel : as of `generate`
        """
        ...

    @property
    def sees_occlusion(self) -> bool:
        """Whether it has an occlusion network, for `predict_occlusion`."""
        ...

    def predict_occlusion(self, face: np.ndarray, reference: np.ndarray, other: np.ndarray) -> Future[np.ndarray]:
        """Begin to look for what lies over faces; the future has logits, shape (n, S / 3, S / 2).

        Parameters
        ----------
        face : shape (n, S / 3, S / 2, 3) uint8 RGB, see `faces.occlusion`
        reference, other : shape (n, S / 3, S / 2, 3), or (1, S / 3, S / 2, 3), which serves all: the same people with
            nothing over their faces
        """
        ...
