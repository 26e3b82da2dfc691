"""Networks only, one file an architecture; no input or output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

ARCHITECTURES = ("lipgan", "compact")


def build(architecture: str, dims: dict[str, Any]) -> nn.Module:
    """Build a generator with fresh weights.

    Parameters
    ----------
    architecture : "lipgan" or "compact"
    dims : keyword arguments of its class

    Raises
    ------
    ValueError : for another architecture, or dims that the architecture cannot have
    TypeError : for dims that the architecture does not know
    """
    if architecture == "lipgan":
        from lipsync_cli.models.lipgan import LipGANGenerator

        return LipGANGenerator(**dims)
    if architecture == "compact":
        from lipsync_cli.models.compact import CompactGenerator

        return CompactGenerator(**dims)
    raise ValueError(f"no architecture is called {architecture!r}, only {' and '.join(ARCHITECTURES)}")
