"""Sharpness: known edges have known widths, and blur lowers what noise raises."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.metrics.image.cpbd import cpbd, edge_widths
from lipsync_cli.metrics.image.sharpness import detail, mouth_over_face, to_grey

MOUTH, BOX = CropRule().mouth_region(), CropRule().box_in_crop()


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return cv2.resize(astronaut()[40:200, 150:310], (96, 96), interpolation=cv2.INTER_AREA)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma) if sigma else image


def ramp(width: int, low: int = 50, high: int = 170, size: int = 128) -> np.ndarray:
    """A vertical edge that takes `width` pixels from one grey to the other."""
    columns = np.arange(size) - size // 2
    return np.tile(np.interp(columns, (0, width), (low, high)).astype(np.uint8), (size, 1))


@pytest.mark.parametrize("width", [2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_an_edge_is_as_wide_as_it_was_made(width: int, is_mirrored: bool) -> None:
    # A step whose strongest gradient is at one place: the widths' definition leaves no choice then.
    columns = np.concatenate([np.full(60, 40), 40 + 120 / (1 + np.exp(-8 * (np.arange(1, width) / width - 0.5)))])
    row = np.rint(np.concatenate([columns, np.full(128 - len(columns), 160)])).astype(np.uint8)
    image = np.tile(row[::-1] if is_mirrored else row, (128, 1))
    found = edge_widths(image)
    assert set(np.unique(found[found > 0])) == {width}


def test_edges_up_to_the_just_noticeable_width_are_sharp() -> None:
    assert [cpbd(ramp(width)) for width in (2, 3, 4, 6)] == [1, 1, 0, 0]  # contrast 120: 3 pixels
    assert [cpbd(ramp(width, 100, 148)) for width in (2, 4, 5, 6)] == [1, 1, 1, 0]  # contrast 48: 5 pixels


def test_cpbd_falls_with_blur_and_is_none_without_edges(face: np.ndarray) -> None:
    for image in (to_grey(face), to_grey(astronaut())):
        figures = [cpbd(blurred(image, sigma)) for sigma in (0, 0.5, 1, 1.5, 2)]
        assert figures == sorted(figures, reverse=True)
        assert figures[0] > 0.3
        assert figures[-1] < 0.1
    assert np.isnan(cpbd(np.full((96, 96), 90, np.uint8)))
    assert np.isnan(cpbd(to_grey(face).T[:2]))
    assert 0 <= cpbd(to_grey(face)[:40, :30]) <= 1


def test_cpbd_refuses_what_is_not_grey(face: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a grey picture of 8 bits"):
        cpbd(face)


def test_detail_is_the_root_mean_square_of_opencvs_laplacian(face: np.ndarray) -> None:
    row0, row1, column0, column1 = MOUTH
    expected = cv2.Laplacian(to_grey(face), cv2.CV_64F)[row0:row1, column0:column1]
    assert detail(face[None], MOUTH)[0] == pytest.approx(np.sqrt(np.square(expected).mean()), rel=1e-5)


def test_mouth_over_face_sees_a_blurred_and_a_noisy_mouth_only(face: np.ndarray) -> None:
    images = [face]
    for sigma in (0.7, 1, 2):
        images.append(face.copy())
        images[-1][48:] = blurred(face, sigma)[48:]
    noise = np.random.default_rng(0).normal(0, 12, face.shape)
    noisy = np.where(np.arange(96)[:, None, None] >= 48, np.clip(face + noise, 0, 255), face).astype(np.uint8)
    ratios = mouth_over_face(np.stack([*images, noisy]), MOUTH, BOX)
    assert list(ratios[:4]) == sorted(ratios[:4], reverse=True)
    assert ratios[3] < 0.5 * ratios[0] < 0.5 * ratios[4]
    assert np.isnan(mouth_over_face(np.zeros((1, 96, 96, 3), np.uint8), MOUTH, BOX)).all()
