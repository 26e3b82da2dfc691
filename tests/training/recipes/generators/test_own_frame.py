"""Recipe own-frame: the input is the target itself, with a mouth that says something else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from lipsync_cli.datasets.batch import Batch
from lipsync_cli.errors import UsageError
from lipsync_cli.models.generators.generator_output import GeneratorResult
from lipsync_cli.training.recipe_config import check_inputs, make_config
from lipsync_cli.training.recipes.context import RecipeContext
from lipsync_cli.training.recipes.generators.own_frame import OwnFrame, pair

SIZE, EACH, COUNT = 96, 2, 40


class Marker(nn.Module):
    """Gives the target, its lower half as grey as the speech says."""

    speech = "mel"

    def forward(self, reference: torch.Tensor, target: torch.Tensor, speech: torch.Tensor) -> GeneratorResult:
        image = target.clone()
        image[:, :, SIZE // 2 :] = speech.mean((1, 2, 3))[:, None, None, None]
        return GeneratorResult(image, image, image, image)


@pytest.fixture(scope="module")
def batch() -> Batch:
    """Smooth targets, right speech of 0.9 and mismatched speech of 0.2."""
    rng = np.random.default_rng(0)
    shades = torch.from_numpy(rng.uniform(0.3, 0.7, (COUNT * EACH, 3, 1, 1))).float()
    target = shades.expand(-1, -1, SIZE, SIZE).clone()
    speech = torch.full((COUNT * EACH, 1, 80, 27), 0.9)
    return Batch(torch.zeros(COUNT, 3, SIZE, SIZE), target, speech, 0 * speech + 0.2, speech, 0 * speech + 0.2)


def test_each_target_has_two_inputs_and_most_are_itself_with_the_mouth_of_mismatched_speech(batch: Batch) -> None:
    paired = pair(batch, Marker(), torch.Generator().manual_seed(1))
    assert len(paired.reference) == len(paired.target) == 2 * COUNT * EACH
    for field, given in zip(paired[1:], batch[1:], strict=True):
        assert torch.equal(field[0::2], given)
        assert torch.equal(field[1::2], given)
    first, second = paired.reference[0::2], paired.reference[1::2]
    assert (first[:, :, : SIZE // 2] - batch.target[:, :, : SIZE // 2]).abs().mean() < 0.02  # as JPEG leaves it
    assert (first[:, :, SIZE // 2 + 8 :] - 0.2).abs().mean() < 0.02
    real = ~second.flatten(1).any(1)  # the references are black
    assert 0.2 < real.float().mean() < 0.5
    assert (second[~real][:, :, SIZE // 2 + 8 :] - 0.2).abs().mean() < 0.02
    assert not batch.reference.any()  # what was given is as it was


def test_the_same_seed_alters_alike(batch: Batch) -> None:
    one, other = (pair(batch, Marker(), torch.Generator().manual_seed(3)).reference for _ in range(2))
    assert torch.equal(one, other)


def test_what_two_inputs_change_in_the_output_is_a_term(batch: Batch) -> None:
    config = make_config("own-frame", freeze_speech=True, invariance_weight=2.0, warp_weight=0.0)
    recipe = OwnFrame(RecipeContext(config, (48, 74, 29, 67), SIZE, start=Marker()))
    paired = pair(batch, Marker(), torch.Generator().manual_seed(1))

    def term(image: torch.Tensor) -> float:
        return float(recipe.network_loss(paired, GeneratorResult(image)).get("generator/invariance", 0))

    same = paired.target.clone()
    assert term(same) == 0
    same[0::2] += 0.1
    assert term(same) == pytest.approx(2 * 0.1, rel=1e-4)


def test_it_needs_weights_to_start_from_and_may_keep_their_speech_encoder() -> None:
    config = make_config("own-frame", freeze_speech=True)
    check_inputs(config, {"start"})
    with pytest.raises(UsageError, match="needs trained weights"):
        check_inputs(config, set())
