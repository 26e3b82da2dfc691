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

NEAR, SOFT = 5, 3  # pixels of the halved crop: what lies so near to paint goes with it; over so many it sets in
LEAST, GAIN = 0.1, 3.0  # paint below it is that of a mouth at rest; how fast the other face takes over above it


def show_inside(
    generator: Any, code: FaceCode, open_face: Tensor, mel: Tensor, mask: Tensor, patch: Tensor
) -> tuple[Tensor, Tensor]:
    """Put the picture of an open mouth where a resting face's is painted.

    Parameters
    ----------
    generator : with `move`, as `CompactGenerator`
    code : of the open face, in the poses that are drawn, or in one for all
    open_face : shape (1, 3, S, S), RGB in [0, 1]
    mel : shape (B, 1, 80, 27)
    mask, patch : shape (B, 1, S / 2, S) and (B, 3, S / 2, S), of the resting face with this speech

    Returns
    -------
    mask and patch in their place, of the same shapes
    """
    from torch.nn import functional

    paint = functional.max_pool2d(1 - mask, 2)
    for side in ((NEAR, 1), (1, NEAR)):  # one after the other: a fifth of the time of both at once
        paint = functional.max_pool2d(paint, side, 1, (side[0] // 2, side[1] // 2))
    paint = functional.avg_pool2d(paint, SOFT, 1, SOFT // 2, count_include_pad=False)
    paint = functional.interpolate(paint, scale_factor=2, mode="bilinear")
    share = (GAIN * (paint - LEAST)).clamp(0, 1)
    shown = share.flatten(1).any(1)
    if not shown.any():
        return mask, patch
    if not shown.all():  # the others cost nothing
        code = type(code)(*(part if len(part) == 1 else part[shown] for part in code))
        kept, painted = mask.clone(), patch.clone()
        kept[shown], painted[shown] = _mix(
            generator, code, open_face, mel[shown], share[shown], mask[shown], patch[shown]
        )
        return kept, painted
    return _mix(generator, code, open_face, mel, share, mask, patch)


def _mix(
    generator: Any, code: FaceCode, open_face: Tensor, mel: Tensor, share: Tensor, mask: Tensor, patch: Tensor
) -> tuple[Tensor, Tensor]:
    """Draw the open face and give it its share (B, 1, S / 2, S); see `show_inside`."""
    from lipsync_cli.models.compact import warp

    flow, own, painted = generator.move(code, mel)
    moved = warp(open_face.expand(len(mel), -1, -1, -1), flow, first_row=open_face.shape[3] // 2)
    other = own * moved + (1 - own) * painted
    kept = mask * (1 - share)
    return kept, (share * other + (1 - share) * (1 - mask) * patch) / (1 - kept).clamp(min=1e-6)
