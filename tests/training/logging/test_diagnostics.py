"""Alarms: each on a log that shows it, none on a log that does not, and a generator that really is stuck."""

import json

import pytest
import torch
from fixtures.quick_training import train

from lipsync_cli import models
from lipsync_cli.models import registry
from lipsync_cli.training.logging.diagnostics import LOOK_BACK, MIN_SAMPLES, find_diagnostics
from lipsync_cli.training.recipe_config import make_config

CHANCE = {"critic/real": 1.0, "critic/fake": 1.0}


def _log(l1=lambda part: 0.05 - 0.03 * part, critic=lambda part: 0.9 - 0.5 * part, **figures):
    """A run of 30 lines that goes well, but for what is named."""
    good = {"model/mouth_variation": 25.0, "truth/mouth_variation": 30.0, "model/audio_variation": 4.0}
    good["over_wrong_audio_db"] = 0.4
    lines = []
    for number in range(30):
        part, samples = number / 29, 4000 * (number + 1)
        terms = {"generator/l1": l1(part), "critic/real": critic(part), "critic/fake": critic(part)}
        lines.append({"kind": "train", "samples": samples, **terms, "generator/l1/gradient_norm": 1.0})
        if number % 10 == 9:
            lines.append({"kind": "validation", "samples": samples, **good, **figures})
    return lines


def test_a_run_that_learns_raises_nothing():
    assert find_diagnostics(_log(), CHANCE, ("critic",)) == {}


@pytest.mark.parametrize(
    ("kind", "log", "saw"),
    [
        ("mode_collapse", _log(**{"model/mouth_variation": 0.3}), "0.30 levels"),
        ("audio_insensitive", _log(**{"model/audio_variation": 0.01}), "0.010 levels"),
        ("no_sync_gain", _log(over_wrong_audio_db=0.001), "+0.001 dB"),
        ("chance_level", _log(critic=lambda part: 0.99), "0.99 (chance 1)"),
        ("flat_loss", _log(l1=lambda part: 0.05), "began at 0.05 and is 0.05"),
    ],
)
def test_each_alarm_says_what_it_saw_and_says_it_once(kind, log, saw):
    alarms = find_diagnostics(log, CHANCE, ("critic",))
    assert list(alarms) == [kind]
    assert saw in alarms[kind]
    told = {"kind": "diagnostic", "samples": 1, "diagnostic": kind, "saw": saw}
    assert find_diagnostics([*log, told], CHANCE, ("critic",)) == {}


def test_little_is_expected_of_a_young_run():
    young = [line for line in _log(l1=lambda part: 0.05, critic=lambda part: 1.0) if line["samples"] < MIN_SAMPLES]
    assert len(young) > LOOK_BACK
    assert find_diagnostics(young, CHANCE) == {}


class _OneFace(torch.nn.Module):
    """What WGAN-GP came to in the thesis: one face, whatever goes in; it can learn nothing but that face."""

    def __init__(self, size):
        super().__init__()
        self.face = torch.nn.Parameter(torch.full((1, 3, size, size), 0.5))

    def forward(self, reference, target, mel):
        from lipsync_cli.models.generators.generator_output import GeneratorResult

        return GeneratorResult(self.face.sigmoid().expand(len(target), -1, -1, -1))


def test_a_run_that_collapses_says_so_and_logs_it_once(small_pack, tmp_path, monkeypatch):
    one_face = registry.Architecture("compact", "generator", _OneFace)
    monkeypatch.setitem(models.ARCHITECTURES, "compact", one_face)
    notes = []
    config = make_config("l1", generator="compact", batch_size=4, max_samples=24, validate_every=8, validation_frames=2)
    train(small_pack, tmp_path / "run", config, note=notes.append)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["diagnostic"] for line in lines if line["kind"] == "diagnostic"] == ["mode_collapse"]
    assert sum("mode collapse" in note for note in notes) == 1


@pytest.mark.parametrize(
    ("figures", "kind", "told"),
    [
        ({"swap/mask": 0.01}, "mask", "the mask is empty"),
        ({"swap/mask": 0.99}, "mask", "the mask is full"),
        ({"swap/mask": 0.5, "swap/variation": 0.01}, "mode_collapse", "a decoder draws one face"),
        ({"swap/to": 0.7, "swap/from": 0.5}, "identity_not_swapped", "still whose they were"),
        ({"swap/mask": 0.5, "swap/variation": 0.8, "swap/to": 0.4, "swap/from": 0.7}, None, ""),
    ],
)
def test_a_face_swap_that_goes_wrong_is_told(figures, kind, told):
    lines = [{"kind": "validation", "samples": samples, **figures} for samples in (60_000, 80_000)]
    found = find_diagnostics(lines, {})
    assert list(found) == ([] if kind is None else [kind])
    assert told in "".join(found.values())
