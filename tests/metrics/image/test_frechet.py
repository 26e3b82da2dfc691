"""Frechet distance: pytorch-fid's formula, and what it refuses to say."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import sqrtm

from lipsync_cli.errors import InputError
from lipsync_cli.metrics.image import frechet
from lipsync_cli.metrics.image.frechet import frechet_distance
from lipsync_cli.metrics.networks import MetricNetworks
from lipsync_cli.metrics.unavailable import MetricUnavailableError


class Trap:
    """Unpickling it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def features(number: int, size: int, seed: int, mean: float = 0.0, mix: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    spread = np.eye(size) + mix * np.random.default_rng(9).normal(size=(size, size)) / size**0.5
    return (rng.normal(size=(number, size)) @ spread + mean).astype(np.float32)


@pytest.mark.parametrize(("number", "size"), [(40, 1), (60, 5), (300, 128), (90, 128)])
def test_it_is_the_formula_of_pytorch_fid(number: int, size: int) -> None:
    one, other = features(number, size, 1), features(number + 7, size, 2, mean=0.3, mix=0.4)
    (mean_1, cov_1), (mean_2, cov_2) = (
        (part.mean(0), np.atleast_2d(np.cov(part.astype(np.float64), rowvar=False))) for part in (one, other)
    )
    root = sqrtm(cov_1 @ cov_2).real
    expected = np.square(mean_1 - mean_2).sum() + np.trace(cov_1 + cov_2 - 2 * root)
    assert frechet_distance(one, other) == pytest.approx(expected, abs=1e-3)
    assert frechet_distance(other, one) == pytest.approx(expected, abs=1e-3)


def test_equal_sets_are_at_no_distance_and_their_order_does_not_count() -> None:
    one = features(200, 64, 1)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(one, one[::-1]) == pytest.approx(0, abs=1e-6)


def test_moved_means_count_with_their_square() -> None:
    one = features(100, 8, 1)
    assert frechet_distance(one + 3, one) == pytest.approx(8 * 9, rel=1e-4)


def test_it_grows_with_noise() -> None:
    one, noise = features(500, 16, 1), np.random.default_rng(3).normal(size=(500, 16))
    distances = [frechet_distance(one + level * noise, one) for level in (0, 0.3, 0.6, 1.2)]
    assert distances == sorted(distances)
    assert distances[1] > distances[0] + 0.01


def test_fewer_pictures_than_features_give_no_figure_but_a_reason() -> None:
    fid, dlib = frechet.FAMILIES
    for family, size in ((fid, 2048), (dlib, 128)):
        few = [np.zeros((size // 2, size), np.float32)] * 2
        assert family.combine is not None
        with pytest.raises(
            MetricUnavailableError, match=f"{size} pictures: a covariance of {size} features needs more than {size}"
        ):
            family.combine(few, few)


def test_files_that_are_not_inceptions_weights_are_refused_and_nothing_in_them_runs(tmp_path: Path) -> None:
    path = tmp_path / "pt_inception.pth"
    with pytest.raises(MetricUnavailableError, match="no Inception-v3 weights: give --inception FILE"):
        MetricNetworks().inception_features(np.zeros((1, 96, 96, 3), np.uint8))
    path.write_text("<!DOCTYPE html><html>404")
    with pytest.raises(InputError, match=r"pt_inception\.pth: is a web page, not weights"):
        MetricNetworks(files={"inception": path}).check()
    path.write_bytes(pickle.dumps({"fc.weight": Trap(tmp_path / "sprung")}))
    with pytest.raises(InputError, match=r"holds code or objects beside tensors.*it was not loaded"):
        MetricNetworks(files={"inception": path}).check()
    assert not (tmp_path / "sprung").exists()


def test_sets_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="of one width"):
        frechet_distance(np.zeros((4, 3)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="two pictures"):
        frechet_distance(np.zeros((1, 3)), np.zeros((4, 3)))
