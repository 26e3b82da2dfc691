"""What a generator does to one rest frame beside speaking, taken out of its flow; and how far it opens that mouth."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput


WIDTH_GAIN = 1.4  # what a generator moves along the mouth is less than in life by so much (experiment 050)


class FlowCalibration(NamedTuple):
    """How the flow of a generator is changed for one rest frame.

    Attributes
    ----------
    silent : shape (H, S, 2) float32, its flow in silence, in units of S
    along : shape (2,), from one corner of the mouth to the other, of length one
    gain : by how much what it adds in speech is multiplied; along the mouth by WIDTH_GAIN beside
    """

    silent: np.ndarray
    along: np.ndarray
    gain: float = 1.0

    def apply(self, generated: GeneratorOutput) -> GeneratorOutput:
        """Return the output for one crop with no movement in silence, and with the wanted one in speech."""
        if generated.flow is None:
            return generated
        change = self.gain * (np.eye(2) + (WIDTH_GAIN - 1) * np.outer(self.along, self.along))
        return generated._replace(flow=(generated.flow - self.silent) @ change.astype(np.float32))
