"""The engine: any number of discriminators, each updated as often as it asks, and states of before that still load."""

import json

import numpy as np
import pytest
import torch
from fixtures.quick_training import train
from safetensors.torch import load_file

from lipsync_cli.errors import InputError
from lipsync_cli.training.engine.checkpoint import TrainState, read_state
from lipsync_cli.training.engine.update_schedule import UpdateSchedule
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import RECIPES
from lipsync_cli.training.recipes.recipe import Discriminator, GeneratorRecipe

TINY = {"generator": "compact", "dims": {"channels": [16, 16, 16, 16], "audio_dim": 16}, "batch_size": 2}
STEPS = {"max_samples": 24, "checkpoint_every": 4, "validate_every": 24, "sheet_every": 24, "validation_frames": 1}


class StopError(Exception):
    pass


def _stop(at):
    def stop(done, total, label):
        if done >= at:
            raise StopError

    return stop


def _same(one, other):
    for name in ("last.safetensors", "best.safetensors"):
        first, second = (load_file(run / name) for run in (one, other))
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first)
    assert (one / "log.jsonl").read_text() == (other / "log.jsonl").read_text()


@pytest.mark.parametrize("n_critic", [{}, {"a": 1}, {"a": 5}, {"a": 1, "b": 1}, {"a": 4, "b": 1, "c": 2, "d": 3}])
def test_each_network_is_updated_as_often_as_asked_and_evenly(n_critic):
    schedule, rounds = UpdateSchedule(n_critic), 6
    steps = range(rounds * schedule.cycle)
    assert sum(schedule.has_generator(step) for step in steps) == rounds
    for name, count in n_critic.items():
        updated = [step for step in steps if schedule.has_discriminator(name, step)]
        assert len(updated) == rounds * count
        assert updated[-1] == steps[-1]
        assert max(np.diff(updated, prepend=-1)) <= -(-schedule.cycle // count)
    assert all(schedule.discriminators(step) == list(n_critic) for step in steps if schedule.has_generator(step))


def test_the_last_update_before_a_line_of_the_log():
    schedule = UpdateSchedule({"often": 5, "seldom": 2})
    for name, last in (("often", 49), ("seldom", 49), (None, 49)):
        assert [step for step in range(50) if schedule.is_last(name, step, 50)][-1] == last
    assert not schedule.is_last("often", 48, 50)
    assert schedule.is_last("often", 49, 50)
    assert schedule.is_last(None, 44, 49)
    assert not schedule.is_last(None, 44, 50)


def test_a_discriminator_that_is_never_updated_is_refused():
    with pytest.raises(ValueError, match="blind has 0 updates"):
        UpdateSchedule({"blind": 0})


class Pictures(torch.nn.Module):
    """Scores faces by their mean colours."""

    def __init__(self):
        super().__init__()
        self.score = torch.nn.Linear(3, 1)

    def forward(self, face):
        return self.score(face.mean((2, 3)))[:, 0]


class TwoDiscriminators(GeneratorRecipe):
    """One discriminator of whole crops, and one of mouths that is updated three times as often."""

    name = "two"

    def __init__(self, context):
        self.region = context.mouth_region
        self.discriminators = {"crop": Discriminator(Pictures()), "mouth": Discriminator(Pictures(), 3)}
        self.asked = []

    def _score(self, name, image):
        row0, row1, column0, column1 = self.region
        return self.discriminators[name].network(image if name == "crop" else image[..., row0:row1, column0:column1])

    def discriminator_losses(self, name, batch, output, fake_step):
        self.asked.append(name)
        assert not output.image.requires_grad
        learning = {key for key, one in self.discriminators.items() if one.network.score.weight.requires_grad}
        assert learning == {name}
        yield {f"{name}/loss": self._score(name, output.image).mean() - self._score(name, batch.target).mean()}

    def network_loss(self, batch, output):
        assert not any(one.network.score.weight.requires_grad for one in self.discriminators.values())
        scores = {f"generator/{name}": -self._score(name, output.image).mean() for name in self.discriminators}
        return {"generator/l1": (output.image - batch.target).abs().mean(), **scores}


@pytest.fixture
def two(monkeypatch):
    monkeypatch.setitem(RECIPES, "two", TwoDiscriminators)
    return make_config("two", **TINY, **STEPS)


def test_two_discriminators_stopped_between_updates_and_resumed_equal_undisturbed(two, small_pack, tmp_path):
    train(small_pack, tmp_path / "whole", two)
    with pytest.raises(StopError):
        train(small_pack, tmp_path / "cut", two, progress=_stop(10))  # saved after step 4 of cycles of 3
    train(small_pack, tmp_path / "cut", two)
    _same(tmp_path / "whole", tmp_path / "cut")
    states = [read_state(tmp_path / run / "last.state.pt", "cpu")["discriminators"] for run in ("whole", "cut")]
    for name, times in (("crop", 4), ("mouth", 12)):
        whole, cut = (state[name] for state in states)
        assert all(torch.equal(whole["network"][key], cut["network"][key]) for key in whole["network"])
        assert {int(one["step"]) for one in whole["optimizer"]["state"].values()} == {times}
    (line,) = [line for line in _log(tmp_path / "whole") if line["kind"] == "train"]
    assert {"crop/loss", "mouth/loss", "generator/l1", "generator/crop", "generator/mouth"} <= line.keys()


def _log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_a_state_of_other_discriminators_is_refused(two, small_pack, tmp_path):
    train(small_pack, tmp_path / "run", two)
    network = torch.nn.Linear(1, 1)
    state = TrainState(network, torch.optim.Adam(network.parameters()))
    with pytest.raises(InputError, match="is not a readable training state"):
        state.load(tmp_path / "run" / "last.state.pt", "cpu")
    with pytest.raises(ValueError, match="optimiser of its own"):
        TrainState(network, torch.optim.Adam(network.parameters()), discriminators={"critic": network})


def write_format_1(path):
    """Write a state as versions before the one of several discriminators did: at most one, called critic."""
    values = read_state(path, "cpu")
    counters, critics = values["counters"], values["discriminators"]
    assert set(critics) <= {"critic"}
    modules = {"generator": values["generator"], **{name: one["network"] for name, one in critics.items()}}
    if values["ema"] is not None:
        modules["ema"] = values["ema"]
    old = {
        "format": "lipsync-training-state",
        "format_version": 1,
        "counters": [counters[name] for name in ("step", "samples_seen", "elapsed_s", "best")],
        "waited": counters["waited"],
        "pending": values["pending"],
        "modules": modules,
        "optimizers": {"generator": values["optimizer"], **{name: one["optimizer"] for name, one in critics.items()}},
    }
    torch.save(old, path)


@pytest.mark.parametrize(
    "recipe", ["l1", *(pytest.param(name, marks=pytest.mark.slow) for name in ("lipgan", "wgan-gp"))]
)
def test_a_run_of_format_1_resumed_equals_undisturbed(recipe, small_pack, tmp_path):
    steps = {**STEPS, "max_samples": 16, "checkpoint_every": 8, "validate_every": 16, "sheet_every": 16}
    config = make_config(recipe, **TINY, **steps, ema_samples=8, critic_width=4, augment=True)
    train(small_pack, tmp_path / "whole", config)
    with pytest.raises(StopError):
        train(small_pack, tmp_path / "cut", config, progress=_stop(10))
    state = tmp_path / "cut" / "last.state.pt"
    write_format_1(state)
    assert torch.load(state, weights_only=True)["format_version"] == 1
    train(small_pack, tmp_path / "cut", config)
    _same(tmp_path / "whole", tmp_path / "cut")
    whole, cut = (torch.load(tmp_path / run / "last.state.pt", weights_only=True) for run in ("whole", "cut"))
    assert whole["format_version"] == cut["format_version"] == 2
    for one, other in zip(_tensors(whole), _tensors(cut), strict=True):
        assert torch.equal(one, other)


def _tensors(values):
    if isinstance(values, torch.Tensor):
        yield values
    for value in values.values() if isinstance(values, dict) else values if isinstance(values, list) else ():
        yield from _tensors(value)


def test_a_state_of_a_later_format_is_refused(small_pack, tmp_path):
    config = make_config("l1", **TINY, **{**STEPS, "max_samples": 4})
    train(small_pack, tmp_path / "run", config)
    state = tmp_path / "run" / "last.state.pt"
    torch.save({**torch.load(state, weights_only=True), "format_version": 3}, state)
    with pytest.raises(InputError, match="no training state of this version"):
        train(small_pack, tmp_path / "run", config)
