"""What goes wrong in the middle of a run, or before it: one line, an exit code, and a checkpoint that loads."""

import os
import resource
import signal

import pytest
import torch
from fixtures.quick_training import train
from safetensors.torch import load_file

from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError, StoppedError
from lipsync_cli.formats.weights import load_weights
from lipsync_cli.preprocessing.pack import Split, pack
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import RECIPES
from lipsync_cli.training.recipes.generators.l1 import L1

TINY = {"generator": "compact", "dims": {"channels": [16, 16, 16, 16], "audio_dim": 16}, "batch_size": 2}


def _config(recipe="l1", **options):
    base = {"max_samples": 8, "validate_every": 4, "checkpoint_every": 4, "sheet_every": 4, "validation_frames": 1}
    return make_config(recipe, **{**TINY, **base, **options})


def _files(folder):
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Spoiled(L1):
    """L1 whose fourth loss, counted over all runs, is no number."""

    name = "spoiled"
    num_losses = 0

    def network_loss(self, batch, output):
        Spoiled.num_losses += 1
        factor = torch.nan if Spoiled.num_losses == 4 else 1
        return {name: term * factor for name, term in super().network_loss(batch, output).items()}


def test_a_loss_that_is_no_number_ends_the_run_and_the_checkpoint_before_it_stays(small_pack, tmp_path, monkeypatch):
    monkeypatch.setitem(RECIPES, "spoiled", Spoiled)
    Spoiled.num_losses = 0
    with pytest.raises(LipsyncError, match="no longer a number at 6 samples") as caught:
        train(small_pack, tmp_path / "run", _config("spoiled"))
    assert caught.value.exit_code == 1
    assert load_weights(tmp_path / "run" / "last.safetensors")[1].samples_seen == 4
    assert all(tensor.isfinite().all() for tensor in load_file(tmp_path / "run" / "last.safetensors").values())
    assert train(small_pack, tmp_path / "run", _config("spoiled"))["samples"] == 8


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_is_the_exit_code(number, small_pack, tmp_path):
    handlers = [signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)]

    def kill(done, total, label):
        if done == 2:
            os.kill(os.getpid(), number)

    with pytest.raises(StoppedError, match=f"{number.name} and saved at 4 samples") as caught:
        train(small_pack, tmp_path / "run", _config(), progress=kill)
    assert caught.value.exit_code == 128 + number
    assert [signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)] == handlers
    assert load_weights(tmp_path / "run" / "last.safetensors")[1].samples_seen == 4
    if number == signal.SIGTERM:  # what was due at 4 samples is made up for, and the end is that of an undisturbed run
        train(small_pack, tmp_path / "run", _config())
        train(small_pack, tmp_path / "whole", _config())
        for name in ("log.jsonl", "best.safetensors", "last.safetensors"):
            assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("room", [100_000, 600_000])  # bytes a file: too few for the weights, for the state
def test_a_full_disk_is_said_and_the_checkpoint_before_it_is_kept(room, small_pack, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(done, total, label):
        if done == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))

    try:
        with pytest.raises(InputError, match=r"cannot be written .*checkpoint before it is kept"):
            train(small_pack, tmp_path / "run", _config(validate_every=100, sheet_every=100), progress=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert load_weights(tmp_path / "run" / "last.safetensors")
    assert not list((tmp_path / "run").glob(".*tmp*"))
    assert train(small_pack, tmp_path / "run", _config(validate_every=100, sheet_every=100))["samples"] == 8


@pytest.fixture
def make_pack(tmp_path, stores):
    """Make a pack of clips: (speaker, name, frames, mels), the last `held_out` of each speaker in the test split."""

    def make(clips, held_out=0, name="odd.h5"):
        stores.write_faces(tmp_path / "faces.h5", [clip[:3] for clip in clips])
        stores.write_mels(tmp_path / "mels.h5", [(*clip[:2], clip[3]) for clip in clips])
        pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / name, Split(held_out, 0, None, ()), force=True)
        return tmp_path / name

    return make


def test_one_clip_of_one_speaker_is_enough_and_nothing_is_validated(make_pack, tmp_path):
    notes = []
    odd = make_pack([("s1", "only", 14, 40)])
    assert train(odd, tmp_path / "run", _config(max_samples=4), note=notes.append)["samples"] == 4
    assert any("nothing is validated" in note for note in notes)


