"""What a metric is: its name and definition, what it is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from lipsync_cli.metrics.clip_view import ClipView, FrameView

HIGHER, LOWER, NEAR = "higher", "lower", "near"  # which way is better; NEAR: near the metric's `target`
FRAME, CLIP, SET = "frame", "clip", "set"  # what one figure is of

Figure: TypeAlias = "np.ndarray | float | MetricUnavailableError"


@dataclass(frozen=True)
class Metric:
    """One column of the results.

    Attributes
    ----------
    name : lower case with underscores; pins the protocol where there are several ("lse_d_25fps")
    title : for tables and plots
    group : one of `registry.GROUPS`
    per : FRAME, CLIP or SET: what one figure is of
    direction : HIGHER, LOWER or NEAR: which way is better
    definition : what is computed, in a sentence
    source : paper, section or equation
    unit : "dB", "ms", "%" ...; empty for pure numbers
    target : the best value, for NEAR; None: what the ground truth has
    digits : after the point, in tables
    """

    name: str
    title: str
    group: str
    per: str
    direction: str
    definition: str
    source: str
    unit: str = ""
    target: float | None = None
    digits: int = 4

    def to_dict(self) -> dict[str, Any]:
        """Give what a reader of the results must know, JSON-able."""
        names = ("title", "unit", "group", "per", "direction", "target", "digits", "definition", "source")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class MetricGroup:
    """Metrics that are computed together.

    Attributes
    ----------
    metrics : what `measure` (or `watch`) gives figures of
    measure : ClipView -> metric name -> figure. FRAME: shape (n,), one for each of the evidence's frames, NaN where
        there is none; CLIP: a float; SET: features, shape (n, D), which `combine` turns into a figure. A metric that
        cannot be computed: `MetricUnavailableError` with the reason, given back for one metric or raised for all
    watch : View -> metric name -> float; called with every whole frame as it streams by, for FRAME metrics that need
        more than the crop; only videos have whole frames
    combine : for SET metrics: (features of the row's clips, features of the real clips) -> float
    is_continuous : needs a clip's frames in order and drawn from one reference, as a video has them; otherwise each
        frame stands for itself, and in a pack has a reference of its own
    hears : depends on the sound: such a metric has the row "other_sound", too
    needs_wide : asks for `ClipView.wide`, pictures of more than the crop that only videos have
    is_standard : cheap enough to be computed unless other metrics are named
    """

    metrics: tuple[Metric, ...]
    measure: Callable[[ClipView], Mapping[str, Figure]] | None = None
    watch: Callable[[FrameView], Mapping[str, float]] | None = None
    combine: Callable[[Sequence[np.ndarray], Sequence[np.ndarray]], float] | None = None
    is_continuous: bool = False
    hears: bool = False
    needs_wide: bool = False
    is_standard: bool = True
