"""The temporal GAN: phases in their order, terms by other means, exact resume, and what a log and a run folder hold."""

import json

import pytest
import torch
from fixtures.quick_training import train
from safetensors.torch import load_file

from lipsync_cli.datasets.clip_sequences import Runs
from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.formats.weights import load_weights
from lipsync_cli.training.phases import ADVERSARIAL, RECONSTRUCTION, SYNC_WARM_UP, parse_schedule
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import make_recipe
from lipsync_cli.training.recipes.context import RecipeContext

TINY = {"width": 0.0625, "batch_size": 16, "targets_per_reference": 8, "phases": "reconstruction=32,sync-warm-up=32"}
STEPS = {"max_samples": 64, "checkpoint_every": 16, "validate_every": 32, "sheet_every": 64}
STEPS["phases"] = "reconstruction=16,sync-warm-up=16"


def _recipe(**options):
    torch.manual_seed(0)
    config = make_config("temporal-gan", **{**TINY, **options})
    return make_recipe(RecipeContext(config, (48, 74, 29, 67), 96))


def _batch():
    generator = torch.Generator().manual_seed(5)

    def rand(*shape):
        return torch.rand(shape, generator=generator)

    shown, synced = torch.tensor([1, 3, 0, 7]), torch.tensor([2, 0])
    batch = Runs(
        rand(2, 3, 128, 96), rand(16, 3, 128, 96), rand(16, 3200), rand(16, 10), shown, synced, rand(2, 3200),
        rand(16, 3200),
    )  # fmt: skip
    return batch, rand(16, 3, 128, 96)


def _sync_loss(recipe, batch, output):
    return next(recipe.discriminator_losses("sync", batch, output, True))["sync/loss"]


