"""Images in the geometry of a crop, looked at from the pixels of a frame."""

from __future__ import annotations

import numpy as np

FINE = 3  # points along a side of a pixel that are reached by cubics; between them run lines
ENLARGED = 2.0  # pixels of the frame along a side of one of the crop from which on that is worth while
COARSE = 4.0  # the same from which on every second pixel is looked up, and lines run between those


class CropSampler:
    """Values that lie over a crop, or over its lower part.

    Parameters
    ----------
    image : shape (h, w) or (h, w, C) float32
    factor : pixels of the image along a side of one of the crop
    top : row of the crop where it begins
    cubic : whether cubics run between its pixels, and its border goes on beyond it; else lines, and beyond it is 0
    """

    def __init__(self, image: np.ndarray, factor: float = 1.0, top: int = 0, cubic: bool = True) -> None:
        self._image, self._factor, self._top, self._cubic = image, factor, top, cubic
        self._refined: np.ndarray | None = None

    def sample(self, matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return the values in a region of a frame.

        Parameters
        ----------
        matrix : shape (2, 3), from pixel indices of the region to those of the crop
        shape : of the region, h, w
        """
        import cv2

        ratio = 1 / np.abs(matrix[:, :2]).max()
        image, place = self._image, _finer(matrix, self._factor)
        place[1, 2] -= self._top * self._factor
        if self._cubic and ratio < ENLARGED:
            return _warp(image, place, shape, cv2.INTER_CUBIC, cv2.BORDER_REPLICATE)
        if self._cubic:
            if self._refined is None:
                self._refined = cv2.resize(image, None, fx=FINE, fy=FINE, interpolation=cv2.INTER_CUBIC)
            image, place = self._refined, _finer(place, FINE)
        border = cv2.BORDER_REPLICATE if self._cubic else cv2.BORDER_CONSTANT
        if ratio < COARSE:
            return _warp(image, place, shape, cv2.INTER_LINEAR, border)
        height, width = (-(-length // 2) + 2 for length in shape)  # one more on each side
        coarse = _warp(image, at_step(place, 2, -2, -2), (height, width), cv2.INTER_LINEAR, border)
        doubled = cv2.resize(coarse, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR)
        return doubled[2 : 2 + shape[0], 2 : 2 + shape[1]]


def at_step(matrix: np.ndarray, step: int, left: int = 0, top: int = 0) -> np.ndarray:
    """Return an affine map (2, 3) of a frame's pixel indices as one of those of a layer or a region of it.

    Parameters
    ----------
    step : pixels of the frame along a side of one of the layer's
    left, top : the frame's pixel with which the layer begins
    """
    moved = matrix * (step, step, 1)
    moved[:, 2] += matrix[:, :2] @ (left + (step - 1) / 2, top + (step - 1) / 2)
    return moved


def _finer(matrix: np.ndarray, factor: float) -> np.ndarray:
    """Return a map to pixel indices as one to those of an image that is larger by a factor."""
    finer = matrix * factor
    finer[:, 2] += (factor - 1) / 2
    return finer


def _warp(image: np.ndarray, matrix: np.ndarray, shape: tuple[int, int], flags: int, border: int) -> np.ndarray:
    import cv2

    return cv2.warpAffine(image, matrix, shape[::-1], flags=flags | cv2.WARP_INVERSE_MAP, borderMode=border)
