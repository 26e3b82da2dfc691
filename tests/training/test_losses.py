"""The losses against values computed by hand."""

import numpy as np
import pytest
import torch

from lipsync_cli.scoring.metrics import ssim
from lipsync_cli.training.losses import contrastive, dissimilarity, mouth_weights, weighted_l1


def test_contrastive_by_hand():
    distance = torch.tensor([0.5, 1.5])
    assert contrastive(distance, 0.0).item() == pytest.approx((0.25 + 2.25) / 2)
    assert contrastive(distance, 1.0, margin=2.0).item() == pytest.approx((2.25 + 0.25) / 2)
    assert contrastive(distance, 1.0, margin=1.0).item() == pytest.approx((0.25 + 0.0) / 2)


def test_an_undecided_critic_scores_one():
    assert contrastive(torch.ones(4), 1.0, margin=2.0).item() == 1.0


def test_mouth_weights_have_mean_one_and_ignore_the_given_half():
    weights = mouth_weights(96, (48, 74, 29, 67), 5.0)
    assert weights.mean().item() == pytest.approx(1.0)
    assert weights[0, 0, :48].abs().max() == 0
    assert (weights[0, 0, 60, 40] / weights[0, 0, 90, 40]).item() == pytest.approx(5.0)


def test_weighted_l1_by_hand():
    image, target = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    target[..., 1] = 3.0
    assert weighted_l1(image, target).item() == 2.0
    weights = torch.tensor([[0.0, 2.0], [0.0, 2.0]])[None, None]
    assert weighted_l1(image, target, weights).item() == 3.0


def test_dissimilarity_is_what_the_score_measures():
    rng = np.random.default_rng(3)
    image, target = (rng.integers(0, 256, (3, 48, 96, 3), dtype=np.uint8) // 4 + 90 for _ in range(2))
    as_tensor = [torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 for pixels in (image, target)]
    assert dissimilarity(*as_tensor).item() == pytest.approx(1 - ssim(image, target).mean(), abs=1e-4)
    assert dissimilarity(as_tensor[0], as_tensor[0]).item() == pytest.approx(0, abs=1e-6)
