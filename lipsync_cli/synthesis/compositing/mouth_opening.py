"""Lips that are parted: they keep their thickness, and between them the inside of the mouth is seen.

A generator that moves one picture has no pixels for the inside of a closed mouth: it stretches the lips and mixes a
patch in, which looks like milk. But its flow says how far each lip moves as a whole. So where the lips meet in the
rest frame is known, they are moved so, and what lies between them is laid in: what open mouths of the same person show
between their lips, or, where none is known, a picture of the inside in its place in the skull.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.faces.mesh.lips import ClosedLips
from lipsync_cli.media.video.yuv_frame import Layer, kept_as
from lipsync_cli.synthesis.compositing.mouth_textures import MouthTextures

if TYPE_CHECKING:
    from lipsync_cli.media.video.yuv_frame import Frame

APART = 0.01, 0.05  # of the mouth's width: from where on lips are parted, and where they are so in full
_ABOVE, _BELOW = 0.4, 0.9  # the same: so far from the line of the lips their movement is looked for
_SIDE = 0.6  # the same, from the middle to either side
_MIDDLE, _CORNER = 0.2, 0.48  # the same: where a mouth is widest, and to where it is open: it is a lens
_STILL = 0.28  # the same: so far above the line of the lips no word moves the face
_COLUMNS, _ROWS = 33, 80


class MouthInside(NamedTuple):
    """What is behind the lips of a rest frame.

    Attributes
    ----------
    lips : of the rest frame, in pixel indices of the crop
    layers : what is seen between them, over the whole of the reference's pixels, as these are kept
    textures : what is seen between them in place of that, where an open mouth of this person is known
    """

    lips: ClosedLips
    layers: list[Layer]
    textures: MouthTextures | None = None

    def showing(self, pixels: np.ndarray, reference: Frame) -> MouthInside:
        """Return the same lips with other pixels (h, w, 3) behind them, which cover those of the reference."""
        height, width = reference.shape[:2]
        return self._replace(layers=kept_as(pixels[:height, :width], reference))

    def extent(self) -> tuple[float, float, float, float]:
        """Return left, top, right and bottom of where lips can be, in pixels of the crop."""
        corners = np.array([(x, y) for x in (-_SIDE, _SIDE) for y in (-_ABOVE, _BELOW)]) * self.lips.width
        points = self.lips.middle + corners @ np.stack([self.lips.along, self.lips.down])
        (left, top), (right, bottom) = points.min(0), points.max(0)
        return left, top, right, bottom


class Parted(NamedTuple):
    """What is seen between lips in a region.

    Attributes
    ----------
    seen : shape (h, w) float32, how much of the inside is seen, 0 ... 1
    flow : shape (2,), from there to where it is in the rest frame, in pixels of the crop: the turn of the head
    gap : how far the lips are apart in the middle, in widths of the mouth
    along, down : shape (h, w), -1 ... 1 from corner to corner and 0 ... 1 from lip to lip
    """

    seen: np.ndarray
    flow: np.ndarray
    gap: float
    along: np.ndarray
    down: np.ndarray


def part_lips(lips: ClosedLips, guide: np.ndarray, matrix: np.ndarray, flow: np.ndarray, top: int) -> Parted:
    """Move lips as a whole where they part, and tell where the inside of the mouth is seen.

    Parameters
    ----------
    lips : of the rest frame, in pixel indices of the crop
    guide : shape (h, w, 3), flow in pixels of the crop, and mask, in a region of a frame; changed here
    matrix : shape (2, 3), from pixel indices of the region to those of the crop
    flow : shape (S - top, S, 2), the whole flow, in pixels of the crop
    top : row of the crop where the flow begins

    """
    columns, rows = np.meshgrid(*(np.arange(length) for length in guide.shape[1::-1]))
    here = np.stack([columns, rows], -1) @ matrix[:, :2].T + matrix[:, 2]
    x, y = lips.place(here)
    from_x, from_y = lips.place(here + guide[:, :, :2])
    away = y - lips.at(lips.line, x)
    edges = _find_edges(lips, flow, top)
    upper_edge, lower_edge, at_rest = (
        np.interp(x, edges.x, curve) for curve in (edges.upper, edges.lower, edges.at_rest)
    )
    parted = np.clip((lower_edge - upper_edge - APART[0]) / (APART[1] - APART[0]), 0, 1)
    parted *= np.clip((_SIDE - np.abs(x)) / 0.1, 0, 1)
    is_upper = away < (upper_edge + lower_edge) / 2
    wanted = np.where(is_upper, np.minimum(away - upper_edge, 0), np.maximum(away - lower_edge, 0))
    reach = np.where(is_upper, lips.at(lips.upper, from_x), lips.at(lips.lower, from_x))
    fine = lips.width / np.abs(matrix[:, :2]).max()  # pixels of the region over the mouth's width
    in_lip = parted * np.clip((reach - np.abs(wanted)) * fine, 0, 1)
    further = in_lip * (wanted - (from_y - lips.at(lips.line, from_x))) * lips.width
    guide[:, :, :2] += (further[..., None] * lips.down).astype(np.float32)
    guide[:, :, 2] += ((1 - guide[:, :, 2]) * in_lip).astype(np.float32)
    seen = np.clip((away - upper_edge) * fine + 0.5, 0, 1) * np.clip((lower_edge - away) * fine + 0.5, 0, 1)
    down = (away - upper_edge) / np.maximum(lower_edge - upper_edge, 1e-6)
    return Parted((seen * parted).astype(np.float32), edges.above, edges.gap, at_rest / _CORNER, down)


def measure_opening(lips: ClosedLips, flow: np.ndarray, top: int) -> float:
    """Return how far a flow parts the lips in the middle of the mouth, in its widths; see `part_lips`."""
    return _find_edges(lips, flow, top).gap


class _Edges(NamedTuple):
    """Where the inner edges of lips are that have moved, in widths of the mouth.

    Attributes
    ----------
    x : shape (n,), places along the mouth
    at_rest : shape (n,), where these are along the mouth at rest
    upper, lower : shape (n,), how far below the line of the lips each edge is
    above : shape (2,), the flow of what no word moves, above the mouth, in pixels of the crop
    """

    x: np.ndarray
    at_rest: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    above: np.ndarray

    @property
    def gap(self) -> float:
        """How far the lips are apart in the middle."""
        return float((self.lower - self.upper)[np.abs(self.x) <= _MIDDLE].mean())


def _find_edges(lips: ClosedLips, flow: np.ndarray, top: int) -> _Edges:
    """Find how far the lips have moved.

    A lip's outer edge shows how far it moves as a whole; the inner ones are as far from there as in the rest frame.
    """
    import cv2

    x, away = np.linspace(-_SIDE, _SIDE, _COLUMNS)[:, None], np.linspace(-_ABOVE, _BELOW, _ROWS)[None]
    height = lips.at(lips.line, x) + away
    points = lips.middle + lips.width * (x[..., None] * lips.along + height[..., None] * lips.down)
    places = points.astype(np.float32)
    moved: np.ndarray = cv2.remap(
        np.ascontiguousarray(flow), places[..., 0], places[..., 1] - top, cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    from_x, from_y = lips.place(points + moved)
    source = np.maximum.accumulate(from_y - lips.at(lips.line, from_x), axis=1)
    upper_edge, lower_edge, at_rest = np.zeros(_COLUMNS), np.zeros(_COLUMNS), np.zeros(_COLUMNS)
    for place in range(_COLUMNS):
        middle = at_rest[place] = from_x[place, int(np.abs(source[place]).argmin())]
        upper, lower = lips.at(lips.upper, middle), lips.at(lips.lower, middle)
        upper_edge[place] = np.interp(-upper, source[place], away[0]) + upper
        lower_edge[place] = np.interp(lower, source[place], away[0]) - lower
    middle, half = (upper_edge + lower_edge) / 2, np.maximum(lower_edge - upper_edge, 0) / 2
    widest = half[np.abs(x[:, 0]) <= _MIDDLE].max()
    half = np.minimum(half, widest * np.clip(1 - np.square(at_rest / _CORNER), 0, 1))
    above = moved[np.abs(x[:, 0]) <= _MIDDLE][:, np.abs(away[0] + _STILL).argmin()].mean(0)
    return _Edges(x[:, 0], at_rest, middle - half, middle + half, above)
