"""Lower teeth that a face mesh takes for the lower lip: told from it by their brightness."""

from __future__ import annotations

import numpy as np

from lipsync_cli.faces.mesh.lips import Lips, MouthAxes

_SIDE, _COLUMNS = 0.4, 41  # of the mouth's width, to either side of its middle, where teeth are looked for
_LIP, _ROWS = (0.65, 0.95), 39  # of the lip's thickness, below its inner edge: there is no tooth
_BRIGHT = 1.15  # of the lip's brightness: teeth have more
_SEEN = 0.4  # of the columns, at least: fewer are a light on the lip
_DEEPEST = 0.5  # of the lip's thickness: what is bright further down is the lip itself, lit from above
_SMOOTH = 0.12  # of the mouth's width


def below_teeth(image: np.ndarray, lips: Lips, axes: MouthAxes) -> Lips:
    """Return lips whose lower one begins below the teeth that are seen at its inner edge.

    Parameters
    ----------
    image : shape (h, w, 3) uint8 RGB
    lips, axes : of an open mouth in it, from `measure_lips`
    """
    import cv2

    x, shares = np.linspace(-_SIDE, _SIDE, _COLUMNS)[:, None], np.linspace(0, _LIP[1], _ROWS)[None]
    edge, lower = (np.interp(x, lips.x, curve) for curve in (lips.upper_inner + lips.gap, lips.lower))
    height = edge + shares * lower
    places = axes.middle + axes.width * (x[..., None] * axes.along + height[..., None] * axes.down) - 0.5
    across, below = np.moveaxis(places.astype(np.float32), -1, 0)
    seen: np.ndarray = cv2.remap(image, across, below, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    bright = seen.astype(np.float64).mean(-1)
    lip, top = np.median(bright[:, shares[0] >= _LIP[0]], axis=1), bright[:, : _ROWS // 8].max(1)
    is_tooth = bright > ((lip + top) / 2)[:, None]
    ends = np.where(top > _BRIGHT * lip, _ROWS - is_tooth[:, ::-1].argmax(1), 0)
    known = (ends > 0) & (shares[0][ends - 1] < _LIP[0])
    if known.mean() < _SEEN or np.median(shares[0][ends[known]]) > _DEEPEST:
        return lips
    depth = np.interp(x[:, 0], x[known, 0], (shares[0][ends] * lower[:, 0])[known])
    kernel = np.hanning(round(_SMOOTH * (len(lips.x) - 1) / np.ptp(lips.x)) // 2 * 2 + 1)
    along = np.interp(lips.x, x[:, 0], depth, left=0, right=0)
    moved = np.convolve(along, kernel / kernel.sum(), "same").clip(0, _LIP[0] * lips.lower)
    return lips._replace(gap=lips.gap + moved, lower=lips.lower - moved)
