"""The losses against values computed by hand."""

import numpy as np
import pytest
import torch

from lipsync_cli.metrics.image.reconstruction import ssim
from lipsync_cli.training.losses.loss_functions import (
    c_transform,
    contrastive,
    dissimilarity,
    divergence_penalty,
    gradient_norms,
    gradient_penalty,
    least_squares,
    lipschitz_penalty,
    lost_motion,
    mouth_weights,
    wasserstein,
    weighted_l1,
)


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


def test_mouth_weights_of_the_class_report_count_the_upper_half_like_the_rest_of_the_face():
    weights = mouth_weights(96, (48, 74, 29, 67), 5.0, upper=1.0)
    assert weights.mean().item() == pytest.approx(1.0)
    assert weights[0, 0, 10, 40] == weights[0, 0, 90, 40]
    assert (weights[0, 0, 60, 40] / weights[0, 0, 10, 40]).item() == pytest.approx(5.0)


def test_weighted_l1_by_hand():
    image, target = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    target[..., 1] = 3.0
    assert weighted_l1(image, target).item() == 2.0
    weights = torch.tensor([[0.0, 2.0], [0.0, 2.0]])[None, None]
    assert weighted_l1(image, target, weights).item() == 3.0


def test_lost_motion_by_hand():
    target = torch.zeros(4, 1, 4, 8)
    target[1::2, :, :, 4:] = 1.0  # in each run of two the right block jumps: standard deviation 1/2, the left one rests
    still, half = torch.zeros_like(target), target / 2 + 0.3
    assert lost_motion(target, target, run=2).item() == 0
    assert lost_motion(still, target, run=2).item() == pytest.approx(0.25, abs=1e-3)
    assert lost_motion(half, target, run=2).item() == pytest.approx(0.125, abs=1e-3)
    flicker = torch.ones(4, 1, 4, 8) * torch.tensor([-1.0, 1.0] * 4)
    assert lost_motion(still + flicker, target, run=2).item() == pytest.approx(0.25, abs=1e-3), "noise is no movement"


