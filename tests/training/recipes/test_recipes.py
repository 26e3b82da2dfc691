"""Each recipe on one fixed batch: its terms against a computation by other means, and what they ask of whom."""

import pytest
import torch
from fixtures.quick_training import train

from lipsync_cli.datasets.batch import Batch
from lipsync_cli.models import build
from lipsync_cli.models.generators.generator_output import GeneratorResult
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import RECIPES, make_recipe
from lipsync_cli.training.recipes.context import RecipeContext

REGION = (48, 74, 29, 67)
CRITICS = ["wgan-gp", "l1wgan-gp", "l1wgan-gp-adv", "lsgan", "lsgan-gp", "wgan-lp", "wgan-div", "c-wgan"]
GENERATORS = {"compact": {"channels": [16, 16, 16, 16], "audio_dim": 16}, "lipgan": {"width": 2}}


def _batch(size=96, number=3):
    generator = torch.Generator().manual_seed(7)
    faces = [torch.rand(number, 3, size, size, generator=generator) for _ in range(3)]
    mels = [8 * torch.rand(number, 1, 80, 27, generator=generator) - 4 for _ in range(2)]
    return Batch(faces[0], faces[1], *mels, *mels), GeneratorResult(faces[2])


def _recipe(name, size=96, **options):
    torch.manual_seed(0)
    return make_recipe(RecipeContext(make_config(name, **{"critic_width": 8, **options}), REGION, size))


def _score(recipe, face, mel):
    """The critic's score, put together from its embeddings."""
    a, b = recipe.critic.embed(face, mel)
    score = (a.sum(1) + b.sum(1)) / (a.shape[1] + b.shape[1])
    return score if recipe.name in ("wgan-gp", "l1wgan-gp") else score + (a * b).sum(1) / a.shape[1] ** 0.5


def _gradient_norm(recipe, real, other, share):
    """The critic's gradient norm by finite differences along its own gradient, which must find its length."""
    face, mel = (
        share.view(-1, 1, 1, 1) * a + (1 - share.view(-1, 1, 1, 1)) * b for a, b in zip(real, other, strict=True)
    )
    face, mel = face.double().requires_grad_(), mel.double().requires_grad_()
    recipe.critic.double()
    gradients = torch.autograd.grad(_score(recipe, face, mel).sum(), (face, mel))
    length = sum(part.square().sum((1, 2, 3)) for part in gradients).sqrt()
    step = [1e-6 * part / length.view(-1, 1, 1, 1) for part in gradients]
    up, down = (_score(recipe, face + sign * step[0], mel + sign * step[1]) for sign in (1, -1))
    recipe.critic.float()
    return ((up - down) / 2e-6).detach().float()


@pytest.mark.parametrize("fake_step", [True, False])
@pytest.mark.parametrize("name", CRITICS)
def test_critic_terms_by_other_means(name, fake_step):
    recipe, (batch, output) = _recipe(name), _batch()
    real = (batch.target, batch.mel)
    other = (output.image, batch.mel) if fake_step else (batch.target, batch.mismatched_mel)
    torch.manual_seed(3)
    (terms,) = list(recipe.discriminator_losses("critic", batch, output, fake_step))
    torch.manual_seed(3)
    share = torch.rand(3)
    right, wrong = (_score(recipe, *pairs).detach() for pairs in (real, other))
    negative = "critic/fake" if fake_step else "critic/wrong_speech"
    expected = {negative: wrong.mean() - right.mean()}
    if name in ("lsgan", "lsgan-gp"):
        expected = {"critic/real": ((right - 1) ** 2).mean() / 2, negative: (wrong**2).mean() / 2}
    if name == "c-wgan":
        cost = [
            [sum(((a - b) ** 2).sum() for a, b in zip(x, y, strict=True)).sqrt() for x in zip(*real, strict=True)]
            for y in zip(*other, strict=True)
        ]
        transform = [min(c - phi for c, phi in zip(row, right, strict=True)) for row in cost]
        expected = {negative: -(right.mean() + sum(transform) / 3)}
    elif name == "wgan-lp":
        over = (_gradient_norm(recipe, real, other, share) - 1).clamp(min=0)
        expected["critic/lipschitz_penalty"] = 10 * (over**2).mean()
    elif name == "wgan-div":
        expected["critic/divergence_penalty"] = 2 * (_gradient_norm(recipe, real, other, share) ** 6).mean()
    elif name != "lsgan":
        expected["critic/gradient_penalty"] = 10 * ((_gradient_norm(recipe, real, other, share) - 1) ** 2).mean()
    assert terms.keys() == expected.keys()
    for key, value in expected.items():
        assert terms[key].item() == pytest.approx(float(value), rel=2e-3, abs=1e-6)
    if name != "c-wgan":  # what its distance is for a critic that knows nothing depends on the faces
        known = {"critic/fake", "critic/wrong_speech"} | (expected.keys() & {"critic/real"})
        assert recipe.chance_levels.keys() == known


