"""Networks only, one file an architecture; no input or output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

GENERATORS = ("lipgan", "compact")
EXPERTS = ("expert",)
READERS = ("lip-reader",)
OCCLUSION_NETS = ("occlusion-net",)
ARCHITECTURES = (*GENERATORS, *EXPERTS, *READERS, *OCCLUSION_NETS)

OCCLUSION_SHRINK = 2  # an occlusion network sees crops made so many times smaller,
OCCLUSION_TOP = 1 / 3  # and of these what is below so much of the height


def build(architecture: str, dims: dict[str, Any]) -> nn.Module:
    """Build a network with fresh weights.

    Parameters
    ----------
    architecture : "lipgan" or "compact" (generators), "expert" (a judge of sync), "lip-reader", or "occlusion-net"
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
    if architecture == "expert":
        from lipsync_cli.models.expert import SyncExpert

        return SyncExpert(**dims)
    if architecture == "lip-reader":
        from lipsync_cli.models.lip_reader import LipReader

        return LipReader(**dims)
    if architecture == "occlusion-net":
        from lipsync_cli.models.occlusion import OcclusionNet

        return OcclusionNet(**dims)
    raise ValueError(f"no architecture is called {architecture!r}, only {', '.join(ARCHITECTURES)}")


def kind_of(architecture: str) -> str:
    """Say what an architecture is for: "generator", "sync expert", "lip reader" or "occlusion network"."""
    if architecture in READERS:
        return "lip reader"
    if architecture in OCCLUSION_NETS:
        return "occlusion network"
    return "sync expert" if architecture in EXPERTS else "generator"


def hears(network: nn.Module) -> str:
    """Say what a generator hears: "mel", windows of LipGAN's mels, or "encoder", windows of speech features."""
    return str(getattr(network, "speech", "mel"))


def one_of(kind: str) -> str:
    """Put the article before a kind of network: "an occlusion network"."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