def test_dissimilarity_is_what_the_score_measures():
    rng = np.random.default_rng(3)
    image, target = (rng.integers(0, 256, (3, 48, 96, 3), dtype=np.uint8) // 4 + 90 for _ in range(2))
    as_tensor = [torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 for pixels in (image, target)]
    assert dissimilarity(*as_tensor).item() == pytest.approx(1 - ssim(image, target).mean(), abs=1e-4)
    assert dissimilarity(as_tensor[0], as_tensor[0]).item() == pytest.approx(0, abs=1e-6)


def test_wasserstein_is_below_zero_if_real_scores_are_higher():
    real, other = torch.tensor([2.0, 4.0]), torch.tensor([1.0, 0.0])
    assert wasserstein(real, other).item() == pytest.approx(0.5 - 3.0)
    assert wasserstein(real, real).item() == 0.0


def test_least_squares_by_hand():
    score = torch.tensor([0.5, 2.0])
    assert least_squares(score, 1.0).item() == pytest.approx((0.25 + 1.0) / 2 / 2)
    assert least_squares(score, 0.0).item() == pytest.approx((0.25 + 4.0) / 2 / 2)
    assert least_squares(torch.full((4,), 0.5), 1.0).item() == 0.125  # chance


def _linear(weight_face, weight_mel):
    return lambda face, mel: (face * weight_face).sum((1, 2, 3)) + (mel * weight_mel).sum((1, 2, 3))


def _pairs(seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(4, 3, 2, 2, generator=generator), torch.rand(4, 1, 5, 3, generator=generator)


def test_penalties_of_a_linear_critic_are_known_wherever_they_are_taken():
    face = torch.zeros(3, 2, 2)
    mel = torch.zeros(1, 5, 3)
    face[0, 0, 0], mel[0, 1, 2] = 1.2, 1.6  # a gradient norm of 2 in all
    critic, shares = _linear(face, mel), torch.rand(4)
    assert gradient_norms(critic, _pairs(1), _pairs(2), shares).tolist() == pytest.approx([2.0] * 4)
    assert gradient_penalty(critic, _pairs(1), _pairs(2), shares).item() == pytest.approx(1.0)
    assert divergence_penalty(critic, _pairs(1), _pairs(2), shares, power=6.0).item() == pytest.approx(64.0)
    steep = _linear(10 * face, 10 * mel)  # 20: the sixth power's tangent at 10
    assert divergence_penalty(steep, _pairs(1), _pairs(2), shares).item() == pytest.approx(1e6 + 6e5 * 10)


@pytest.mark.parametrize(("norm", "two_sided", "one_sided"), [(0.5, 0.25, 0.0), (1.0, 0.0, 0.0), (3.0, 4.0, 4.0)])
def test_the_one_sided_penalty_asks_nothing_of_a_gradient_norm_below_one(norm, two_sided, one_sided):
    weight = torch.tensor([0.6 * norm, 0.8 * norm], requires_grad=True)
    pairs = (torch.rand(3, 2),), (torch.rand(3, 2),), torch.rand(3)
    assert gradient_penalty(lambda x: x @ weight, *pairs).item() == pytest.approx(two_sided, abs=1e-6)
    penalty = lipschitz_penalty(lambda x: x @ weight, *pairs)
    assert penalty.item() == pytest.approx(one_sided, abs=1e-6)
    penalty.backward()
    pull = 2 * max(0.0, norm - 1)  # d/dw max(0, |w| - 1)^2 = 2 (|w| - 1) w / |w|
    assert weight.grad.tolist() == pytest.approx([0.6 * pull, 0.8 * pull], abs=1e-5)


def test_the_one_sided_penalty_is_taken_point_by_point_between_the_batches():
    real, other, share = torch.tensor([[1.0], [0.2]]), torch.tensor([[5.0], [0.0]]), torch.tensor([0.25, 1.0])
    found = lipschitz_penalty(lambda x: x[:, 0] ** 2, (real,), (other,), share)  # gradient norms 8 and 0.4
    assert found.item() == pytest.approx(7**2 / 2)


def test_the_penalty_moves_a_linear_critic_to_gradient_norm_one():
    weight = torch.tensor([3.0, 4.0], requires_grad=True)  # gradient norm 5: d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|
    points = (torch.rand(3, 2),)
    gradient_penalty(lambda x: x @ weight, points, (torch.rand(3, 2),), torch.rand(3)).backward()
    assert weight.grad.tolist() == pytest.approx([2 * 4 * 0.6, 2 * 4 * 0.8])


def test_gradient_norms_are_taken_between_the_two_batches():
    real, other, share = torch.tensor([[1.0], [2.0]]), torch.tensor([[5.0], [0.0]]), torch.tensor([0.25, 1.0])
    found = gradient_norms(lambda x: x[:, 0] ** 2, (real,), (other,), share)  # gradient norm 2 |x|
    assert found.tolist() == pytest.approx([2 * 4.0, 2 * 2.0])


def test_a_flat_critic_has_a_penalty_with_a_finite_gradient():
    weight = torch.zeros(2, requires_grad=True)
    gradient_penalty(lambda x: x @ weight, (torch.rand(3, 2),), (torch.rand(3, 2),), torch.rand(3)).backward()
    assert torch.isfinite(weight.grad).all()


def test_c_transform_by_hand():
    real = (torch.tensor([[0.0], [0.0]]), torch.tensor([[0.0], [8.0]]))  # the points (0, 0) and (0, 8)
    other = (torch.tensor([[3.0], [6.0]]), torch.tensor([[4.0], [0.0]]))  # 5 from both; 6 and 10 away
    assert c_transform(torch.tensor([0.0, 0.0]), real, other).tolist() == pytest.approx([5.0, 6.0])
    assert c_transform(torch.tensor([1.0, 7.0]), real, other).tolist() == pytest.approx([5.0 - 7.0, 10.0 - 7.0])


def test_c_transform_gives_the_distance_between_batches_that_optimal_transport_finds():
    scipy_optimize = pytest.importorskip("scipy.optimize")
    generator = torch.Generator().manual_seed(5)
    real, other = (torch.rand(6, 3, generator=generator) for _ in "ro")
    cost = torch.cdist(real, other).double().numpy()
    rows, columns = scipy_optimize.linear_sum_assignment(cost)
    scores = torch.zeros(6, requires_grad=True)
    best = -np.inf
    optimizer = torch.optim.Adam([scores], 0.05)
    for _ in range(150):
        gain = scores.mean() + c_transform(scores, (real,), (other,)).mean()
        best = max(best, gain.item())
        optimizer.zero_grad()
        (-gain).backward()
        optimizer.step()
    truth = cost[rows, columns].mean()
    assert best <= truth + 1e-5  # weak duality: never more than the distance
    assert best == pytest.approx(truth, rel=0.03)
