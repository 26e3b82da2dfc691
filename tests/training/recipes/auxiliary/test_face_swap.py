"""The face swap: what its batches hold, its stages, the exchange of decoders, and runs that are stopped and resumed."""

import json

import numpy as np
import pytest
import torch
from fixtures.quick_training import train
from safetensors.torch import load_file

from lipsync_cli.datasets.face_outliers import check_people
from lipsync_cli.datasets.face_people import PeopleFaces, PersonFaces
from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.formats.weights import read_header
from lipsync_cli.preprocessing.pack import Split, pack
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import RECIPES
from lipsync_cli.training.recipes.auxiliary.face_swap import FaceSwap, parse_attention
from lipsync_cli.training.recipes.auxiliary.swap_schedule import exchange_decoders, stage_at

STEPS = {"batch_size": 4, "max_samples": 24, "checkpoint_every": 12, "validate_every": 24, "sheet_every": 24}
STEPS["swap_width"] = "small"
EVERY = ("max_samples", "checkpoint_every", "validate_every", "sheet_every")


class StopError(Exception):
    pass


class OfFewFaces(FaceSwap):
    """The recipe for pictures that no network takes for faces, and few of them."""

    min_faces = 10

    def sort_out(self, source, frames, note):
        return frames, {}


@pytest.fixture(scope="module")
def heads(stores, tmp_path_factory):
    """A pack of two people with landmarks: 60 faces of one, 20 of the other."""
    folder = tmp_path_factory.mktemp("heads")
    names = [("ann", "a"), ("ann", "b"), ("ann", "c"), ("bob", "a")]
    stores.write_faces(folder / "faces.h5", [(*name, 20) for name in names], faceless=(3,), size=128, head=True)
    stores.write_mels(folder / "mels.h5", [(*name, 64) for name in names])
    pack(folder / "faces.h5", folder / "mels.h5", folder / "pack.h5", Split(1, 0, None, ()))
    return folder / "pack.h5"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setitem(RECIPES, "face-swap", OfFewFaces)
    return make_config("face-swap", **STEPS)


