"""A picture whose mouth is open, with its lips together: they are moved, from their own pixels, over the teeth.

A generator that moves the lips of one picture needs one in which they rest. Where there is none, as in a photo of a
smile, one is made: the upper lip comes down and the lower one up until they meet, a wide smile becomes narrower and
straighter, and lips that a smile had stretched become fuller. Nose, chin, cheeks and the outline of the face stay.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lipsync_cli.faces.mesh.face_mesh import EYES, LOWER_INNER, LOWER_OUTER, UPPER_INNER, UPPER_OUTER
from lipsync_cli.faces.mesh.lips import (
    ClosedLips,
    Lips,
    MouthAxes,
    find_axes,
    measure_lips,
    mouth_gap,
    place_pixels,
    symmetry,
)

OPEN = 0.05  # gap of the inner lips over the mouth's width, from where on lips are apart
STRAIGHT = 0.35  # symmetry of a face, at least: of those that are turned further the mesh misses the lips
DARK = np.array([0.4, 0.3, 0.3])  # the colour behind teeth over the lower lip's
WIDEST = 0.6  # gap over the mouth's width: beyond it the jaw hangs, which moving lips does not mend

_NEUTRAL_WIDTH = 0.56  # of a mouth at rest, in distances of the outer eye corners
_NARROWEST = 0.85  # of a smile's width that is left of it
_UPPER_SHARE = 0.45, 0.3  # of the gap, which the upper lip closes: of a smile, and where the jaw is down
_JAW_DOWN = 0.15, 0.3  # gap over the mouth's width, from where on the jaw is down, and where it is so in full
_WIDER, _ROUND = 0.15, 0.8  # what closing does there: corners further apart, and how much an ellipse becomes a line
_STRAIGHTER = 0.4  # of a smile's bend, which is taken away
_FRINGE = 0.045  # of the mouth's width: of a lip's inner edge, where teeth shine through, so much is left out
_CORNER = 0.06  # the same: so far beyond the corners of the inside its dark reaches, where the jaw is down
_SEAM = 0.012  # the same: how wide the line is where lips meet
_SHADE = np.array([0.38, 0.5, 0.48], np.float32)  # how much darker that line is, in red, green and blue
_TONGUE = np.array([0.68, 0.52, 0.53])  # the same further down, where the tongue lies
_TONGUE_FROM, _TONGUE_TO = 0.02, 0.22  # of the mouth's width, below the teeth: where it begins, and where it is seen
_TEETH = np.array([0.93, 0.88, 0.8])  # the colour of teeth that are not seen, over the skin's brightest channel
_BRIGHT = 1.1  # of the lower lip's brightness: teeth have more
_ALIKE, _APART = 0.1, 0.15  # the same: what differs by less is of its colour; share of the inside that does not
_TOOTH = 0.1  # of the mouth's width: how wide a tooth is
_TEETH_LENGTH = 0.05  # of the mouth's width: so far below the line of the lips they reach


class ClosedMouth(NamedTuple):
    """A picture whose mouth is closed, and what is behind its lips.

    Attributes
    ----------
    picture : shape (H, W, 3) uint8 RGB
    inside : of the same shape: where the lips are parted, this is seen
    lips : of the picture
    was_open : whether the mouth was closed here
    """

    picture: np.ndarray
    inside: np.ndarray
    lips: ClosedLips
    was_open: bool


def close_mouth(image: np.ndarray, points: np.ndarray) -> ClosedMouth | None:
    """Close the mouth of a picture, if it is open.

    Parameters
    ----------
    image : shape (H, W, 3) uint8 RGB; stays as it is
    points : shape (468, 2), of its face mesh

    Returns
    -------
    None where the jaw hangs, the head is turned far, or the mouth is hidden, or lies in part outside of the picture
    """
    gap, axes, part = mouth_gap(points), find_axes(points), _find_part(image, points)
    is_open = gap >= OPEN
    if gap > WIDEST or part is None or symmetry(points) < STRAIGHT:
        return None
    lips_at = points[[*UPPER_OUTER, *LOWER_OUTER]]
    if (lips_at < 0).any() or (lips_at > image.shape[1::-1]).any() or (is_open and _is_hidden(image, points)):
        return None
    lips = measure_lips(points, axes)
    here = axes._replace(middle=axes.middle - (part[1].start, part[0].start))
    picture, inside = image.copy(), image.copy()
    if not is_open:
        half = lips.gap / 2
        curves = lips.x, lips.upper_inner + half, lips.upper + half, lips.lower + half
    else:
        shape = _shape(points, lips, axes)
        picture[part] = _draw(image[part], lips, here, shape)
        curves = shape.x, shape.line, shape.upper, shape.lower
    inside[part] = _draw_inside(image[part], lips, here, None if is_open and _shows_teeth(image, points) else curves[1])
    return ClosedMouth(picture, inside, ClosedLips(axes.middle - 0.5, axes.along, axes.width, *curves), is_open)


def _shows_teeth(image: np.ndarray, points: np.ndarray) -> bool:
    """Tell whether teeth are seen in an open mouth: what is brighter than the lower lip, or greener than its red."""
    inside, lip = _find_colours(image, points)
    return bool((np.quantile(inside, 0.7, axis=1) > _BRIGHT * np.median(lip, axis=1)).any())


def _is_hidden(image: np.ndarray, points: np.ndarray) -> bool:
    """Tell whether something lies over an open mouth: it is of one colour, inside as on the lower lip."""
    inside, lip = _find_colours(image, points)
    usual = np.median(lip, axis=1, keepdims=True)
    return bool((np.abs(inside - usual) > _ALIKE * np.maximum(usual, 32)).any(0).mean() < _APART)


def _find_colours(image: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the brightness and the green of some places inside an open mouth, and on its lower lip: each (2, n)."""
    upper, inner, outer = (points[list(line)[3:8]] for line in (UPPER_INNER, LOWER_INNER, LOWER_OUTER))
    shares = np.linspace(0.2, 0.8, 7)[:, None, None]
    height, width = image.shape[:2]

    def colours(first: np.ndarray, last: np.ndarray) -> np.ndarray:
        columns, rows = np.moveaxis((first + shares * (last - first)).astype(int), -1, 0)
        pixels = image[rows.clip(0, height - 1), columns.clip(0, width - 1)].reshape(-1, 3)
        return np.stack([pixels.mean(1), pixels[:, 1]])

    return colours(upper, inner), colours(inner, outer)


