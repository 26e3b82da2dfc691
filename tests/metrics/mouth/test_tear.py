"""Torn lips: a mouth that is nowhere in the source, drawn by hand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_cli.metrics.mouth.tear import HEIGHT, REACH, WIDTH, mouth_pictures, novelty, tear

SIDE = 96


def make_landmarks(scale: float = 1.0, lean: float = 0.0) -> np.ndarray:
    """Place eyes, nose and the corners of the mouth in a crop of 96 pixels, leaning by degrees about its middle."""
    points = np.full((68, 2), 48.0)
    points[36:42], points[42:48], points[33] = (31, 34), (65, 34), (48, 57)
    points[48], points[54] = (36, 68), (60, 68)
    angle = np.radians(lean)
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (points - 48) @ turn + 48


def draw_face(gap: float = 0.0, lips: tuple[float, ...] = (0.0,), strength: float = 1.0) -> np.ndarray:
    """Draw skin and red lips around a gap (96, 96, 3); each of `lips` shifts one more upper lip, faded after the first.

    Drawn at four times the size, so that fractions of a pixel count.
    """
    face = np.full((4 * SIDE, 4 * SIDE, 3), (200, 150, 130), np.float32)

    def ellipse(row: float, height: float, colour: tuple[int, int, int]) -> np.ndarray:
        image = face.copy()
        cv2.ellipse(image, (4 * 48, round(4 * row)), (4 * 13, round(4 * height)), 0, 0, 360, colour, -1)
        return image

    face = ellipse(69 + gap / 2, 4, (165, 60, 70))
    for place, shift in enumerate(lips):
        share = strength if place else 1.0
        face = share * ellipse(67 - gap / 2 - shift, 3, (165, 60, 70)) + (1 - share) * face
    if gap:
        face = ellipse(68, gap / 2, (30, 10, 10))
    return cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_AREA).round().astype(np.uint8)


def stack(*faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.stack(faces), np.stack([make_landmarks()] * len(faces))


SOURCE = [draw_face(gap) for gap in (0, 1, 2, 4, 6, 8)]


def test_source_itself_is_not_torn() -> None:
    crops, landmarks = stack(*SOURCE)
    assert tear(crops, crops, landmarks) == pytest.approx(0, abs=1e-3)


def test_mouth_of_another_frame_is_not_torn() -> None:
    crops, landmarks = stack(*SOURCE)
    assert tear(crops[::-1], crops, landmarks) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_second_upper_lip_above_the_first_is_torn(strength: float) -> None:
    real, landmarks = stack(*SOURCE)
    moved, _ = stack(*[draw_face(gap) for gap in (3, 5, 3, 5, 3, 5)])
    doubled, _ = stack(*[draw_face(gap, (0, 5), strength) for gap in (3, 5, 3, 5, 3, 5)])
    assert (tear(doubled, real, landmarks) > 1.5 * tear(moved, real, landmarks)).all()


def test_share_of_edges_is_exact_where_half_of_the_picture_is_new() -> None:
    rng = np.random.default_rng(0)
    source = rng.normal(50, 10, (HEIGHT, WIDTH, 2)).astype(np.float32)
    assert novelty(source, source[None]) == pytest.approx(0, abs=1e-4)
    assert novelty(100 - source, source[None]) > 0.4
    half = source.copy()
    half[:, WIDTH // 2 :] = 100 - source[:, WIDTH // 2 :]
    assert novelty(half, source[None]) == pytest.approx(novelty(100 - source, source[None]) / 2, rel=0.15)


def test_brightness_contrast_and_small_shifts_do_not_count() -> None:
    rng = np.random.default_rng(0)
    source = cv2.GaussianBlur(rng.normal(50, 30, (HEIGHT, WIDTH, 2)).astype(np.float32), (0, 0), 1)
    assert novelty(0.5 * source + 7, source[None]) == pytest.approx(0, abs=1e-3)
    assert novelty(np.roll(source, (REACH, -REACH), (0, 1)), source[None]) == pytest.approx(0, abs=1e-3)
    assert novelty(np.roll(source, (REACH + 4, 0), (0, 1)), source[None]) > 0.1


def test_every_source_is_looked_at() -> None:
    rng = np.random.default_rng(0)
    sources = rng.normal(50, 10, (3, HEIGHT, WIDTH, 2)).astype(np.float32)
    assert novelty(sources[2], sources) == pytest.approx(0, abs=1e-4)


def test_picture_without_edges_has_no_figure() -> None:
    flat = np.full((HEIGHT, WIDTH, 2), 50, np.float32)
    assert np.isnan(novelty(flat, flat[None]))


def test_pictures_are_upright_and_of_one_size_however_the_face_lies() -> None:
    face = draw_face(4)
    rotation = cv2.getRotationMatrix2D((47.5, 47.5), 20, 1.0)
    leaning = cv2.warpAffine(face, rotation, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    upright = mouth_pictures(face[None], make_landmarks()[None])[0]
    turned = mouth_pictures(leaning[None], make_landmarks(lean=-20)[None])[0]
    assert upright.shape == (HEIGHT, WIDTH, 2)
    assert np.abs(upright - turned).mean() < 1.5