@pytest.mark.parametrize("name", ["lipgan", *CRITICS])
def test_both_losses_are_observed_on_one_batch_whatever_the_coin_says(name):
    recipe, (batch, output) = _recipe(name), _batch()
    expected = {}
    for title, negative in (("critic/face_loss", "critic/fake"), ("critic/audio_loss", "critic/wrong_speech")):
        terms, *_ = recipe.discriminator_losses("critic", batch, output, negative == "critic/fake")
        expected[title] = terms[negative].item()
    found = {title: value.item() for title, value in recipe.observe("critic", batch, output).items()}
    assert found == pytest.approx(expected, rel=1e-5)
    assert found["critic/face_loss"] != found["critic/audio_loss"]


@pytest.mark.parametrize("name", CRITICS)
def test_generator_terms_by_other_means(name):
    recipe, (batch, output) = _recipe(name), _batch()
    score = _score(recipe, output.image, batch.mel).detach()
    adversarial = -score.mean()
    if name in ("lsgan", "lsgan-gp"):
        adversarial = ((score - 1) ** 2).mean() / 2
    if name == "c-wgan":  # random faces: each is nearest to the pair with its own speech
        right = _score(recipe, batch.target, batch.mel).detach()
        adversarial = ((output.image - batch.target).square().sum((1, 2, 3)).sqrt() - right).mean()
    weight = {"wgan-gp": 1.0, "lsgan": 0.01, "lsgan-gp": 0.01}.get(name, 0.001)
    l1 = (output.image - batch.target).abs().mean()
    expected = {"generator/l1": l1, "generator/adversarial": weight * adversarial}
    if name == "wgan-gp":
        del expected["generator/l1"]
    if name == "l1wgan-gp":
        del expected["generator/adversarial"]
    terms = recipe.network_loss(batch, output)
    assert {key: value.item() for key, value in terms.items()} == pytest.approx(
        {key: value.item() for key, value in expected.items()}, rel=1e-4, abs=1e-7
    )


@pytest.mark.parametrize("name", ["wgan-gp", "l1wgan-gp-adv", "wgan-div", "c-wgan"])
def test_a_critic_that_learns_scores_real_pairs_higher_and_the_generator_wants_that_score(name):
    recipe, (batch, output) = _recipe(name), _batch(number=6)
    optimizer = torch.optim.Adam(recipe.critic.parameters(), 5e-3, (0.5, 0.9))
    losses = []
    for _ in range(8):
        (terms,) = list(recipe.discriminator_losses("critic", batch, output, True))
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
        losses.append(terms["critic/fake"].item())
    if name == "c-wgan":
        own = (output.image - batch.target).square().sum((1, 2, 3)).sqrt().mean().item()
        assert losses[-1] >= -own - 1e-3  # never more than the distance to the pairs' own targets
    else:
        assert losses[-1] < min(0.0, losses[0])
    image = output.image.clone().requires_grad_()
    recipe.network_loss(batch, GeneratorResult(image))["generator/adversarial"].backward()
    moved = GeneratorResult((image - 1e-2 * image.grad / image.grad.norm()).detach())
    before, after = (recipe.network_loss(batch, one)["generator/adversarial"].item() for one in (output, moved))
    assert after < before


