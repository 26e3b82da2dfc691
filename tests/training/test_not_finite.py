"""Numbers that are not finite, and changed bytes, end a run in words: before gradients are taken, or on reading."""

import math
import random
import warnings
from zipfile import ZipFile

import h5py
import pytest
import torch
from fixtures.quick_training import train
from fixtures.stores import write_faces, write_mels
from safetensors.torch import load_file

from lipsync_cli.errors import InputError, LipsyncError
from lipsync_cli.formats.weights import load_weights, read_header, save_weights
from lipsync_cli.preprocessing.pack import Split, pack
from lipsync_cli.training.engine.checkpoint import read_state
from lipsync_cli.training.engine.finite import are_finite, find_tensors
from lipsync_cli.training.recipe_config import make_config

TINY = {"generator": "compact", "dims": {"channels": [16, 16, 16, 16], "audio_dim": 16}, "batch_size": 2}


def _config(**options):
    base = {"max_samples": 4, "validate_every": 4, "checkpoint_every": 4, "sheet_every": 4, "validation_frames": 1}
    return make_config("l1", **{**TINY, **base, **options})


@pytest.fixture(scope="module")
def run(small_pack, tmp_path_factory):
    run = tmp_path_factory.mktemp("run") / "run"
    train(small_pack, run, _config())
    return run


def test_a_learning_rate_far_too_high_ends_in_words(small_pack, tmp_path):
    with pytest.raises(LipsyncError, match=r"no longer a number .*try a lower --learning-rate") as caught:
        train(small_pack, tmp_path / "run", _config(learning_rate=1e30, max_samples=200))
    assert caught.value.exit_code == 1


def test_weights_of_nan_are_no_start(small_pack, run, tmp_path):
    tensors = load_file(run / "last.safetensors")
    name = next(name for name in tensors if name.startswith("flow_head") and name.endswith("weight"))
    tensors[name].view(-1)[0] = torch.nan
    save_weights(tmp_path / "w.safetensors", tensors, read_header(run / "last.safetensors"))
    with pytest.raises(InputError, match=rf"w.safetensors: {name} holds numbers that are not finite"):
        train(small_pack, tmp_path / "new", _config(), init=tmp_path / "w.safetensors")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "dims", [{"size": 10**9}, {"size": "a"}, {"size": 0}, {"colour": 1}, {"channels": [10**9] * 4}]
)
def test_weights_whose_header_means_another_network_take_no_memory(dims, run, tmp_path):
    header = read_header(run / "last.safetensors")
    header.dims.update(dims)
    save_weights(tmp_path / "w.safetensors", load_file(run / "last.safetensors"), header)
    with pytest.raises(InputError, match="does not hold the compact network"):
        load_weights(tmp_path / "w.safetensors")


def test_changed_bytes_in_a_state_are_refused(small_pack, run):
    path = run / "last.state.pt"
    whole, dice = path.read_bytes(), random.Random(1)
    with ZipFile(path) as archive:
        part = max(archive.infolist(), key=lambda part: part.file_size)
    try:
        for count in (1, 400):
            changed = bytearray(whole)
            for place in dice.sample(range(part.header_offset + 256, part.header_offset + part.file_size), count):
                changed[place] ^= 0x5A
            path.write_bytes(changed)
            with pytest.raises(InputError, match="readable training state") as caught:
                train(small_pack, run, _config())
            assert caught.value.exit_code == 3
    finally:
        path.write_bytes(whole)
    assert train(small_pack, run, _config())["samples"] == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state["counters"].update(step="many"),
        lambda state: state["counters"].update(step=-1),
        lambda state: state.update(counters=3),
        lambda state: state.update(pending=[1]),
        lambda state: state.update(optimizer=None),
        lambda state: state.update(counters=torch.zeros(7)),
        lambda state: state.update(generator=torch.zeros(7)),
        lambda state: state.update(optimizer=torch.zeros(7)),
        lambda state: state["optimizer"].update(state=torch.zeros(7)),
        lambda state: state.update(discriminators=torch.zeros(7)),
        lambda state: state.update(discriminators={"a": torch.zeros(7)}),
        lambda state: state.update(format_version=1, modules=torch.zeros(7), optimizers={}),
        lambda state: state["optimizer"]["state"][0].update(exp_avg=torch.zeros(3)),
        lambda state: state["optimizer"]["state"][0]["exp_avg"].fill_(torch.nan),
        lambda state: state["optimizer"]["state"][0].pop("exp_avg_sq"),
        lambda state: state["generator"].update(more=torch.zeros(3)),
        lambda state: next(v for k, v in state["generator"].items() if k.endswith("weight")).fill_(torch.inf),
    ],
)
def test_a_state_that_does_not_fit_its_run_is_refused(change, small_pack, run):
    path = run / "last.state.pt"
    whole, state = path.read_bytes(), read_state(path, "cpu")
    change(state)
    try:
        torch.save(state, path)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            with pytest.raises(InputError, match=r"last.state.pt: .*; remove it to begin the run anew"):
                train(small_pack, run, _config())
        assert not [each for each in told if "indexing" in str(each.message)]  # a further line on stderr
    finally:
        path.write_bytes(whole)


def test_the_outputs_of_a_network_are_asked_as_well_as_its_loss():
    whole, spoiled = torch.zeros(3), torch.tensor([0.0, torch.nan])
    assert len(find_tensors((whole, None, [whole, {"a": spoiled, "b": torch.zeros(2, dtype=torch.int64)}]))) == 3
    assert are_finite(find_tensors((whole, None)))
    assert not are_finite(find_tensors((whole, {"a": spoiled})))


@pytest.mark.parametrize(
    ("dataset", "place"), [("mels/data", (3, 5)), ("features/data", (0, 3, 5)), ("features/data", (1, 3, 5))]
)
@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_sound_in_a_pack_that_is_no_number_is_exit_3(dataset, place, number, tmp_path, lipsync):
    names = [("s1", f"clip{number}") for number in range(3)]
    write_faces(tmp_path / "faces.h5", [(*name, 20) for name in names])
    write_mels(tmp_path / "mels.h5", [(*name, 64) for name in names], features=2)
    pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / "p.h5", Split(1, 0, None, ()))
    with h5py.File(tmp_path / "p.h5", "r+") as file:
        file[dataset][place] = number
    options = ["--recipe", "l1", "--speech", "encoder", "--augment", "--augment-share", 1, "--device", "cpu"]
    options += ["--generator", "compact"]
    result = lipsync(
        "train", tmp_path / "p.h5", tmp_path / "run", *options, "--batch-size", 12, "--max-samples", 240, "-q"
    )
    assert result.returncode == 3, result.stderr
    assert f"p.h5: {dataset} h" in result.stderr
    assert len(result.stderr.splitlines()) == 1
