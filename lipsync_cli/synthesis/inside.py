"""The inside of a mouth, which a resting face does not show, from a frame in which the same mouth is open.

What no pixel of the reference shows, the generator paints, and it paints a stranger's teeth softly, in the way of those
whom it has learned from. Where a second face of the same person shows it, that is drawn with the same speech, too, and
its picture takes the place of the paint, and of what lies close around it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from lipsync_cli.models.compact import FaceCode

NEAR, SOFT = 5, 3  # pixels of 48 to a crop's side: what lies so near to paint goes with it; over so many it sets in
LEAST, GAIN = 0.1, 3.0  # paint below it is that of a mouth at rest; how fast the other face takes over above it
EVERY = 2  # moments, of which one is drawn


def show_inside(
    generator: Any, code: FaceCode, open_face: Tensor, mel: Tensor, mask: Tensor, patch: Tensor
) -> tuple[Tensor, Tensor]:
    """Put the picture of an open mouth where a resting face's is painted.

    Parameters
    ----------
    generator : with `move`, as `CompactGenerator`
    code : of the open face, in the poses that are drawn, or in one for all
    open_face : shape (1, 3, S, S), RGB in [0, 1]
    mel : shape (B, 1, 80, 27), of consecutive frames
    mask, patch : shape (B, 1, S / 2, S) and (B, 3, S / 2, S), of the resting face with this speech

    Returns
    -------
    mask and patch in their place, of the same shapes
    """
    from torch.nn import functional

    from lipsync_cli.models.compact import warp

    paint = functional.max_pool2d(1 - mask, 2)
    for side in ((NEAR, 1), (1, NEAR)):  # one after the other: a tenth of the time of both at once
        paint = functional.max_pool2d(paint, side, 1, (side[0] // 2, side[1] // 2))
    paint = functional.avg_pool2d(paint, SOFT, 1, SOFT // 2, count_include_pad=False)
    paint = functional.interpolate(paint, scale_factor=2, mode="bilinear")
    share = (GAIN * (paint - LEAST)).clamp(0, 1)
    shown = share.flatten(1).any(1)
    if not shown.any():
        return mask, patch
    flow, own, painted = _between(generator, code, mel, shown)
    moved = warp(open_face.expand(len(mel), -1, -1, -1), flow, first_row=open_face.shape[3] // 2)
    other = own * moved + (1 - own) * painted
    kept = mask * (1 - share)
    return kept, (share * other + (1 - share) * (1 - mask) * patch) / (1 - kept).clamp(min=1e-6)


def _between(generator: Any, code: FaceCode, mel: Tensor, shown: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Move a face in every other moment, and give what lies between; not where nothing is shown, shape (B,) bool.

    Half of the work is saved, and the inside of a mouth moves less than its lips, whose edges the resting face gives.
    """
    import torch

    count = len(mel)
    keys = torch.linspace(0, count - 1, -(-count // EVERY)).round().long() if count > 2 else torch.arange(count)
    places = torch.arange(count)
    after = torch.searchsorted(keys, places).clamp(max=len(keys) - 1)
    before = (after - (keys[after] > places).long()).clamp(min=0)
    needed = torch.zeros(len(keys), dtype=torch.bool)
    needed[before[shown.cpu()]] = needed[after[shown.cpu()]] = True
    chosen = keys[needed].to(mel.device)
    drawn = generator.move(type(code)(*(part if len(part) == 1 else part[chosen] for part in code)), mel[chosen])
    slot = (needed.cumsum(0) - 1).clamp(min=0)
    gap = (keys[after] - keys[before]).clamp(min=1)
    late = ((places - keys[before]) / gap).to(mel)[:, None, None, None]
    first, last = (slot[ends].to(mel.device) for ends in (before, after))
    flow, own, painted = (torch.lerp(part[first], part[last], late) for part in drawn)
    return flow, own, painted