def _find_part(image: np.ndarray, points: np.ndarray) -> tuple[slice, slice] | None:
    """Return rows and columns of a picture around a face mesh (468, 2); None where it lies outside."""
    margin = find_axes(points).width / 4
    x0, y0 = np.maximum(np.floor(points.min(0) - margin), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(points.max(0) + margin), image.shape[1::-1]).astype(int)
    return (slice(int(y0), int(y1)), slice(int(x0), int(x1))) if x0 < x1 and y0 < y1 else None


def _draw_inside(image: np.ndarray, lips: Lips, axes: MouthAxes, line: np.ndarray | None = None) -> np.ndarray:
    """Draw what is behind the lips of a picture (h, w, 3): teeth, and the dark below them.

    Parameters
    ----------
    line : shape (n,), where lips will meet whose teeth are not seen and are drawn; None: teeth are the picture's own
    """
    import cv2

    x, y = place_pixels(image.shape[:2], axes)
    top, gap = np.interp(x, lips.x, lips.upper_inner), np.interp(x, lips.x, lips.gap)
    lip_at = (y > top + gap) & (y < top + gap + np.interp(x, lips.x, lips.lower)) & (np.abs(x) < 0.3)
    lip = np.median(image[lip_at], axis=0) if lip_at.any() else np.full(3, 128.0)
    soft = max(_FRINGE, 1 / axes.width)
    if line is None:
        height = np.clip(y, top + _FRINGE, None)
        place = axes.middle + axes.width * (x[..., None] * axes.along + height[..., None] * axes.down) - 0.5
        across, below = (np.ascontiguousarray(part, np.float32) for part in (place[..., 0], place[..., 1]))
        teeth: np.ndarray = cv2.remap(image, across, below, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        bottom, side, share = top + gap - _FRINGE, 0.47, 1.0
    else:
        skin = np.median(image[(np.abs(y - lips.nose) < 0.2) & (np.abs(x) < 0.8)], axis=0)
        bottom = np.interp(x, lips.x, line) + _TEETH_LENGTH * _smooth((0.5 - np.abs(x)) / 0.3)
        side, share = 0.38, 0.85
        teeth = _TEETH * float(skin.max()) * _shade_teeth(x, bottom - y)[..., None]
    seen = np.clip((bottom - y) / soft + 0.5, 0, 1) * _smooth((side - np.abs(x)) / 0.12 + 0.5)
    low = _smooth((y - bottom - _TONGUE_FROM) / (_TONGUE_TO - _TONGUE_FROM)) * _smooth((0.5 - np.abs(x)) / 0.3)
    behind = lip * (DARK + (_TONGUE - DARK) * low[..., None])
    return (behind + (teeth - behind) * (share * seen)[..., None]).round().astype(np.uint8)


def _shade_teeth(x: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Return how bright teeth are at places along the mouth, so far above their edge: less below the lip and aside."""
    gaps = np.abs((x / _TOOTH + 0.5) % 1 - 0.5) * _TOOTH
    shade: np.ndarray = (1 - 0.5 * _smooth(above / 0.12)) * (1 - 0.5 * np.square(x / 0.4).clip(0, 1))
    return shade * (1 - 0.2 * np.exp(-np.square(gaps / 0.008)))


class _Shape(NamedTuple):
    """Lips that are brought together: of places along the open mouth (n,), what becomes of them.

    Attributes
    ----------
    x : shape (n,), where they are along the closed mouth
    line, upper, lower : shape (n,), where the lips meet, and how thick they are then
    share : of the gap, which the upper lip closes
    shut : shape (n,), 0 ... 1, how much of the lips' inner edges is left out
    """

    x: np.ndarray
    line: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    share: float
    shut: np.ndarray


def _shape(points: np.ndarray, lips: Lips, axes: MouthAxes) -> _Shape:
    """Return how the lips of an open mouth meet.

    A smile is wider than a mouth at rest, and an open jaw draws the corners in. The outline of a mouth whose jaw is
    down is an ellipse, steep at its corners: brought together column by column, it would be a box. So its steep ends
    are spread along the line, and the lips become thin towards them.
    """
    down = float(_smooth(np.subtract(mouth_gap(points), _JAW_DOWN[0]) / (_JAW_DOWN[1] - _JAW_DOWN[0])))
    eyes = float(np.linalg.norm(np.subtract(*points[list(EYES)])))
    narrow = float(np.clip(_NEUTRAL_WIDTH * eyes / axes.width, _NARROWEST, 1 + _WIDER * down))
    share = _UPPER_SHARE[0] + down * (_UPPER_SHARE[1] - _UPPER_SHARE[0])
    spread = np.where(np.abs(lips.x) < 0.5, np.sin(np.pi * lips.x.clip(-0.5, 0.5)) / 2, lips.x)
    x = np.interp(lips.x, lips.x + down * _ROUND * (spread - lips.x), lips.x)
    line = lips.upper_inner + share * lips.gap
    line = line + _STRAIGHTER * (np.interp(0, lips.x, line) - line) * _smooth((0.9 - np.abs(lips.x)) / 0.5)

    def thinned(thickness: np.ndarray) -> np.ndarray:
        lens = thickness[np.abs(x) < 0.2].max() * np.clip(1 - np.square(2 * x), 0, 1) ** 0.7
        thinner: np.ndarray = thickness + down * (np.minimum(thickness, lens) - thickness)
        return thinner

    fuller = max(1 / narrow, 1.0)
    beside = max(1, round(_CORNER * down / (lips.x[1] - lips.x[0])))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(lips.gap, beside, "edge"), 2 * beside + 1).max(1)
    shut = np.minimum((lips.gap if down == 0 else around) / _FRINGE, 1)
    return _Shape(x * narrow, line, thinned(lips.upper * fuller**2), thinned(lips.lower * fuller), share, shut)


def _draw(image: np.ndarray, lips: Lips, axes: MouthAxes, shape: _Shape) -> np.ndarray:
    """Draw a picture (h, w, 3) with its lips together."""
    import cv2

    x, y = place_pixels(image.shape[:2], axes)
    x = x + (np.interp(x, shape.x, lips.x) - x) * _near_mouth(x, y, lips)

    def at(curve: np.ndarray) -> np.ndarray:
        return np.interp(x, lips.x, curve)

    shift = at(shape.line - lips.upper_inner - shape.share * lips.gap)
    meet, gap, shut = at(shape.line), at(lips.gap), at(shape.shut)
    above = meet - y
    up = _moved(above, shape.share * gap, at(lips.upper), at(shape.upper), meet - lips.nose, shift, shut=shut)
    down = _moved(-above, (1 - shape.share) * gap, at(lips.lower), at(shape.lower), lips.chin - meet, -shift, shut=shut)

    def sample(y: np.ndarray) -> np.ndarray:
        place = axes.middle + axes.width * (x[..., None] * axes.along + y[..., None] * axes.down) - 0.5
        across, below = (np.ascontiguousarray(part, np.float32) for part in (place[..., 0], place[..., 1]))
        taken: np.ndarray = cv2.remap(image, across, below, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return taken.astype(np.float32)

    is_above = np.clip(above * axes.width + 0.5, 0, 1)[..., None].astype(np.float32)
    drawn = sample(y - up) * is_above + sample(y + down) * (1 - is_above)
    inside = np.minimum(at(lips.gap) / 0.05, 1) * _smooth((0.62 - np.abs(x)) / 0.2)
    seam = inside * np.exp(-np.square(above / max(_SEAM, 0.6 / axes.width)))
    drawn *= 1 - seam[..., None].astype(np.float32) * _SHADE
    return np.clip(drawn, 0, 255).round().astype(np.uint8)


def _near_mouth(x: np.ndarray, y: np.ndarray, lips: Lips) -> np.ndarray:
    """Return how much of the narrowing there is at places: 1 at the mouth, 0 at nose, chin and the face's sides."""
    middle = float(np.interp(0, lips.x, lips.upper_inner + lips.gap / 2))
    vertical = np.where(
        y < middle, (y - lips.nose) / max(middle - lips.nose, 0.1), (lips.chin - y) / max(lips.chin - middle, 0.1)
    )
    side = max(0.9 * lips.sides, 0.6)
    return _smooth(vertical) * _smooth((side - np.abs(x)) / (side - 0.5))


def _moved(
    away: np.ndarray,
    gap: np.ndarray,
    thickness: np.ndarray,
    full: np.ndarray,
    room: np.ndarray,
    shift: np.ndarray,
    *,
    shut: np.ndarray,
) -> np.ndarray:
    """Return how far from where the lips meet, beyond a place, its pixel lay before; shapes (h, w).

    Parameters
    ----------
    away : distance of the place from where the lips meet
    gap : how far this lip has moved
    thickness, full : of the lip before, and now
    room : distance at which nothing moves any more
    shift : how far the mouth's line has moved towards the place
    shut : 0 ... 1, how much of the lip's inner edge is left out
    """
    fringe = np.minimum(_FRINGE, 0.45 * thickness) * shut
    at_border, full = gap + thickness - full, full + 1e-6
    room = np.maximum(room, full + 0.05)
    beyond = _smooth(1 - (away - full) / (room - full))
    in_lip = np.clip(away / full, 0, 1)
    inner = (gap + fringe) * (1 - in_lip) + at_border * in_lip
    return np.where(away < full, inner, at_border * beyond) + shift * np.where(away < full, 1, beyond)


def _smooth(x: np.ndarray) -> np.ndarray:
    """Return 0 up to 0, 1 from 1 on, and a smooth way between."""
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)
