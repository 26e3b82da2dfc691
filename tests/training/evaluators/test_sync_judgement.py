"""Critics and experts as classifiers: measured on the same pairs, and refused where there is none."""

import json

import numpy as np
import pytest
import torch
from fixtures.quick_training import train

from lipsync_cli.datasets.batch import Draw
from lipsync_cli.datasets.frame_table import FrameTable, gather
from lipsync_cli.errors import InputError
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.models.discriminators.pair_discriminator import PairCritic
from lipsync_cli.models.generators.lipgan import LipGANCritic
from lipsync_cli.training.engine.checkpoint import TrainState
from lipsync_cli.training.evaluators.sync_judgement import classify_pairs, evaluate_critic, evaluate_expert
from lipsync_cli.training.recipe_config import make_config

SMALL = {"channels": [8, 8, 8, 8], "embedding_dim": 16}


def _state(critic):
    """The state of a run whose generator does not matter."""
    generator = torch.nn.Linear(1, 1)
    optimizer, own = (torch.optim.Adam(network.parameters()) for network in (generator, critic))
    return TrainState(generator, optimizer, discriminators={"critic": critic}, discriminator_optimizers={"critic": own})


@pytest.fixture
def lipgan_run(tmp_path):
    """The state of a run whose critic takes every pair for one in sync."""
    critic = LipGANCritic()
    with torch.no_grad():
        for encoder in (critic.face_encoder, critic.audio_encoder):
            encoder[-2].weight.zero_()
            encoder[-2].bias.fill_(1.0)
    _state(critic).save(tmp_path / "last.state.pt")
    (tmp_path / "config.json").write_text(json.dumps({"margin": 2.0}))
    return tmp_path


def test_a_critic_that_accepts_everything_is_right_about_a_half(lipgan_run, small_pack):
    figures = evaluate_critic(lipgan_run, small_pack, "train", 80)
    assert figures["pair_accuracy"] == 0.5
    assert (figures["right_accepted"], figures["shifted_refused"], figures["other_refused"]) == (1.0, 0.0, 0.0)


def test_a_run_without_such_a_critic_is_said(lipgan_run, small_pack):
    _state(torch.nn.Linear(1, 1)).save(lipgan_run / "last.state.pt")
    with pytest.raises(InputError, match="no run with a discriminator of face and speech"):
        evaluate_critic(lipgan_run, small_pack)
    with pytest.raises(InputError, match="no run with a discriminator of face and speech"):
        evaluate_critic(lipgan_run / "nowhere", small_pack)
    (lipgan_run / "config.json").write_text(json.dumps({"recipe": "l1"}))
    with pytest.raises(InputError, match="is a run of l1, which has no discriminator"):
        evaluate_critic(lipgan_run, small_pack)


@pytest.mark.parametrize(
    ("recipe", "limit", "is_trained"), [("lsgan", -0.5, True), ("wgan-ls", -0.5, True), ("wgan-gp", None, False)]
)
def test_other_critics_are_measured_by_their_score(recipe, limit, is_trained, small_pack, tmp_path):
    critic = PairCritic(96, "embedding" if recipe == "wgan-gp" else "projection", 8)
    _state(critic).save(tmp_path / "last.state.pt")
    (tmp_path / "config.json").write_text(json.dumps({"recipe": recipe, "critic_width": 8}))
    found = classify_pairs(tmp_path, small_pack, "train", 40, seed=3)
    assert found.is_trained_limit is is_trained
    assert found.limit == (np.median(found.distance) if limit is None else limit)
    assert found.recipe == {"wgan-ls": "lsgan-gp"}.get(recipe, recipe)
    with Pack(small_pack) as pack, torch.inference_mode():
        table = FrameTable(pack, "train")
        face, speech = found.pairs.face[:3], found.pairs.speech[:3]
        batch = gather(pack, table, Draw(face[:1], face, speech))
        assert found.distance[:3] == pytest.approx(-critic.eval()(batch.target, batch.mismatched_mel).numpy(), abs=1e-5)
        assert (found.clip == table.clip_of[found.pairs.face]).all()


def test_an_expert_is_measured_as_its_training_does(small_pack, tmp_path):
    config = make_config("sync-expert", dims=SMALL, batch_size=4, targets_per_reference=2, max_samples=4)
    trained = train(small_pack, tmp_path / "run", config)
    figures = evaluate_expert(tmp_path / "run", small_pack, "test")
    assert {name: trained[name] for name in figures} == figures
    assert figures["sync/pair_accuracy"] == pytest.approx(0.5, abs=0.3)
    assert figures["split"] == "test"
