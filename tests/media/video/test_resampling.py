"""Windows onto frames show the same picture, whatever the frame is kept as and however much they shrink it."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.media.video.resampling import grey_window, shrunk, window
from lipsync_cli.media.video.yuv_frame import YuvFrame

WIDTH, HEIGHT = 634, 402
SIZE = 40


def picture(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Y, U, V (3, ...) at places in pixels of the frame; pixel (i, j) shows the place (j + 0.5, i + 0.5)."""
    return np.stack([125 + 70 * np.sin(x / 40 + y / 61), 100 + x / 30, 150 - y / 25])


@pytest.fixture(scope="module")
def frame() -> YuvFrame:
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    luma = picture(x, y)[0]
    chroma = picture(*(2 * (np.mgrid[: HEIGHT // 2, : WIDTH // 2][::-1] + 0.5)))[1:]
    planes = np.concatenate([luma.ravel(), chroma.ravel()]).reshape(-1, WIDTH)
    return YuvFrame(np.rint(planes).astype(np.uint8), "bt709")


def to_window(ratio: float, x0: float, y0: float) -> np.ndarray:
    """Return the map to a window that begins at a place and shows `ratio` pixels of the frame in each of its own."""
    return np.array([[1 / ratio, 0, (0.5 - x0) / ratio - 0.5], [0, 1 / ratio, (0.5 - y0) / ratio - 0.5]])


@pytest.mark.parametrize("ratio", [1.3, 3.9, 4.1, 5.3, 9.7])
@pytest.mark.parametrize("kind", ["planes", "rgb"])
def test_it_shows_what_is_there(frame, ratio, kind):
    x0, y0 = 3.7, 2.3
    matrix, fine = to_window(ratio, x0, y0), int(np.ceil(ratio))
    x, y = np.meshgrid(*(start + (np.arange(SIZE) + 0.5) * ratio for start in (x0, y0)))
    luma = picture(x, y)[0]
    wanted = np.asarray(YuvFrame(_planes(x, y), "bt709"))
    given = frame if kind == "planes" else np.asarray(frame)
    found = window(given, matrix, SIZE, fine)
    assert found.shape == (SIZE, SIZE, 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - wanted)[2:-2, 2:-2].max() <= 5
    assert np.abs(found.astype(int) - wanted).mean() < 1
    bright = grey_window(given, matrix, SIZE, fine)
    assert np.abs(bright - (luma - 16) * 255 / 219).max() < (3 if kind == "planes" else 6)  # U and V spread over 2 x 2


def _planes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the window's own planes, its colours averaged over 2 x 2."""
    luma, *chroma = np.rint(picture(x, y))
    half = [plane.reshape(SIZE // 2, 2, SIZE // 2, 2).mean((1, 3)) for plane in chroma]
    return (
        np.concatenate([luma.ravel(), *(np.rint(plane).ravel() for plane in half)]).reshape(-1, SIZE).astype(np.uint8)
    )


@pytest.mark.parametrize("ratio", [3.0, 7.0])
@pytest.mark.parametrize("kind", ["planes", "rgb"])
def test_every_pixel_counts_the_same(ratio, kind):
    luma = np.full((HEIGHT, WIDTH), 60, np.uint8)
    luma[:, ::7] = 235  # a seventh of the light
    frame = YuvFrame(np.concatenate([luma, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)]), "bt709")
    given = frame if kind == "planes" else np.asarray(frame)
    found = window(given, to_window(ratio, 20.4, 10.9), SIZE, int(np.ceil(ratio))).astype(float)
    assert abs(found.mean() - np.asarray(frame)[:280, :280].mean()) < 2


@pytest.mark.parametrize("kind", ["planes", "rgb"])
@pytest.mark.parametrize("corner", [(-200, -150), (500, 300), (10, 395), (-900, 20), (2000, 2000)])
def test_beyond_the_frame_its_border_goes_on(frame, corner, kind):
    ratio = 6.0
    rows, columns = (
        np.clip(np.arange(240) + start, 0, end - 1) for start, end in ((corner[1], HEIGHT), (corner[0], WIDTH))
    )
    whole = np.asarray(frame)
    wanted = whole[np.ix_(rows, columns)].reshape(SIZE, 6, SIZE, 6, 3).mean((1, 3))
    found = window(frame if kind == "planes" else whole, to_window(ratio, *corner), SIZE, 6)
    assert np.abs(found - wanted).max() < 6


@pytest.mark.parametrize("ratio", [4.3, 6.1])
def test_colours_lie_where_they_belong(ratio):
    """U rises to the right and V downwards: a shift by half a pixel would show in the mean."""
    y, x = np.mgrid[: HEIGHT // 2, : WIDTH // 2] * 2.0 + 1
    planes = [np.full((HEIGHT, WIDTH), 125.0), 128 + (x - 140) / 3, 128 + (y - 140) / 3]
    frame = YuvFrame(np.rint(np.concatenate([p.ravel() for p in planes])).reshape(-1, WIDTH).astype(np.uint8), "bt709")
    x0, y0 = 140 - ratio * SIZE / 2 + 0.3, 140 - ratio * SIZE / 2 + 0.6
    found = window(frame, to_window(ratio, x0, y0), SIZE, int(np.ceil(ratio))).astype(float)
    shift = found.mean((0, 1)) - (125 - 16) * 255 / 219
    assert np.abs(shift[[2, 0]] - [2.112 * 0.3 / 3, 1.793 * 0.6 / 3]).max() < 0.2  # ITU-R BT.709's 1.8556 and 1.5748


@pytest.mark.parametrize("size", [(317, 201), (500, 320), (90, 57)])
def test_a_shrunk_frame_looks_alike_from_planes_and_from_rgb(frame, size):
    found, wanted = shrunk(frame, *size).astype(int), shrunk(np.asarray(frame), *size)
    assert found.shape == wanted.shape == (size[1], size[0], 3)
    assert np.abs(found - wanted).max() <= 4
    assert np.abs((found - wanted).mean((0, 1))).max() < 0.5