def _lines(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_the_schedule_has_names_and_a_rest():
    schedule = parse_schedule("reconstruction=100, sync-warm-up=50")
    phases = [schedule.phase(samples) for samples in (0, 99, 100, 149, 150, 10**9)]
    assert phases == [RECONSTRUCTION] * 2 + [SYNC_WARM_UP] * 2 + [ADVERSARIAL] * 2


@pytest.mark.parametrize("text", ["", "reconstruction=1", "sync-warm-up=1,reconstruction=2", "reconstruction=-1"])
def test_another_text_is_no_schedule(text):
    with pytest.raises(UsageError, match="is no schedule"):
        parse_schedule(text)


def test_who_learns_in_which_phase():
    recipe, (batch, output) = _recipe(), _batch()
    taught = {}
    for phase, samples in ((RECONSTRUCTION, 0), (SYNC_WARM_UP, 32), (ADVERSARIAL, 64)):
        recipe.enter(samples)
        taught[phase] = {
            name for name in recipe.discriminators if list(recipe.discriminator_losses(name, batch, output, True))
        }
        terms = recipe.network_loss(batch, output)
        expected = {"generator/l1"}
        if phase == ADVERSARIAL:
            expected |= {"generator/frame", "generator/sync", "generator/sequence"}
        assert terms.keys() == expected
    assert taught == {RECONSTRUCTION: set(), SYNC_WARM_UP: {"sync"}, ADVERSARIAL: {"frame", "sync", "sequence"}}


def test_the_warm_up_shows_the_sync_discriminator_no_generated_frame():
    recipe, (batch, output) = _recipe(), _batch()
    recipe.enter(32)
    losses = [
        next(recipe.discriminator_losses("sync", batch, made, True))["sync/loss"] for made in (output, 1 - output)
    ]
    assert losses[0] == losses[1]
    recipe.enter(64)
    losses = [
        next(recipe.discriminator_losses("sync", batch, made, True))["sync/loss"] for made in (output, 1 - output)
    ]
    assert losses[0] != losses[1]


def test_the_terms_by_other_means():
    recipe, (batch, output) = _recipe(), _batch()
    recipe.enter(64)
    logits = {
        "frame": recipe.frame(batch.still[[0, 0, 1, 1]], output[[1, 3, 8, 15]]),
        "sequence": recipe.sequence(output.view(2, 8, 3, 128, 96)),
        "sync": recipe.sync(torch.stack([output[2:7], output[8:13]]), batch.speech[[4, 10]]),
    }
    terms = recipe.network_loss(batch, output)
    for name, weight in (("frame", 0.02), ("sync", 0.016), ("sequence", 0.006)):
        expected = weight * torch.log(1 + torch.exp(-logits[name])).mean()
        assert terms[f"generator/{name}"].item() == pytest.approx(expected.item(), rel=1e-4)
    real = recipe.frame(batch.still[[0, 0, 1, 1]], batch.target[[1, 3, 8, 15]])
    found = next(recipe.discriminator_losses("frame", batch, output, True))["frame/loss"]
    wanted = -(torch.sigmoid(real).log().mean() + torch.sigmoid(-logits["frame"]).log().mean()) / 2
    assert found.item() == pytest.approx(wanted.item(), rel=1e-4)
    observed = recipe.observe("frame", batch, output)
    assert observed["frame/accuracy"] == 1 - observed["frame/errors"]


def test_the_l1_asks_for_the_lower_half_above_all():
    recipe, (batch, _) = _recipe(), _batch()
    for half, lower in ((slice(0, 64), False), (slice(64, 128), True)):
        made = batch.target.clone()
        made[:, :, half] += 0.1
        loss = recipe.network_loss(batch, made)["generator/l1"].item()
        assert loss == pytest.approx(0.1 * (1 if lower else 0.15) / 1.15, rel=1e-3)


@pytest.mark.parametrize("option", ["adversarial_weight", "sync_weight", "sequence_weight"])
def test_a_weight_of_zero_leaves_its_discriminator_out(option):
    name = {"adversarial_weight": "frame", "sync_weight": "sync", "sequence_weight": "sequence"}[option]
    recipe, (batch, output) = _recipe(**{option: 0.0}), _batch()
    recipe.enter(64)
    assert name not in recipe.discriminators
    assert f"generator/{name}" not in recipe.network_loss(batch, output)


def test_runs_that_are_too_short_for_synchrony_are_refused():
    with pytest.raises(UsageError, match="5 frames, and a run has 4"):
        make_config("temporal-gan", targets_per_reference=4, batch_size=8)


def test_it_hears_no_mels():
    with pytest.raises(UsageError, match="hears sound or encoder"):
        make_config("temporal-gan", speech="mel")


def test_a_pack_without_sound_is_refused_with_a_hint(small_pack, tmp_path):
    with pytest.raises(InputError, match="the sound itself is needed") as caught:
        train(small_pack, tmp_path / "run", make_config("temporal-gan", **(TINY | STEPS)))
    assert "mel,sound" in caught.value.hint


@pytest.mark.parametrize("speech", [pytest.param("sound", marks=pytest.mark.slow), "encoder"])
def test_stopped_and_resumed_equals_undisturbed(speech, talking_pack, tmp_path):
    config = make_config("temporal-gan", **(TINY | STEPS), speech=speech)
    train(talking_pack, tmp_path / "whole", config)

    class StopError(Exception):
        pass

    def stop(done, total, label):
        if done >= 48:  # a checkpoint at 32, where a phase begins, and a step beyond it
            raise StopError

    with pytest.raises(StopError):
        train(talking_pack, tmp_path / "cut", config, progress=stop)
    train(talking_pack, tmp_path / "cut", config)
    for name in ("last.safetensors", "best.safetensors"):
        whole, cut = (load_file(tmp_path / run / name) for run in ("whole", "cut"))
        assert all(torch.equal(whole[key], cut[key]) for key in whole)
    assert _lines(tmp_path / "whole") == _lines(tmp_path / "cut")
    network, header = load_weights(tmp_path / "whole", kind="talking head")
    assert (header.architecture, network.speech, header.dims["width"]) == ("temporal", speech, 0.0625)


def test_the_log_has_each_accuracy_and_the_folder_a_film(talking_pack, tmp_path):
    notes = []
    config = make_config("temporal-gan", **(TINY | STEPS))
    train(talking_pack, tmp_path / "run", config, note=notes.append)
    lines = _lines(tmp_path / "run")
    training = [line for line in lines if line["kind"] == "train"]
    for name in ("frame", "sync", "sequence"):
        assert training[-1][f"{name}/errors/chance"] == 0.5
        assert 0 <= training[-1][f"{name}/accuracy"] <= 1
    assert [line["phase"] for line in lines if line["kind"] == "validation"] == [1, 2]
    assert any("phase sync-warm-up" in note for note in notes)
    sheets = sorted(path.name for path in (tmp_path / "run" / "sheets").iterdir())
    assert sheets == ["000000000.mp4", "000000000.png", "000000064.mp4", "000000064.png"]
    assert "drawn from its first face" in (tmp_path / "run" / "MODEL_CARD.md").read_text()
