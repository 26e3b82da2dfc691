"""What a generator does to one rest frame beside speaking, taken out of its flow; and how far it opens that mouth."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput


class FlowCalibration(NamedTuple):
    """How the flow of a generator is changed for one rest frame.

    Attributes
    ----------
    silent : shape (H, S, 2) float32, its flow in silence, in units of S
    gain : by how much what it adds in speech is multiplied
    """

    silent: np.ndarray
    gain: float = 1.0

    def apply(self, generated: GeneratorOutput) -> GeneratorOutput:
        """Return the output for one crop with no movement in silence, and with the wanted one in speech."""
        if generated.flow is None:
            return generated
        return generated._replace(flow=(generated.flow - self.silent) * np.float32(self.gain))
