"""What the rest of the program may ask of a generator, as types; `typing.cast` says which one a network is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.models.generators.generator_output import GeneratorResult


class SpeechDriven(Protocol):
    """What every generator is: it has a speech encoder of its own, which can be frozen or trained alone.

    Attributes
    ----------
    size : side S of the square crop, pixels
    audio_encoder : windows of mels, shape (B, 1, M, T), or of features, to embeddings
    """

    size: int
    audio_encoder: nn.Module

    def __call__(self, reference: Tensor, target: Tensor, mel: Tensor) -> GeneratorResult:
        """Generate B crops: reference (R, 3, S, S), target (B, 3, S, S), RGB in [0, 1], mel (B, 1, M, T)."""


@runtime_checkable
class FaceCoding(SpeechDriven, Protocol):
    """A generator that computes what does not depend on the speech once a face, and moves the mouth from that.

    Generators that can do so derive from it, so that `isinstance` tells.

    Attributes
    ----------
    articulation : by how much speech embeddings are moved away from their centre, 1 for not at all
    """

    articulation: float

    def encode_face(self, reference: Tensor, target: Tensor) -> Any:
        """Compute what does not depend on the speech; arguments as of a call."""

    def move(self, code: Any, speech: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return flow, mask and patch of the lower halves, (B, C, S / 2, S), for the speech."""

    def hear(self, speech: Tensor) -> Tensor:
        """Embed sounds, (B, 1, M, T), as clearly articulated as is asked for: shape (B, D)."""
