"""The thesis's formulas against values computed by hand."""

import pytest
import torch

from lipsync_cli.training.losses.thesis_terms import literal_contrastive, literal_distance, literal_penalty


def test_the_distance_of_3_17_does_not_bring_embeddings_to_unit_length():
    face, mel = torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([[0.0, 0.0], [4.0, 4.0]])
    assert literal_distance(face, mel).tolist() == [5.0, 5.0]


def test_the_contrastive_loss_of_3_16_has_a_half_and_label_one_for_right_pairs():
    distance = torch.tensor([0.5, 1.5, 3.0])
    assert literal_contrastive(distance, 1.0).item() == pytest.approx((0.25 + 2.25 + 9.0) / 3 / 2)
    assert literal_contrastive(distance, 0.0).item() == pytest.approx((2.25 + 0.25 + 0.0) / 3 / 2)
    assert literal_contrastive(distance, 0.0, margin=1.0).item() == pytest.approx((0.25 + 0.0 + 0.0) / 3 / 2)


def test_an_undecided_critic_scores_one_half():
    assert literal_contrastive(torch.ones(4), 1.0).item() == literal_contrastive(torch.ones(4), 0.0).item() == 0.5


def test_the_penalty_of_3_14_is_taken_at_the_generated_sample():
    generated = (torch.tensor([[5.0], [0.2]]),)  # gradient norms 2 |x|: 10 and 0.4
    assert literal_penalty(lambda x: x[:, 0] ** 2, generated).item() == pytest.approx((9**2 + 0.6**2) / 2)


def test_the_penalty_can_be_differentiated_by_the_critic():
    weight = torch.tensor([3.0, 4.0], requires_grad=True)  # gradient norm 5: d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|
    literal_penalty(lambda x: x @ weight, (torch.rand(3, 2),)).backward()
    assert weight.grad.tolist() == pytest.approx([8 * 0.6, 8 * 0.8])