def test_the_literal_l1wgan_gp_gives_the_generator_nothing_of_the_critic():
    recipe, (batch, output) = _recipe("l1wgan-gp", adversarial_weight=1.0), _batch()
    before = {key: value.item() for key, value in recipe.network_loss(batch, output).items()}
    for parameter in recipe.critic.parameters():
        parameter.data.mul_(3.0)
    assert before == {key: value.item() for key, value in recipe.network_loss(batch, output).items()}


def test_the_thesis_table():
    for name in ("wgan-gp", "l1wgan-gp"):
        config = make_config(name)
        assert (config.learning_rate, config.beta1, config.beta2) == (1e-4, 0.5, 0.9)
        assert (config.penalty_weight, config.batch_size, RECIPES[name].n_critic) == (10.0, 128, 5)
    assert RECIPES["lipgan"].n_critic == 1


@pytest.mark.parametrize("name", ["lipgan", "l1", *CRITICS])
def test_the_warped_reference_counts_in_every_recipe_and_is_measured_alike(name):
    torch.manual_seed(1)
    batch, _ = _batch()
    output = build("compact", {"size": 96, **GENERATORS["compact"]})(batch.reference, batch.target, batch.mel)
    terms = _recipe(name, warp_weight=0.3, mouth_weight=1.0).network_loss(batch, output)
    error = (batch.reference - batch.target)[:, :, 48:].abs().mean()  # an untrained flow is zero
    assert terms["generator/warp_l1"].item() == pytest.approx(0.5 * 0.3 * error.item(), rel=1e-4)


def test_the_weighted_l1_of_the_class_report_counts_a_drawn_upper_half():
    recipe, (batch, _) = _recipe("l1", mouth_weight=5.0), _batch()
    image = batch.target.clone()
    image[:, :, :48] += 0.5
    area = (74 - 48) * (67 - 29)
    share = 48 * 96 / (96 * 96 + 4 * area)
    assert recipe.network_loss(batch, GeneratorResult(image))["generator/l1"].item() == pytest.approx(
        0.5 * share, rel=1e-4
    )


@pytest.mark.parametrize("name", ["lipgan", *CRITICS])
def test_every_recipe_trains_lipgans_own_generator(name, small_pack, tmp_path):
    steps = {"batch_size": 2, "max_samples": 10, "validation_frames": 1}
    config = make_config(name, generator="lipgan", dims=GENERATORS["lipgan"], critic_width=8, **steps)
    result = train(small_pack, tmp_path / "run", config)
    log = (tmp_path / "run" / "log.jsonl").read_text()
    assert result["samples"] == 10
    assert '"generator/' in log
    assert '"critic/' in log
    assert "NaN" not in log


@pytest.mark.parametrize("size", [128, 192])
@pytest.mark.parametrize("name", ["lipgan", "wgan-gp", "c-wgan"])
def test_a_larger_crop_needs_no_other_code(name, size):
    recipe, (batch, _) = _recipe(name, size=size), _batch(size, number=2)
    for architecture, dims in GENERATORS.items():
        output = build(architecture, {"size": size, **dims})(batch.reference, batch.target, batch.mel)
        for terms in recipe.discriminator_losses("critic", batch, GeneratorResult(output.image.detach()), True):
            assert torch.stack(list(terms.values())).isfinite().all()
        assert torch.stack(list(recipe.network_loss(batch, output).values())).isfinite().all()


def test_a_crop_that_the_critic_cannot_take_is_refused():
    with pytest.raises(ValueError, match="not 224"):
        _recipe("wgan-gp", size=224)
