"""Networks only, one file an architecture; no input or output.

An architecture is registered here with its name and kind, in a function that imports its file when it is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lipsync_cli.models.registry import ARCHITECTURES, architectures_of, build, kind_of, one_of, register

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "ARCHITECTURES",
    "OCCLUSION_SHRINK",
    "OCCLUSION_TOP",
    "architectures_of",
    "build",
    "hears",
    "kind_of",
    "one_of",
    "register",
]

OCCLUSION_SHRINK = 2  # an occlusion network sees crops made so many times smaller,
OCCLUSION_TOP = 1 / 3  # and of these what is below so much of the height


@register("lipgan", kind="generator")
def _lipgan(**dims: Any) -> nn.Module:
    from lipsync_cli.models.generators.lipgan import LipGANGenerator

    return LipGANGenerator(**dims)


@register("compact", kind="generator")
def _compact(**dims: Any) -> nn.Module:
    from lipsync_cli.models.generators.compact import CompactGenerator

    return CompactGenerator(**dims)


@register("temporal", kind="talking head")
def _temporal(**dims: Any) -> nn.Module:
    from lipsync_cli.models.generators.temporal import TemporalGenerator

    return TemporalGenerator(**dims)


@register("expert", kind="sync expert")
def _expert(**dims: Any) -> nn.Module:
    from lipsync_cli.models.sync_expert import SyncExpert

    return SyncExpert(**dims)


@register("lip-reader", kind="lip reader")
def _lip_reader(**dims: Any) -> nn.Module:
    from lipsync_cli.models.lip_reader import LipReader

    return LipReader(**dims)


@register("occlusion-net", kind="occlusion network")
def _occlusion_net(**dims: Any) -> nn.Module:
    from lipsync_cli.models.occlusion_unet import OcclusionNet

    return OcclusionNet(**dims)


@register("phone-encoder", kind="phone encoder")
def _phone_encoder(**dims: Any) -> nn.Module:
    from lipsync_cli.models.phone_encoder import PhoneEncoder

    return PhoneEncoder(**dims)


@register("face-swap", kind="face swapper")
def _face_swap(**dims: Any) -> nn.Module:
    from lipsync_cli.models.swapping.face_swapper import FaceSwapper

    return FaceSwapper(**dims)


def hears(network: nn.Module) -> str:
    """Say what a generator hears: "mel", windows of LipGAN's mels; "encoder", of speech features; or "sound"."""
    return str(getattr(network, "speech", "mel"))
