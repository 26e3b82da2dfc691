"""Recipe listen: the encoder learns the mouth's opening, all else stays, and a run goes on exactly."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fixtures.quick_training import train
from safetensors.torch import load_file
from torch import nn

from lipsync_cli.errors import ToolError, UsageError
from lipsync_cli.training.evaluators.mouth_openings import measure_openings
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import RECIPES
from lipsync_cli.training.recipes.context import RecipeContext
from lipsync_cli.training.recipes.generators.speech_encoder_tuning import OPENING_WEIGHT, Heard, Listen, Readout

TINY = {"generator": "compact", "dims": {"channels": [16, 16, 16, 16], "audio_dim": 16}, "batch_size": 4}
STEPS = {"max_samples": 12, "checkpoint_every": 4, "validate_every": 12, "sheet_every": 12, "validation_frames": 1}


@pytest.fixture(scope="module")
def start(small_pack, tmp_path_factory):
    run = tmp_path_factory.mktemp("start") / "run"
    train(small_pack, run, make_config("l1", **{**TINY, **STEPS, "max_samples": 4}))
    return run


class ListenToSine(Listen):
    """Takes every frame of the split for as open as the sine of its number says."""

    @staticmethod
    def measure_openings(source):
        frames = np.concatenate([source.table.frames[row] for row in source.table.rows])
        return frames, np.sin(frames).astype(np.float32)


class ListenWithoutLandmarks(Listen):
    """Finds no landmarks installed."""

    measure_openings = staticmethod(partial(measure_openings, load=lambda: None))


def test_only_the_speech_encoder_learns_and_a_stopped_run_goes_on_exactly(small_pack, start, tmp_path, monkeypatch):
    monkeypatch.setitem(RECIPES, "listen", ListenToSine)
    config = make_config("listen", **{**TINY, **STEPS, "batch_size": 2, "validation_frames": 1})
    train(small_pack, tmp_path / "whole", config, init=start)

    class StopError(Exception):
        pass

    def stop(done, total, label):
        if done >= 6:
            raise StopError

    with pytest.raises(StopError):
        train(small_pack, tmp_path / "cut", config, init=start, progress=stop)
    train(small_pack, tmp_path / "cut", config, init=start)
    runs = (tmp_path / "whole", tmp_path / "cut", start)
    whole, cut, before = (load_file(run / "last.safetensors") for run in runs)
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    changed = {name.split(".")[0] for name in whole if not torch.equal(whole[name], before[name])}
    assert changed == {"audio_encoder", "speech_centre"}


class ListenToSource(Listen):
    """Knows the openings of a `Source`."""

    @staticmethod
    def measure_openings(source):
        return np.arange(len(source.mels)), source.openings


def _recipe(encoder, **options):
    config = make_config("listen", **{**TINY, **options})
    start = SimpleNamespace(audio_encoder=encoder)
    return ListenToSource(RecipeContext(config, (48, 74, 29, 67), 96, start=start))


class Pair(nn.Module):
    """Embeds a sound as the means of its two halves, which are independent of each other."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, mel):
        return torch.stack([mel[..., :13].mean((1, 2, 3)), mel[..., 14:].mean((1, 2, 3))], 1) * self.scale


class Source:
    """Sounds whose opening is the first half's level, and a little of something unheard."""

    device = "cpu"
    transforms = frozenset()

    def __init__(self, count=4000):
        rng = np.random.default_rng(0)
        levels = rng.normal(0, [2.0, 0.5], (count, 2)).astype(np.float32)
        self.mels = np.repeat(np.repeat(levels, 80, 1).reshape(count, 2, 80), [13, 14], 1)
        self.openings = (levels[:, 0] / 2 + 0.1 * rng.normal(size=count)).astype(np.float32)
        self.table = SimpleNamespace(
            rows=[0],
            clip_of=np.zeros(count, int),
            clip_probabilities=lambda temperature: np.ones(1),
            fetch_windows=lambda frames, device: torch.from_numpy(self.mels[frames]),
        )


@pytest.fixture
def heard():
    source = Source()
    recipe = _recipe(Pair(), batch_size=512, augment=False)
    told = []
    recipe.prepare(source, told.append)
    assert told[1].startswith("4000 frames")
    assert told[1].endswith("0.995")
    return source, recipe, recipe.batch(source, 0)


def test_the_readout_is_the_ridge_regression_of_the_opening(heard):
    _, recipe, batch = heard
    readout = recipe.readout
    assert np.allclose(readout.weight, [0.5, 0], atol=0.01)
    assert np.allclose(readout.direction / readout.direction[0], [1, 0], atol=0.02)
    assert float(readout.weight @ readout.direction) == pytest.approx(1, abs=1e-6)
    assert torch.equal(batch.mel, batch.clean)  # nothing is transformed without augment


