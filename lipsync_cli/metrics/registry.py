"""The metrics there are, by group; a group's module is imported when one of its metrics is wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from lipsync_cli.errors import UsageError

if TYPE_CHECKING:
    from lipsync_cli.metrics.metric import MetricGroup

# Group -> modules of lipsync_cli.metrics, each with a tuple FAMILIES; groups and families in report order.
GROUPS: dict[str, tuple[str, ...]] = {
    "reconstruction": ("image.reconstruction",),
    "distribution": ("image.frechet",),
    "sharpness": ("image.sharpness",),
    "identity": ("face.identity_similarity",),
    "words": ("sync.words", "mouth.contrast", "mouth.closure"),
    "sync": ("sync.expert_sync", "sync.syncnet_sync"),
    "behaviour": (
        "mouth.movement", "mouth.mouth_width", "mouth.articulation", "mouth.lip_dynamics", "sync.dtw", "sync.lip_leak",
        "mouth.pauses", "mouth.silent_stability", "sync.loudness_distance", "mouth.closeness", "face.eyes",
        "face.jitter", "face.border", "face.head_angle", "face.upper_face", "mouth.lip_shape", "mouth.tear",
    ),
}  # fmt: skip


def find_metric_groups(wanted: Iterable[str] | None = None, has_frames: bool = True) -> list[MetricGroup]:
    """Find the families of the metrics that are wanted, each with the wanted metrics only.

    Parameters
    ----------
    wanted : names of metrics and of groups, "standard" or "all"; None: the standard ones
    has_frames : whole frames are there, as of a video; without them what needs them is not standard

    Raises
    ------
    UsageError : if a name is unknown; it lists those that there are
    """
    families = [family for group in GROUPS for family in families_of(group)]
    names = set(["standard"] if wanted is None else wanted)
    known = {"standard", "all", *GROUPS, *(metric.name for family in families for metric in family.metrics)}
    if unknown := sorted(names - known):
        groups = "; ".join(
            f"{group}: {', '.join(m.name for family in families_of(group) for m in family.metrics)}" for group in GROUPS
        )
        raise UsageError(f"no metric or group is called {unknown[0]!r}", hint=f"standard, all; {groups}")

    chosen = []
    for family in families:
        is_standard = family.is_standard and (has_frames or family.watch is None)
        is_whole = "all" in names or ("standard" in names and is_standard)
        metrics = tuple(m for m in family.metrics if is_whole or m.name in names or m.group in names)
        if metrics:
            chosen.append(replace(family, metrics=metrics))
    return chosen


def families_of(group: str) -> list[MetricGroup]:
    """List the families of a group."""
    modules = [import_module(f"lipsync_cli.metrics.{name}") for name in GROUPS[group]]
    return [family for module in modules for family in module.FAMILIES]
