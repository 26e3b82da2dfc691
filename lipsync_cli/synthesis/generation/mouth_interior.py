"""The inside of a mouth, which a rest frame does not show, from a frame in which the same mouth is open.

What no pixel of the reference shows, the generator paints, and it paints softly, and a stranger's teeth in the way of
those whom it has learned from. Where a second face of the same person shows them, its flow is drawn with the same
speech, too, and its own pixels, moved, take the place of the paint and of what lies close around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.models.generators.compact import FaceCode

NEAR, SOFT = 5, 3  # pixels of the halved crop: what lies so near to paint goes with it; over so many it sets in
LEAST, GAIN = 0.1, 8.0  # paint below it is that of a mouth at rest; how fast the other face takes over above it
SHUT, OPEN = 0.45, 0.6  # masks of the other face: up to the first it would be painted shut, from the second on it shows


class Inside(NamedTuple):
    """What an open face shows over the rest frame, for B sounds and crops of side S.

    Attributes
    ----------
    share : shape (B, 1, S / 2, S), how much of the open face shows
    flow : shape (B, 2, S / 2, S), displacement (x, y) into the open face in units of S
    """

    share: Tensor
    flow: Tensor


def show_inside(generator: Any, code: FaceCode, mel: Tensor, mask: Tensor) -> Inside | None:
    """Show an open mouth where a rest frame's is painted, unless the open one would be painted shut.

    Parameters
    ----------
    generator : with `move`, as `CompactGenerator`
    code : of the open face, in the poses that are drawn, or in one for all
    mel : shape (B, 1, 80, 27)
    mask : shape (B, 1, S / 2, S), of the rest frame with this speech

    Returns
    -------
    None if no mouth opens
    """
    share = _around_paint(mask)
    shown = share.flatten(1).any(1)
    if not shown.any():
        return None
    if not shown.all():  # the others cost nothing
        code = type(code)(*(part if len(part) == 1 else part[shown] for part in code))
    flow = mask.new_zeros(len(mask), 2, *mask.shape[2:])
    flow[shown], own, _ = generator.move(code, mel[shown])
    share[shown] *= ((own - SHUT) / (OPEN - SHUT)).clamp(0, 1)
    return Inside(share, flow)


def _around_paint(mask: Tensor) -> Tensor:
    """Return how much of a rest frame gives way to the open one, for its mask (B, 1, S / 2, S); of the same shape."""
    from torch.nn import functional

    paint = functional.max_pool2d(1 - mask, 2)
    for side in ((NEAR, 1), (1, NEAR)):  # one after the other: a fifth of the time of both at once
        paint = functional.max_pool2d(paint, side, 1, (side[0] // 2, side[1] // 2))
    paint = functional.avg_pool2d(paint, SOFT, 1, SOFT // 2, count_include_pad=False)
    paint = functional.interpolate(paint, scale_factor=2, mode="bilinear")
    return (GAIN * (paint - LEAST)).clamp(0, 1)