def test_losses_are_those_computed_by_hand(heard):
    _, recipe, batch = heard
    made = Pair()(batch.mel).detach() * torch.tensor([0.5, 3.0])
    terms = recipe.network_loss(batch, made)
    centre, weight, direction, variance = (part.numpy() for part in recipe.readout[:4])
    old, opening = Pair()(batch.clean).detach().double().numpy(), batch.opening.numpy()
    wanted = old + np.outer(opening - (old - centre) @ weight, direction)
    by_hand = ((made.numpy() - wanted) ** 2 / variance).mean()
    assert float(terms["listen/embedding"]) == pytest.approx(by_hand, rel=1e-4)
    read = (made.numpy() - centre) @ weight
    assert float(terms["listen/opening"]) == pytest.approx(OPENING_WEIGHT * ((read - opening) ** 2).mean(), rel=1e-4)
    mean = centre[None].repeat(len(made), 0)
    silent = recipe.network_loss(batch, torch.from_numpy(mean))["listen/opening"]
    assert float(silent) == pytest.approx(recipe.chance_levels["listen/opening"] * np.mean(opening**2), rel=1e-4)


def test_an_encoder_that_was_deaf_on_one_side_learns_to_hear_there():
    """The opening is in the second half, too; the old embedding of that half is right but hardly counted."""
    source = Source()
    source.openings = (source.mels[:, -1, 0] / 0.5).astype(np.float32)
    recipe = _recipe(Pair(), batch_size=512, augment=False)
    recipe.prepare(source, lambda text: None)
    network = nn.Sequential(nn.Flatten(), nn.Linear(80 * 27, 2))
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    first = last = None
    for step in range(60):
        batch = recipe.batch(source, step)
        terms = recipe.network_loss(batch, network(batch.mel))
        last = float(terms["listen/opening"].detach())
        first = last if first is None else first
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
    assert last < 0.1 * first
    assert last < 0.1 * OPENING_WEIGHT


def test_equal_steps_give_equal_sounds_and_others_others(heard):
    source, recipe, batch = heard
    again, other = recipe.batch(source, 0), recipe.batch(source, 1)
    assert torch.equal(batch.clean, again.clean)
    assert not torch.equal(batch.clean, other.clean)
    voices = _recipe(Pair(), batch_size=8)
    source.transforms = frozenset({"gain", "hiss"})
    voices.prepare(source, lambda text: None)
    changed = voices.batch(source, 0)
    differs = (changed.mel != changed.clean).flatten(1).any(1)
    assert differs.sum() == 3  # 0.3 of 8, rounded up
    assert isinstance(changed, Heard)
    assert isinstance(recipe.readout, Readout)


def test_it_goes_on_with_trained_weights_only(small_pack, tmp_path):
    with pytest.raises(UsageError, match="listen needs trained weights"):
        train(small_pack, tmp_path / "run", make_config("listen", **{**TINY, **STEPS}))
    assert not (tmp_path / "run").exists()
    with pytest.raises(UsageError, match="generator 'lipgan'"):
        make_config("listen", generator="lipgan")


def test_without_landmarks_it_says_what_to_install(small_pack, start, tmp_path, monkeypatch):
    monkeypatch.setitem(RECIPES, "listen", ListenWithoutLandmarks)
    with pytest.raises(ToolError, match="landmarks"):
        train(small_pack, tmp_path / "run", make_config("listen", **{**TINY, **STEPS}), init=start)


def test_openings_are_in_each_speakers_own_units(small_pack):
    from lipsync_cli.formats.pack_file import Pack
    from lipsync_cli.training.engine.batch_source import Source as PackSource

    def find(predictor, crops, rule, looks):
        assert looks == 1
        points = np.zeros((len(crops), 68, 2))
        points[:, 42:48, 0] = 1.0  # eyes one apart
        points[:, 65:68, 1] = crops.mean((1, 2, 3))[:, None]
        return points

    with Pack(small_pack) as pack:
        source = PackSource(pack, pack, "train", make_config("l1", **TINY), "cpu")
        frames, opened = measure_openings(source, most_frames=50, load=object, find=find)
        speaker = np.array([pack.clips["speaker"][row] for row in source.table.clip_of[frames]])
    assert len(frames) == 50
    assert (np.diff(frames) > 0).all()
    for name in np.unique(speaker):
        assert opened[speaker == name].mean() == pytest.approx(0, abs=1e-5)
        assert opened[speaker == name].std() == pytest.approx(1, abs=1e-3)
