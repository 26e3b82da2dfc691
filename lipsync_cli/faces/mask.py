"""Which part of a crop is replaced: the lower face, fading out so softly that no border shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.faces.crop import CropRule

_TOP = 0.62  # of the box, downwards: where the mask begins, under the nose's bridge
_BOTTOM = 1.16  # below the chin
_HALF_WIDTH = 0.42  # of the box, from the middle
_FEATHER = 0.35  # of the mask's radius: from nothing to all
_ROUNDNESS = 2.5  # exponent of the superellipse; 2 is an ellipse
_FIRM_FEATHER, _FIRM_ROUNDNESS = 0.175, 4.5
_HARD_FEATHER, _HARD_ROUNDNESS = 0.06, 8.0


def lower_face_mask(rule: CropRule, size: int = 256, firm: bool = False, hard: bool = False) -> np.ndarray:
    """Make the mask of mouth, jaw and chin in the crop's geometry.

    Parameters
    ----------
    rule : the crop
    size : side of the mask in pixels; it is stretched over the crop
    firm : fade out over half of the way, and reach further into the corners, so that a mouth that is elsewhere than the
        one that is put in its place does not show beside it
    hard : at the top fade out over a sixth of the way, so that a mouth that is wider does not show above it either;
        with `firm`

    Returns
    -------
    shape (size, size) float32 in [0, 1]: a superellipse, 1 inside, 0 outside and on the upper half of the crop, with a
    smooth step (zero slope at both ends) between
    """
    import numpy as np

    def row(y: float) -> float:
        return (y - 0.5 - rule.shift_y) / rule.scale + 0.5

    top, bottom = max(0.5, row(_TOP - 0.06)), min(0.985, row(_BOTTOM))
    places = (np.arange(size) + 0.5) / size
    x = np.abs(places - 0.5)[None, :] / (_HALF_WIDTH / rule.scale)
    y = np.abs(places - (top + bottom) / 2)[:, None] / ((bottom - top) / 2)
    roundness: float | np.ndarray = _FIRM_ROUNDNESS if firm else _ROUNDNESS
    feather: float | np.ndarray = _FIRM_FEATHER if firm else _FEATHER
    if hard:
        is_upper = places[:, None] < (top + bottom) / 2
        roundness, feather = np.where(is_upper, _HARD_ROUNDNESS, roundness), np.where(is_upper, _HARD_FEATHER, feather)
    depth = 1 - (x**roundness + y**roundness) ** (1 / roundness)
    step = np.clip(depth / feather, 0, 1)
    return (step * step * (3 - 2 * step)).astype(np.float32)


def fading_masks(rule: CropRule) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make the soft, the firm and the hard mask, shape (256, 256) each."""
    return (
        lower_face_mask(rule),
        lower_face_mask(rule, firm=True),
        lower_face_mask(rule, firm=True, hard=True),
    )
