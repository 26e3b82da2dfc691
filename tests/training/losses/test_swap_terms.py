"""The loss terms of the face swap by hand."""

import pytest
import torch

from lipsync_cli.training.losses.swap_terms import (
    edge_l1,
    mask_hinge,
    mixup_loss,
    mixup_share,
    realness_loss,
    total_variation,
    weighted_l1,
)


def test_weights_are_brought_to_a_mean_of_one():
    drawn, real = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    assert weighted_l1(drawn, real, torch.full((1, 1, 2, 2), 7.0)) == pytest.approx(1.0)
    real[..., 0, 0] = 0
    weight = torch.ones(1, 1, 2, 2)
    weight[..., 0, 0] = 5
    assert weighted_l1(drawn, real, weight) == pytest.approx(3 / 8)


def test_edges_are_first_differences():
    drawn, real = torch.zeros(1, 1, 2, 3), torch.tensor([[[[0.0, 1.0, 1.0]]]]).expand(1, 1, 2, 3)
    assert edge_l1(drawn, real) == pytest.approx(0.5)
    assert edge_l1(drawn, real, torch.zeros(1, 1, 2, 3)) == 0


def test_masks_are_pulled_up_to_a_value_and_smoothed():
    mask = torch.tensor([[[[0.0, 1.0], [0.0, 1.0]]]])
    assert mask_hinge(mask, 0.5) == pytest.approx(0.25)
    assert mask_hinge(mask, 0.0) == 0
    assert total_variation(mask) == pytest.approx(1.0)


def test_mixtures_are_scored_by_how_much_of_them_is_real():
    real, drawn = torch.ones(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    share = torch.tensor([0.25, 1.0]).view(2, 1, 1, 1)

    def knows(face, distorted):
        return face.mean((1, 2, 3), keepdim=True)

    assert mixup_loss(knows, real, drawn, drawn, share) == pytest.approx(0.0, abs=1e-7)
    assert realness_loss(knows, drawn, drawn) == pytest.approx(1.0)
    assert realness_loss(knows, real, drawn) == pytest.approx(0.0)


def test_shares_come_from_the_ends():
    torch.manual_seed(0)
    share = mixup_share(4000, torch.device("cpu"))
    assert share.shape == (4000, 1, 1, 1)
    assert share.mean() == pytest.approx(0.5, abs=0.03)
    assert ((share < 0.1) | (share > 0.9)).float().mean() > 0.5
