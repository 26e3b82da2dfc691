"""Critics and experts as classifiers: measured on the same pairs, and refused where there is none."""

import json

import pytest
import torch
from fixtures.quick_training import train

from lipsync_cli.errors import InputError
from lipsync_cli.models.generators.lipgan import LipGANCritic
from lipsync_cli.training.engine.checkpoint import TrainState
from lipsync_cli.training.evaluators.sync_judgement import evaluate_critic, evaluate_expert
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
    with pytest.raises(InputError, match="LipGAN's critic"):
        evaluate_critic(lipgan_run, small_pack)
    with pytest.raises(InputError, match="LipGAN's critic"):
        evaluate_critic(lipgan_run / "nowhere", small_pack)


def test_an_expert_is_measured_as_its_training_does(small_pack, tmp_path):
    config = make_config("sync-expert", dims=SMALL, batch_size=4, targets_per_reference=2, max_samples=4)
    trained = train(small_pack, tmp_path / "run", config)
    figures = evaluate_expert(tmp_path / "run", small_pack, "test")
    assert {name: trained[name] for name in figures} == figures
    assert figures["sync/pair_accuracy"] == pytest.approx(0.5, abs=0.3)
    assert figures["split"] == "test"
