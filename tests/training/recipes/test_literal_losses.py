"""`losses` "literal": what the recipes minimise, on one fixed batch, against the thesis's formulas written out."""

import pytest
import torch
from torch import nn

from lipsync_cli.datasets.batch import Batch
from lipsync_cli.errors import UsageError
from lipsync_cli.models.generators.generator_output import GeneratorResult
from lipsync_cli.training.losses.loss_functions import gradient_norms
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import make_recipe
from lipsync_cli.training.recipes.context import RecipeContext


def _batch(number=3):
    generator = torch.Generator().manual_seed(7)
    faces = [torch.rand(number, 3, 96, 96, generator=generator) for _ in range(3)]
    mels = [8 * torch.rand(number, 1, 80, 27, generator=generator) - 4 for _ in range(2)]
    return Batch(faces[0], faces[1], *mels, *mels), GeneratorResult(faces[2])


def _recipe(name, **options):
    torch.manual_seed(0)
    config = make_config(name, **{"critic_width": 8, "losses": "literal", **options})
    return make_recipe(RecipeContext(config, (48, 74, 29, 67), 96))


class _Undecided(nn.Module):
    def forward(self, face, mel):
        return torch.zeros(len(face), 2), torch.tensor([[0.6, 0.8]]).expand(len(face), 2)


@pytest.mark.parametrize("fake_step", [True, False])
def test_lipgan_averages_both_pairs_in_one_update(fake_step):
    recipe, (batch, output) = _recipe("lipgan"), _batch()

    def squares(face, mel, hinge):
        a, b = recipe.critic(face, mel)
        d = (a - b).square().sum(1).sqrt()
        return ((2 - d).clamp(min=0) if hinge else d).square().mean().item() / 2

    wrong = (output.image, batch.mel) if fake_step else (batch.target, batch.mismatched_mel)
    (terms,) = list(recipe.discriminator_losses("critic", batch, output, fake_step))
    average = (squares(batch.target, batch.mel, False) + squares(*wrong, True)) / 2
    assert set(terms) == {"critic/real", "critic/fake" if fake_step else "critic/wrong_speech"}
    assert sum(terms.values()).item() == pytest.approx(average, rel=1e-5)


def test_an_undecided_discriminator_scores_one_half_as_in_the_thesis_and_the_generator_is_told_so_with_weight_one():
    recipe, (batch, output) = _recipe("lipgan"), _batch()
    recipe.critic = _Undecided()
    (terms,) = list(recipe.discriminator_losses("critic", batch, output, True))
    assert sum(terms.values()).item() == pytest.approx(0.5)
    assert {name: value.item() for name, value in terms.items()} == pytest.approx(
        {name: recipe.chance_levels[name] for name in terms}
    )
    assert recipe.network_loss(batch, output)["generator/adversarial"].item() == pytest.approx(0.5)
    light = _recipe("lipgan", adversarial_weight=0.01)
    light.critic = _Undecided()
    assert light.network_loss(batch, output)["generator/adversarial"].item() == pytest.approx(0.005)


def test_both_losses_are_observed_on_the_thesis_scale():
    recipe, (batch, output) = _recipe("lipgan"), _batch()
    recipe.critic = _Undecided()
    found = recipe.observe("critic", batch, output)
    assert {name: value.item() for name, value in found.items()} == pytest.approx(
        {"critic/face_loss": 0.5, "critic/audio_loss": 0.5}
    )


@pytest.mark.parametrize("fake_step", [True, False])
@pytest.mark.parametrize("name", ["wgan-gp", "l1wgan-gp"])
def test_the_penalty_of_the_wgans_is_taken_where_the_generator_draws(name, fake_step):
    recipe, (batch, output) = _recipe(name), _batch()
    (terms,) = list(recipe.discriminator_losses("critic", batch, output, fake_step))
    drawn = (output.image, batch.mel)
    norms = gradient_norms(recipe.critic, drawn, drawn, torch.rand(3))
    assert terms["critic/gradient_penalty"].item() == pytest.approx(10 * (norms - 1).square().mean().item(), rel=1e-4)
    published = _recipe(name, losses="published")
    (other,) = list(published.discriminator_losses("critic", batch, output, fake_step))
    scores = set(terms) - {"critic/gradient_penalty"}
    assert all(terms[one].item() == other[one].item() for one in scores)
    assert terms["critic/gradient_penalty"].item() != other["critic/gradient_penalty"].item()


def test_what_is_asked_for_wins_over_the_thesis_and_other_recipes_have_no_formulas_there():
    assert make_config("lipgan", losses="literal").adversarial_weight == 1.0
    assert make_config("lipgan").adversarial_weight == 0.01
    assert make_config("lipgan", losses="literal", adversarial_weight=0.2).adversarial_weight == 0.2
    with pytest.raises(UsageError, match="no formulas of the recipe lsgan") as caught:
        make_config("lsgan", losses="literal")
    assert caught.value.hint == "leave out --losses literal, or use it with lipgan, wgan-gp, l1wgan-gp"
    with pytest.raises(UsageError, match="'exact' does not exist"):
        make_config("lipgan", losses="exact")
