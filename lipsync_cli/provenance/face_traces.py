"""Traces that drawing a mouth may leave in a video without its original: sharpness, noise and a straight border.

The mouth is compared with the upper face of the same frame, so that a video's own blur, grain and coding cancel as far
as they are alike all over the face. Everything is measured in the video's own pixels, since resampling would level the
sharpness that is looked for; only large faces are made smaller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMES = (
    "mouth_slope",
    "mouth_coarse_slope",
    "chin_detail",
    "chin_slope",
    "face_slope",
    "mouth_noise",
    "chin_noise",
    "bottom_line",
)
VIEW_SIDES = 2.0  # side of a view in sides of the face's box, the box in its middle
LEAST_SIDE = 48  # pixels of a face's box below which nothing is said
MOST_SIDE = 240  # larger faces are made smaller

# x0, y0, x1, y1 in sides of the box, from its upper left corner
MOUTH = (0.25, 0.583, 0.75, 0.917)  # the crop rule's
UPPER = (0.1, 0.1, 0.9, 0.5)  # brow, eyes, bridge of the nose, upper cheeks
CHIN = ((0.05, 0.55, 0.22, 0.95), (0.78, 0.55, 0.95, 0.95), (0.25, 0.93, 0.75, 1.05))  # round the mouth
AROUND = ((-0.45, 0.0, -0.2, 1.2), (1.2, 0.0, 1.45, 1.2), (-0.3, 1.25, 1.3, 1.45))  # outside of any box of a face
LINES = (0.95, 1.3)  # where the lower edge of a pasted box may lie, y
LINE_COLUMNS = (0.1, 0.9)  # the stretch of such a line that is looked at, x
_FLOOR = 0.02  # grey levels squared: finer differences are rounding


def cut_view(grey: np.ndarray, box: np.ndarray, side: float) -> np.ndarray:
    """Cut the surroundings of a face out of a frame, moved by whole pixels so that none is resampled.

    Parameters
    ----------
    grey : shape (H, W) uint8
    box : x0, y0, x1, y1 of the face, pixels
    side : of the face's box, the same for all frames of a video; pixels

    Returns
    -------
    shape (n, n) uint8, n = 2 side rounded to an even number; what lies outside the frame repeats its border
    """
    size = 2 * round(VIEW_SIDES * side / 2)
    left, top = (round(float(low + high) / 2 - size / 2) for low, high in ((box[0], box[2]), (box[1], box[3])))
    rows = np.clip(np.arange(top, top + size), 0, grey.shape[0] - 1)
    columns = np.clip(np.arange(left, left + size), 0, grey.shape[1] - 1)
    return grey[rows[:, None], columns]


def measure_traces(pairs: Sequence[tuple[np.ndarray, np.ndarray]], side: float) -> np.ndarray:
    """Measure the traces of one video.

    Parameters
    ----------
    pairs : views of a frame and of the one after it, from `cut_view`, at moments spread over the video
    side : of the face's box in these views, pixels

    Returns
    -------
    shape (len(NAMES),) float64, finite: logarithms of ratios but for `bottom_line`, in standard deviations

    Raises
    ------
    ValueError : there are no pairs
    """
    if not pairs:
        raise ValueError("no frames")
    found = []
    for view, after in pairs:
        bands = _bands(view)
        mouth, upper, chin, around = (_energies(bands, side, places) for places in ((MOUTH,), (UPPER,), CHIN, AROUND))
        slope, usual, below, beside = (part[0] - part[1] for part in (mouth, upper, chin, around))
        noise = [np.nan] * 3
        change = after.astype(np.float32) - view
        if change.any():  # else the frame is shown twice
            noise = [_noise(change, side, places) for places in ((MOUTH,), CHIN, (UPPER,))]
        found.append(
            (
                slope - usual,
                mouth[1] - mouth[2] - upper[1] + upper[2],
                chin[0] - upper[0],
                below - usual,
                (below + usual) / 2 - beside,
                noise[0] - noise[2],
                noise[1] - noise[2],
            )
        )
    values = np.ma.median(np.ma.masked_invalid(found), axis=0).filled(0.0)
    return np.array([*values, _outstanding(np.mean([_lines(view, side) for view, _ in pairs], axis=0), side)])


def _bands(view: np.ndarray) -> list[np.ndarray]:
    """Return the energy of the finest diagonal details, in octaves: a list of (h, w) arrays, h and w halved each time.

    Diagonal Haar coefficients, shifted by every pixel of the finest octave, so that no grid is preferred.
    """
    grey = view.astype(np.float32)
    found = []
    for _ in range(3):
        cells = (grey[:-1, :-1] - grey[1:, :-1] - grey[:-1, 1:] + grey[1:, 1:]) / 2
        found.append(np.square(np.pad(cells, ((0, 1), (0, 1)), mode="edge")))
        height, width = (length // 2 * 2 for length in grey.shape)
        grey = grey[:height, :width].reshape(height // 2, 2, width // 2, 2).mean((1, 3))
    return found


def _part(shape: tuple[int, ...], side: float, scale: int, place: tuple[float, ...]) -> tuple[slice, slice]:
    """Return rows and columns of a place, given in sides of the box, in a view that was shrunk by `scale`."""
    start = [length / 2 - side / scale / 2 for length in shape[:2]]
    x0, y0, x1, y1 = (
        round(min(max(start[axis] + value * side / scale, 0), shape[axis]))
        for axis, value in ((1, place[0]), (0, place[1]), (1, place[2]), (0, place[3]))
    )
    return slice(y0, max(y1, y0 + 1)), slice(x0, max(x1, x0 + 1))


def _energies(bands: list[np.ndarray], side: float, places: tuple[tuple[float, ...], ...]) -> np.ndarray:
    """Return the logarithm of the mean energy of some places in each octave; the strongest tenth is left out."""
    found = []
    for octave, band in enumerate(bands):
        values = np.concatenate([band[_part(band.shape, side, 2**octave, place)].ravel() for place in places])
        values = np.sort(values)[: max(1, int(0.9 * len(values)))]
        found.append(np.log(values.mean() + _FLOOR))
    return np.array(found)


def _noise(change: np.ndarray, side: float, places: tuple[tuple[float, ...], ...]) -> float:
    """Return the logarithm of the finest diagonal details of the change from frame to frame: the stiller half."""
    band = _bands(change)[0]
    values = np.concatenate([band[_part(band.shape, side, 1, place)].ravel() for place in places])
    return float(np.log(np.sort(values)[: max(1, len(values) // 2)].mean() + _FLOOR))


def _lines(view: np.ndarray, side: float) -> np.ndarray:
    """Return how straight the step of grey below each row is: shape (n - 1,).

    A step that one pasted edge makes has the same sign all along it; an outline of a face is no straight line. So the
    signs are added up, and the sum is given in standard deviations of random signs. A line may lie a pixel aside.
    """
    _, columns = _part(view.shape, side, 1, (LINE_COLUMNS[0], 0, LINE_COLUMNS[1], 1))
    jumps = np.diff(view[:, columns].astype(np.float32), axis=0)
    above = jumps[1:-1] - (jumps[:-2] + jumps[2:]) / 2  # what the two neighbours do not have
    sums = np.pad(np.abs(np.sign(above).sum(1)) / np.sqrt(above.shape[1]), 2, mode="edge")
    return np.maximum(np.maximum(sums[:-2], sums[1:-1]), sums[2:])


def _outstanding(lines: np.ndarray, side: float) -> float:
    """Return by how much the straightest line below the mouth stands out of the others there."""
    start = len(lines) / 2 - side / 2
    first, last = (int(np.clip(start + value * side, 0, len(lines))) for value in LINES)
    return float(lines[first:last].max() - np.median(lines[first:last]))