def _people(count=12, side=64):
    rng = np.random.default_rng(0)
    wide = 2 * side
    smooth = rng.integers(0, 255, (2, count, 4, 4, 3)).astype(np.uint8).repeat(wide // 4, 2).repeat(wide // 4, 3)
    return PeopleFaces([PersonFaces(faces, faces // 2, np.arange(count)) for faces in smooth], side)


def test_batches_hold_as_many_of_everyone_and_depend_on_seed_and_step_alone():
    people = _people()
    batch, again, other = people.batch(8, 1, 5), people.batch(8, 1, 5), people.batch(8, 1, 6)
    assert batch.person.tolist() == [0] * 4 + [1] * 4
    assert batch.distorted.shape == batch.target.shape == batch.parts.shape == (8, 3, 64, 64)
    assert all(torch.equal(one, two) for one, two in zip(batch, again, strict=True))
    assert not torch.equal(batch.target, other.target)
    assert not torch.allclose(batch.target, batch.distorted, atol=0.05)
    still = people.still(1, np.array([0, 3]))
    assert torch.equal(still.target, still.distorted)
    assert still.person.tolist() == [1, 1]


def test_the_published_stages_in_their_order():
    found = [stage_at(share)[1:] for share in (0.0, 0.29, 0.31, 0.45, 0.6, 0.7, 0.85, 0.95, 1.0)]
    assert found == [
        (None, 1.0), (None, 1.0), (0.5, 1.0), (0.2, 1.0), (0.4, 1.0), (None, 0.3), (0.1, 0.3), (None, 0.1), (None, 0.1)
    ]  # fmt: skip


def test_exchanged_decoders_go_on_from_each_others_weights_and_forget_their_moments():
    decoders = torch.nn.ModuleList(torch.nn.Linear(2, 2) for _ in range(3))
    optimizer = torch.optim.Adam(decoders.parameters())
    sum(one(torch.ones(2)).sum() for one in decoders).backward()
    optimizer.step()
    before = [one.weight.clone() for one in decoders]
    exchange_decoders(decoders, optimizer)
    for place, one in enumerate(decoders):
        assert torch.equal(one.weight, before[place - 1])
    assert not optimizer.state


@pytest.mark.slow
def test_a_run_stopped_before_the_exchange_and_resumed_equals_undisturbed(quick, heads, tmp_path):
    def stop(done, total, label):
        if done >= 16:
            raise StopError

    train(heads, tmp_path / "whole", quick)
    with pytest.raises(StopError):
        train(heads, tmp_path / "cut", quick, progress=stop)  # saved at 12; decoders are exchanged at 20 of 24
    train(heads, tmp_path / "cut", quick)
    one, other = (load_file(tmp_path / run / "last.safetensors") for run in ("whole", "cut"))
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert (tmp_path / "whole/log.jsonl").read_text() == (tmp_path / "cut/log.jsonl").read_text()
    header = read_header(tmp_path / "whole" / "last.safetensors")
    assert header.dims["people"] == ["ann", "bob"]
    lines = [json.loads(line) for line in (tmp_path / "whole/log.jsonl").read_text().splitlines()]
    (trained,) = [line for line in lines if line["kind"] == "train"]
    assert {"generator/l1", "generator/edges", "generator/mask", "generator/adversarial"} <= trained.keys()
    assert {"critic_ann/mixed", "critic_bob/mixed_colour"} <= trained.keys()
    (checked,) = [line for line in lines if line["kind"] == "validation"]
    assert 0 < checked["swap/mask"] < 1
    assert len(list((tmp_path / "whole/sheets").glob("*.png"))) == 2
    assert "of bob, faces that it has learned from" in (tmp_path / "whole/MODEL_CARD.md").read_text()


def test_without_exchange_and_without_discriminators(quick, heads, tmp_path):
    without = {"exchange": False, "adversarial_weight": 0.0, "attention": "none"}
    config = make_config("face-swap", **{**STEPS, **dict.fromkeys(EVERY, 8)}, **without)
    train(heads, tmp_path / "run", config)
    log = (tmp_path / "run/log.jsonl").read_text()
    assert "critic_" not in log
    assert "generator/l1" in log
    plain, whole = (load_file(tmp_path / "run/last.safetensors").keys(), read_header(tmp_path / "run/last.safetensors"))
    assert not any("query" in name for name in plain)
    assert whole.dims["attention"] == []


def test_the_exchange_happens_at_eight_tenths_and_only_there(heads):
    class State:
        ema = None
        optimizer = torch.optim.Adam([torch.zeros(1, requires_grad=True)])

    state, recipe = State(), FaceSwap.__new__(FaceSwap)
    state.generator = torch.nn.Module()
    state.generator.decoders = torch.nn.ModuleList(torch.nn.Linear(1, 1) for _ in range(2))
    recipe.config = make_config("face-swap", batch_size=4)
    seen = []
    for done in range(0, 40, 4):
        before = state.generator.decoders[0].weight.clone()
        rate = recipe.advance(state, done, 40)
        seen.append((torch.equal(before, state.generator.decoders[0].weight), rate))
    assert [changed for changed, _ in seen] == [True] * 8 + [False, True]
    assert [rate for _, rate in seen] == [1.0] * 7 + [0.3, 0.3, 0.1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("few", r"has 39 faces of ann, 100 are needed; give more videos of ann"),
        ("plain", r"holds no landmarks and masks of faces; make it from the file of detect-faces --head"),
        ("alone", r"a swap needs two people, the pack has ann; give each person a folder of videos"),
    ],
)
def test_packs_that_are_refused_in_one_line(change, told, heads, stores, small_pack, tmp_path, monkeypatch):
    class Plain(OfFewFaces):
        min_faces = FaceSwap.min_faces

    monkeypatch.setitem(RECIPES, "face-swap", Plain)
    source = {"few": heads, "plain": small_pack}.get(change)
    if source is None:
        stores.write_faces(tmp_path / "faces.h5", [("ann", "a", 20)], size=128, head=True)
        stores.write_mels(tmp_path / "mels.h5", [("ann", "a", 64)])
        source = tmp_path / "pack.h5"
        pack(tmp_path / "faces.h5", tmp_path / "mels.h5", source, Split(0, 0, None, ()))
    with pytest.raises(InputError, match=told) as error:
        train(source, tmp_path / "run", make_config("face-swap", **STEPS))
    assert error.value.exit_code == 3
    assert not (tmp_path / "run").exists()


def test_one_person_in_both_films_is_told(tmp_path):
    one = np.zeros(128)
    with pytest.raises(InputError, match=r"ann and bob are one person: their faces are 0.20 apart") as error:
        check_people({"ann": one, "bob": one + 0.2 / np.sqrt(128)}, tmp_path)
    assert error.value.exit_code == 3
    check_people({"ann": one, "bob": one + 0.7 / np.sqrt(128)}, tmp_path)


def test_sizes_that_do_not_exist():
    assert parse_attention("8, 16") == {8, 16}
    assert parse_attention("none") == frozenset()
    with pytest.raises(UsageError, match="'7' is no list of sizes"):
        make_config("face-swap", attention="7")
    with pytest.raises(UsageError, match="--face-size 96 does not exist; use 64, 128, 256"):
        make_config("face-swap", face_size=96)
