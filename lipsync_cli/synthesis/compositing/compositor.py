"""From what the network drew to pixels of the frame: the source's own, moved, and mixed in without a border."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.faces.alignment import compose_affine
from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.media.video.yuv_frame import Layer, as_layers, blend, cut_out, halve, layers
from lipsync_cli.synthesis.compositing.colour_limits import ColourLimits, skin_chroma
from lipsync_cli.synthesis.compositing.crop_sampler import CropSampler, at_step
from lipsync_cli.synthesis.compositing.flow_calibration import FlowCalibration
from lipsync_cli.synthesis.compositing.masks import FadingMasks
from lipsync_cli.synthesis.compositing.mouth_opening import MouthInside, Parted, part_lips

if TYPE_CHECKING:
    from lipsync_cli.faces.mesh.lips import ClosedLips
    from lipsync_cli.faces.occlusion import OcclusionMask
    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput

TINT_SIZE = 32  # pixels: colours are matched on a copy of the region that is no larger
TINT_BORDER = 0.02, 0.5  # between these weights of the mask the frame and the drawn face are compared
TINT_OUTLIER = 1.5  # of the usual difference along the border: what differs by more counts by half and less
MARGIN = 0.25  # of the crop's side: what is kept of the reference around its crop, since the flow may point there


class ReferenceFace(NamedTuple):
    """The face whose pixels are moved.

    Attributes
    ----------
    pixels : shape (h, w, 3), a part of a frame at full size
    matrix : shape (2, 3), from pixel indices of `pixels` to those of the crop
    crop : shape (S, S, 3) uint8 RGB, what the network sees of it
    skin : shape (2,), its colour, from `skin_chroma`
    opened : the same face in the same pose with its mouth open, or None
    inside : what is behind the lips, or None if it is not known
    calibration : how the generator's flow is changed, or None if it is not
    """

    pixels: Frame
    matrix: np.ndarray
    crop: np.ndarray
    skin: np.ndarray
    opened: ReferenceFace | None = None
    inside: MouthInside | None = None
    calibration: FlowCalibration | None = None


def reference_face(frame: Frame, box: np.ndarray, rule: CropRule) -> ReferenceFace:
    """Keep the face in `box` of a frame (H, W, 3) as a reference."""
    pixels, left, top = cut_out(frame, *reference_part(box, rule))
    matrix = rule.matrix(box)
    matrix[:, 2] += matrix[:, :2] @ (left, top)
    crop = crop_face(frame, box, rule)
    return ReferenceFace(pixels, matrix, crop, skin_chroma(crop, rule))


def with_inside(
    face: ReferenceFace, lips: ClosedLips, inside: np.ndarray, box: np.ndarray, rule: CropRule
) -> ReferenceFace:
    """Return a reference with what is behind its lips.

    Parameters
    ----------
    face : from `reference_face`
    lips : in pixel indices of the frame
    inside : shape (H, W, 3) uint8 RGB, what is behind them, over the whole frame
    """
    behind = MouthInside(lips.transformed(rule.matrix(box)), [])
    return face._replace(inside=behind.showing(np.asarray(cut_out(inside, *reference_part(box, rule))[0]), face.pixels))


def reference_part(box: np.ndarray, rule: CropRule) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what is kept around the face in a box, even numbers."""
    x0, y0, side = rule.square(box)
    left, top = (int(start - MARGIN * side) // 2 * 2 for start in (x0, y0))
    right, bottom = (int(start + (1 + MARGIN) * side) // 2 * 2 + 2 for start in (x0, y0))
    return left, top, right, bottom


class Shown(NamedTuple):
    """How much of a generated mouth is put into a frame, and where.

    Attributes
    ----------
    share : 0 ... 1
    firm : how much of the firm mask is used in place of the soft one, 0 ... 1
    covered : what lies over the face, and stays; None: nothing
    """

    share: float = 1.0
    firm: float = 0.0
    covered: OcclusionMask | None = None


FULLY = Shown()


class Compositor:
    """Puts generated mouths into frames, at the frames' own resolution, and changes nothing outside the mask.

    Parameters
    ----------
    rule : the crop that the generated mouths show
    mask : shape (K, K) float32 in [0, 1], how much of the crop is replaced, in the crop's geometry at any size
    firm : the same, each fading over a shorter way, for faces whose own mouth would show; see `FadingMasks`
    """

    def __init__(self, rule: CropRule, mask: np.ndarray, *firm: np.ndarray) -> None:
        self._rule, self._gamut = rule, ColourLimits(rule)
        self._masks = FadingMasks((mask, *firm), rule.size)
        rows, columns = np.flatnonzero(mask.max(1)), np.flatnonzero(mask.max(0))
        size = len(mask)
        self._extent = columns[0] / size, rows[0] / size, (columns[-1] + 1) / size, (rows[-1] + 1) / size

    def compose(
        self,
        frame: Frame,
        matrix: np.ndarray,
        generated: GeneratorOutput,
        reference: ReferenceFace,
        shown: Shown = FULLY,
    ) -> Frame:
        """Return the frame with the generated lower face.

        Parameters
        ----------
        frame : shape (H, W, 3) uint8 RGB; stays as it is
        matrix : shape (2, 3), from pixel indices of the frame to those of the crop that was generated
        generated : of one crop
        reference : the face that the generated flow points into
        shown : how much of it, and where
        """
        extent = tuple(value * self._rule.size for value in self._extent)
        region = find_region(matrix, extent, frame.shape, layers(frame)[-1].step)
        if region is None:
            return frame
        rows, columns = region
        shape = rows.stop - rows.start, columns.stop - columns.start
        moved = at_step(matrix, 1, columns.start, rows.start)
        face, covered = self._face(moved, shape, generated, reference), shown.covered
        below = Layer(1, [part[rows, columns] for part in layers(frame)[0].parts])
        weight, firm = self._masks.choose(moved, shape, shown.firm, face[0], below)
        if covered is not None:
            half = self._rule.size // 2
            factor = covered.opacity.shape[1] / self._rule.size
            over = CropSampler(covered.opacity, factor, top=half).sample(moved, shape)
            weight = weight * (1 - np.clip(over, 0, 1))
        weights = [weight if layer.step == 1 else halve(weight) for layer in face]
        tint = None if generated.flow is None else firm
        if tint != 0:
            face = [_tinted(*each, rows, columns, tint) for each in zip(face, layers(frame), weights, strict=True)]
        return blend(frame, rows, columns, face, [np.float32(shown.share) * weight for weight in weights])

    def _face(
        self, matrix: np.ndarray, shape: tuple[int, int], generated: GeneratorOutput, reference: ReferenceFace
    ) -> list[Layer]:
        """Return the layers of the face in a region, whose pixel indices `matrix` maps to those of the crop."""
        if generated.flow is None or generated.mask is None or generated.patch is None:
            assert generated.image is not None
            return lay_out(generated.image, matrix, shape, reference.pixels)
        size = self._rule.size
        half = size // 2  # above it there is no flow, and what is there must not be mixed into the first rows below
        patch = self._gamut.keep(generated.patch[-half:], reference.skin)
        still = lay_out(patch, matrix, shape, reference.pixels, half)
        field = CropSampler(np.dstack([generated.flow[-half:] * np.float32(size), generated.mask[-half:]]), top=half)
        guide = field.sample(matrix, shape)
        parted = None if reference.inside is None else self._part(guide, generated, matrix, reference.inside)
        x, y = _aim(guide, matrix, reference.matrix)
        share = np.clip(guide[:, :, 2], 0, 1)
        face = []
        for (step, parts), (_, patches) in zip(layers(reference.pixels), still, strict=True):
            if step > 1:
                x, y, share = _coarser(x, step), _coarser(y, step), halve(share)
            face.append(Layer(step, [_moved(*each, x, y, share) for each in zip(parts, patches, strict=True)]))
        if parted is not None and reference.inside is not None:
            _lay_inside(face, reference, *parted)
        return face

    def _part(
        self, guide: np.ndarray, generated: GeneratorOutput, matrix: np.ndarray, inside: MouthInside
    ) -> tuple[Parted, np.ndarray, tuple[slice, slice]] | None:
        """Part the lips in a region.

        Returns
        -------
        what is seen in a part of the region, its matrix, and its rows and columns; None: nothing is
        """
        region = find_region(matrix, inside.extent(), guide.shape, 2)
        if region is None or generated.flow is None:
            return None
        rows, columns = region
        moved, half = at_step(matrix, 1, columns.start, rows.start), self._rule.size // 2
        flow = generated.flow[-half:] * np.float32(self._rule.size)
        return part_lips(inside.lips, guide[rows, columns], moved, flow, half), moved, region


def find_region(
    matrix: np.ndarray, extent: tuple[float, float, float, float], shape: tuple[int, ...], step: int
) -> tuple[slice, slice] | None:
    """Return the rows and columns of a frame or region in which a part of the crop lies, None if none do.

    Parameters
    ----------
    matrix : shape (2, 3), from pixel indices of the frame to those of the crop
    extent : left, top, right and bottom of the part, in pixels of the crop
    shape : of the frame, h, w and more
    step : of its coarsest layer; the rows and columns begin and end between its pixels
    """
    import cv2

    left, top, right, bottom = extent
    corners = np.array([[left, left, right, right], [top, bottom, top, bottom]]) - 0.5
    back: np.ndarray = cv2.invertAffineTransform(matrix)
    places = back[:, :2] @ corners + back[:, 2:]
    first, last = np.floor(places.min(1)).astype(int) - 1, np.ceil(places.max(1)).astype(int) + 2
    columns, rows = (
        slice(max(0, start // step * step), min(length, -(-stop // step) * step))
        for start, stop, length in zip(first, last, shape[1::-1], strict=True)
    )
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def _lay_inside(
    face: list[Layer], reference: ReferenceFace, parted: Parted, matrix: np.ndarray, region: tuple[slice, slice]
) -> None:
    """Lay what is behind the lips over the layers of a face, which are changed.

    Parameters
    ----------
    reference : whose inside is known
    parted : how much of it is seen, (h, w), in a part of the face
    matrix : shape (2, 3), from pixel indices of that part to those of the crop
    region : rows and columns of the part
    """
    inside, seen = reference.inside, parted.seen
    assert inside is not None
    if inside.textures is not None:
        shown = as_layers(inside.textures.look(parted.gap, parted.along, parted.down), reference.pixels)
        for (step, parts), (_, below) in zip(shown, face, strict=True):
            share = seen if step == 1 else halve(seen)
            here = tuple(slice(part.start // step, part.stop // step) for part in region)
            for part, drawn in zip(parts, below, strict=True):
                over = (part if step == 1 else halve(part)) - drawn[here]
                drawn[here] += over * (share if over.ndim == 2 else share[..., None])
        return
    guide = np.full((*seen.shape, 3), (*parted.flow, 0), np.float32)
    x, y = _aim(guide, matrix, reference.matrix)
    for (step, parts), (_, below) in zip(inside.layers, face, strict=True):
        if step > 1:
            x, y, seen = _coarser(x, step), _coarser(y, step), halve(seen)
        here = tuple(slice(part.start // step, part.stop // step) for part in region)
        for part, drawn in zip(parts, below, strict=True):
            drawn[here] = _moved(part, drawn[here], x, y, seen)


def _coarser(places: np.ndarray, step: int) -> np.ndarray:
    """Return pixel indices (h, w) of a frame as those of a layer, at the layer's pixels."""
    return (halve(places) - (step - 1) / 2) / step


def lay_out(image: np.ndarray, matrix: np.ndarray, shape: tuple[int, int], frame: Frame, top: int = 0) -> list[Layer]:
    """Return the layers, as a frame's, of an image (h, w, 3) float32 in [0, 1] that covers the crop from `top` on."""
    laid = []
    for step, parts in as_layers(image * np.float32(255), frame):
        here, size = at_step(matrix, step), (shape[0] // step, shape[1] // step)
        laid.append(Layer(step, [CropSampler(part, top=top).sample(here, size) for part in parts]))
    return laid


def _aim(guide: np.ndarray, matrix: np.ndarray, own: np.ndarray) -> list[np.ndarray]:
    """Return where the flow points from a region: x and y (h, w) float32, in pixel indices of the reference.

    Parameters
    ----------
    guide : shape (h, w, 3), the flow in pixels of the crop, and a third channel
    matrix, own : shape (2, 3), from pixel indices of the region, and of the reference, to those of the crop
    """
    import cv2

    back: np.ndarray = cv2.invertAffineTransform(own)
    there = compose_affine(back, matrix)
    columns = np.arange(guide.shape[1], dtype=np.float32)[None, :]
    rows = np.arange(guide.shape[0], dtype=np.float32)[:, None]
    maps = []
    for (a, b, _), (c, d, e) in zip(back, there.astype(np.float32), strict=True):
        flow = cv2.transform(guide, np.array([[a, b, 0]], np.float32))
        flow += c * columns
        flow += d * rows + e
        maps.append(flow)
    return maps


def _moved(part: np.ndarray, patch: np.ndarray, x: np.ndarray, y: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return one's pixels from these places, by their share, over another's."""
    import cv2

    moved = cv2.remap(part.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    moved -= patch
    moved *= share if moved.ndim == 2 else share[:, :, None]
    moved += patch
    return moved


def _tinted(face: Layer, frame: Layer, weight: np.ndarray, rows: slice, columns: slice, firm: float | None) -> Layer:
    """Return a layer of a face in the frame's colours, given the frame's rows and columns.

    Parameters
    ----------
    firm : how far, of a face whose own mouth would show; None: fully, of one that was drawn anew
    """
    step, parts = frame
    here = slice(rows.start // step, rows.stop // step), slice(columns.start // step, columns.stop // step)
    tints = (_tint(old[here] - new, weight, firm is not None) for old, new in zip(parts, face.parts, strict=True))
    share = np.float32(1 if firm is None else firm)
    return Layer(step, [new + share * tint for new, tint in zip(face.parts, tints, strict=True)])


def _tint(difference: np.ndarray, weight: np.ndarray, robust: bool) -> np.ndarray:
    """Return what to add to a face that was drawn anew so that its colour meets the frame's along the mask's border.

    Parameters
    ----------
    difference : shape (h, w) or (h, w, 3) float32, frame minus face
    weight : shape (h, w) float32, the mask
    robust : whether what differs by far more than usual along the border counts less: a lip below skin is no light

    Returns
    -------
    of the same shape, float32: the differences at the border carried smoothly into the middle
    """
    import cv2

    height, width = weight.shape
    factor = min(1.0, TINT_SIZE / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    border = ((weight > TINT_BORDER[0]) & (weight < TINT_BORDER[1])).astype(np.float32)
    if robust and border.any():
        size_of = np.abs(difference) if difference.ndim == 2 else np.abs(difference).mean(2)
        usual = float(np.median(size_of[border > 0]))
        border /= 1 + np.square(size_of / (TINT_OUTLIER * usual + 1))
    seen = np.dstack([difference * (border if difference.ndim == 2 else border[:, :, None]), border])
    known = cv2.GaussianBlur(cv2.resize(seen, size, interpolation=cv2.INTER_AREA), (0, 0), max(size) / 6)
    tint = known[:, :, :-1] / (known[:, :, -1:] + 1e-3)
    return cv2.resize(tint, (width, height), interpolation=cv2.INTER_LINEAR).reshape(difference.shape)