def test_without_validation_clips_it_says_that_the_test_clips_choose_the_best_weights(make_pack, tmp_path):
    notes = []
    odd = make_pack([("s1", "a", 14, 40), ("s1", "b", 14, 40)], held_out=1)
    train(odd, tmp_path / "run", _config(max_samples=4), note=notes.append)
    assert [note for note in notes if note.startswith(f"{odd}: no validation clips")] == [
        f"{odd}: no validation clips, so the best weights are chosen on the test clips"
    ]


def test_a_pack_of_clips_too_short_to_use_is_refused_before_a_folder_is_made(make_pack, tmp_path):
    odd = make_pack([("s1", "a", 8, 26), ("s2", "b", 11, 35)])
    with pytest.raises(NothingToDoError, match="split 'train'") as caught:
        train(odd, tmp_path / "run", _config())
    assert caught.value.exit_code == 4
    assert not (tmp_path / "run").exists()


def test_another_recipe_or_pack_or_a_short_checkpoint_leaves_the_run_folder_as_it_was(make_pack, small_pack, tmp_path):
    run = tmp_path / "run"
    train(small_pack, run, _config(max_samples=2))
    before = _files(run)
    with pytest.raises(InputError, match="begun with recipe = l1, not lipgan"):
        train(small_pack, run, _config("lipgan", max_samples=2))
    with pytest.raises(InputError, match="another pack"):
        train(make_pack([("s1", "only", 14, 60)]), run, _config(max_samples=2))
    with pytest.raises(InputError, match="holds a compact generator"):
        train(small_pack, tmp_path / "new", make_config("l1", max_samples=2), init=run)
    with pytest.raises(InputError, match="begun with init = none, not"):
        train(small_pack, run, _config(max_samples=2), init=run)
    assert _files(run) == before
    assert not (tmp_path / "new").exists()
    state = run / "last.state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    before = _files(run)
    with pytest.raises(InputError, match="readable training state"):
        train(small_pack, run, _config(max_samples=2))
    assert _files(run) == before
    (run / "config.json").write_text("[]")
    with pytest.raises(InputError, match="readable run configuration"):
        train(small_pack, run, _config(max_samples=2))


def test_a_run_of_an_older_version_goes_on_and_the_batch_size_may_change(small_pack, tmp_path):
    import json

    run = tmp_path / "run"
    train(small_pack, run, _config(max_samples=4))
    saved = json.loads((run / "config.json").read_text())
    for name in ("patience", "expert", "sync_weight"):
        del saved[name]
    (run / "config.json").write_text(json.dumps(saved))
    assert train(small_pack, run, _config(max_samples=8, batch_size=4, sheet_every=None))["samples"] == 8


def test_patience_ends_a_run_that_gets_no_better(small_pack, tmp_path):
    config = _config(learning_rate=0.0, max_samples=80, patience=2)
    assert train(small_pack, tmp_path / "run", config)["samples"] == 12


def test_a_folder_in_which_another_run_trains_is_left_alone(small_pack, tmp_path):
    run, seen = tmp_path / "run", []

    def train_again(done, total, label):
        if done == 2:
            before = _files(run)
            with pytest.raises(InputError, match=r"another run is writing .*name another folder") as caught:
                train(small_pack, run, _config())
            seen.append(caught.value.exit_code)
            assert _files(run) == before

    assert train(small_pack, run, _config(), progress=train_again)["samples"] == 8
    assert seen == [3]


@pytest.mark.parametrize("has_card", [True, False])
def test_weights_of_a_run_whose_state_was_removed_are_not_replaced(has_card, small_pack, tmp_path):
    run = tmp_path / "run"
    train(small_pack, run, _config(max_samples=8, checkpoint_every=2))
    (run / "last.state.pt").unlink()
    if not has_card:
        (run / "MODEL_CARD.md").unlink()
    before = _files(run)
    with pytest.raises(InputError, match=r"holds weights, and no last\.state\.pt .*name another folder"):
        train(small_pack, run, _config(max_samples=8, checkpoint_every=2))
    assert _files(run) == before


def test_what_was_killed_before_its_first_checkpoint_begins_anew(small_pack, tmp_path):
    run = tmp_path / "run"
    train(small_pack, run, _config(max_samples=4, checkpoint_every=100))
    (run / "last.state.pt").unlink()
    (run / "MODEL_CARD.md").unlink()
    assert train(small_pack, run, _config(max_samples=4, checkpoint_every=100))["samples"] == 4
