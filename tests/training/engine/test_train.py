"""The loop: it learns, it resumes exactly, and it refuses what does not fit."""

import json
import math
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from fixtures.quick_training import train
from safetensors.torch import load_file

from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.formats.weights import find_weights, load_weights, read_header, save_weights
from lipsync_cli.training.logging.curves import collect_panels, plot_curves
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import RECIPES

GENERATOR_RECIPES = [name for name, recipe in RECIPES.items() if "compact" in recipe.architectures and not recipe.needs]
TINY = {"generator": "compact", "dims": {"channels": [16, 16, 16, 16], "audio_dim": 16}, "batch_size": 4}


def _config(recipe="l1", **options):
    base = {"max_samples": 16, "validate_every": 8, "checkpoint_every": 8, "sheet_every": 8, "ema_samples": 8}
    return make_config(recipe, **{**TINY, **base, "validation_frames": 2, "critic_width": 8, **options})


ALIKE = (
    "l1",  # `test_a_run_of_format_1_resumed_equals_undisturbed` stops and resumes it
    "lsgan",
    "l1wgan-gp",
    "wgan-lp",
    "lsgan-gp",
    "wgan-div",
    "c-wgan",
    "l1wgan-gp-adv",
)  # they differ from the others in one term only


@pytest.mark.parametrize(
    "recipe", [pytest.param(name, marks=pytest.mark.slow if name in ALIKE else ()) for name in GENERATOR_RECIPES]
)
def test_stopped_and_resumed_equals_undisturbed(recipe, small_pack, tmp_path):
    steps = {"batch_size": 2, "max_samples": 12, "checkpoint_every": 4, "validate_every": 12, "sheet_every": 12}
    config = _config(recipe, **steps, augment=True, schedule="cosine", validation_frames=1)
    train(small_pack, tmp_path / "whole", config)

    class StopError(Exception):
        pass

    def stop(done, total, label):
        if done >= 6:  # a checkpoint at 4, a step beyond it
            raise StopError

    with pytest.raises(StopError):
        train(small_pack, tmp_path / "cut", config, progress=stop)
    assert (tmp_path / "cut" / "last.state.pt").exists()
    train(small_pack, tmp_path / "cut", config)
    for name in ("last.safetensors", "best.safetensors"):
        whole, cut = (load_file(tmp_path / run / name) for run in ("whole", "cut"))
        assert all((whole[key] == cut[key]).all() for key in whole)
    log = (tmp_path / "whole" / "log.jsonl").read_text()
    assert log == (tmp_path / "cut" / "log.jsonl").read_text()
    assert '"generator/' in log
    assert ('"critic/' in log) == (recipe != "l1")


@pytest.mark.slow
def test_l1_goes_down_and_the_run_folder_is_complete(small_pack, tmp_path):
    often = {"validate_every": 248, "checkpoint_every": 248, "sheet_every": 200}
    config = _config(max_samples=496, learning_rate=3e-3, ema_samples=0, **often)
    result = train(small_pack, tmp_path / "run", config, plot=plot_curves)
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    losses = [line["generator/l1"] for line in lines if line["kind"] == "train"]
    assert losses[-1] < 0.85 * losses[0]
    assert result["samples"] == 496
    generator, header = load_weights(tmp_path / "run")
    assert header.architecture == "compact"
    assert header.samples_seen in (248, 496)
    assert not generator.training
    assert len(list((tmp_path / "run" / "sheets").glob("*.png"))) > 2
    assert "copy the reference" in (tmp_path / "run" / "MODEL_CARD.md").read_text()
    assert (tmp_path / "run" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert not list((tmp_path / "run").glob(".*tmp*"))


@pytest.mark.parametrize(("end", "moments"), [(4, [4]), pytest.param(106, [100, 106], marks=pytest.mark.slow)])
def test_a_short_run_has_both_losses_of_the_discriminator_a_measured_batch_and_pictures(
    end, moments, small_pack, tmp_path
):
    often = dict.fromkeys(("validate_every", "checkpoint_every", "sheet_every"), 1000)
    train(small_pack, tmp_path / "run", _config("lipgan", batch_size=2, max_samples=end, validation_frames=1, **often))
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    logged = [line for line in lines if line["kind"] == "train"]
    assert [line["samples"] for line in logged] == moments
    for line in logged:
        assert 0 < line["critic/face_loss"] < 4
        assert 0 < line["critic/audio_loss"] < 4
    panels = collect_panels(lines)
    assert [len(panels["loss, critic"][name]) for name in ("face_loss", "audio_loss")] == [len(moments)] * 2
    measured = [line for line in logged if "training_batch/crop_psnr" in line]
    assert [line["samples"] for line in measured] == [end]  # every 600 steps, and at the end
    assert 5 < measured[0]["training_batch/crop_psnr"] < 60
    assert -1 < measured[0]["training_batch/crop_ssim"] < 1
    for name in ("strip.png", "montage.png"):
        assert (tmp_path / "run" / name).read_bytes().startswith(b"\x89PNG")


def test_a_run_of_other_options_is_refused_and_untouched(small_pack, tmp_path):
    train(small_pack, tmp_path / "run", _config(max_samples=8))
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()}
    with pytest.raises(InputError, match="learning_rate"):
        train(small_pack, tmp_path / "run", _config(max_samples=8, learning_rate=0.5))
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir() if path.is_file()}


def test_a_run_that_was_begun_as_wgan_ls_is_resumed_as_what_it_was(small_pack, tmp_path):
    train(small_pack, tmp_path / "run", _config("lsgan-gp", max_samples=4))
    saved = tmp_path / "run" / "config.json"
    saved.write_text(saved.read_text().replace('"lsgan-gp"', '"wgan-ls"'))
    assert train(small_pack, tmp_path / "run", _config("lsgan-gp", max_samples=8))["samples"] == 8
    with pytest.raises(InputError, match="begun with recipe = lsgan-gp, not wgan-lp"):
        train(small_pack, tmp_path / "run", _config("wgan-lp", max_samples=8))


def test_init_starts_from_other_weights_and_refuses_another_generator(small_pack, tmp_path):
    train(small_pack, tmp_path / "first", _config(max_samples=8))
    still = _config(max_samples=4, learning_rate=0.0, ema_samples=0)
    train(small_pack, tmp_path / "second", still, init=tmp_path / "first")
    one, other = (load_file(find_weights(tmp_path / run)) for run in ("first", "second"))
    assert not torch.equal(one.pop("speech_centre"), other["speech_centre"])  # the only thing that still changes
    assert all((one[key] == other[key]).all() for key in one)
    with pytest.raises(InputError, match="holds a compact generator"):
        train(small_pack, tmp_path / "third", make_config("l1", max_samples=4), init=tmp_path / "first")


def test_a_folder_of_something_else_is_refused(small_pack, tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="no run folder"):
        train(small_pack, tmp_path, _config())


def test_a_checkpoint_cut_short_is_said(small_pack, tmp_path):
    train(small_pack, tmp_path / "run", _config(max_samples=8))
    state = tmp_path / "run" / "last.state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(InputError, match="training state"):
        train(small_pack, tmp_path / "run", _config(max_samples=8))


def test_weights_cut_short_or_foreign_are_said(small_pack, tmp_path):
    train(small_pack, tmp_path / "run", _config(max_samples=8))
    weights = tmp_path / "run" / "last.safetensors"
    assert read_header(weights).crop_rule.size == 96
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(InputError, match="safetensors"):
        read_header(weights)
    with pytest.raises(InputError, match="no such weights"):
        load_weights(tmp_path / "nowhere")


def test_weights_of_a_network_that_is_not_known_are_said(small_pack, tmp_path):
    train(small_pack, tmp_path / "run", _config(max_samples=8))
    header = read_header(tmp_path / "run" / "last.safetensors")
    save_weights(tmp_path / "new.safetensors", {"weight": torch.zeros(1)}, replace(header, architecture="swan"))
    with pytest.raises(InputError, match=r"does not know.*'swan', only lipgan, compact"):
        load_weights(tmp_path / "new.safetensors")


@pytest.mark.parametrize(
    "wrong",
    [
        {"generator": "unet"},
        {"schedule": "step"},
        {"targets_per_reference": 3},
        {"learning_rate": math.nan},
        {"epochs": math.inf},
        {"beta1": 1.0},
        {"seed": -1},
    ],
)
def test_options_that_do_not_exist_are_usage_errors(wrong):
    with pytest.raises(UsageError):
        make_config("l1", **{**TINY, **wrong})


def test_an_unknown_recipe_names_the_known_ones_and_the_one_that_was_meant():
    with pytest.raises(UsageError, match="lipgan, l1, wgan-gp"):
        make_config("swan")
    with pytest.raises(UsageError, match=r"did you mean l1wgan-gp\?"):
        make_config("L1-WGAN-GP")


def test_recipes_are_known_in_upper_case_too_and_saved_in_lower():
    assert make_config("L1WGAN-GP") == make_config("l1wgan-gp")
    assert make_config("LipGAN").recipe == "lipgan"


@pytest.mark.parametrize(("asked", "epoch", "apart"), [(None, 61_500, 61_500), (None, 45, 12_800), (10, 45, 10)])
def test_there_is_a_sample_grid_an_epoch(asked, epoch, apart):
    assert make_config("lipgan", sheet_every=asked).samples_between_grids(epoch) == apart


def test_the_defaults_are_the_thesis_figures():
    config = make_config("lipgan")
    assert (config.batch_size, config.epochs, config.seed) == (128, 20, 10)
    assert (config.learning_rate, config.beta1, config.beta2) == (1e-3, 0.5, 0.999)
    assert (config.margin, config.adversarial_weight, config.mouth_weight) == (2.0, 0.01, 1.0)


def test_weights_know_the_voices_that_they_learnt_from(stores, tmp_path):
    import soundfile

    from lipsync_cli.preprocessing.pack import Split, pack
    from lipsync_cli.speech.mel import log_mel
    from lipsync_cli.speech.vtln import measure_voices

    root = Path(__file__).parents[3]
    speech = log_mel(soundfile.read(root / "examples" / "speech.flac", dtype="float32")[0])

    def make(name, num_clips):
        clips = [("s1", f"clip{number}") for number in range(num_clips)]
        stores.write_faces(tmp_path / "faces.h5", [(*clip, 20) for clip in clips])
        stores.write_mels(tmp_path / "mels.h5", [(*clip, len(speech)) for clip in clips])
        with h5py.File(tmp_path / "mels.h5", "r+") as file:
            file["mels/data"][:] = np.tile(speech, (num_clips, 1))
        pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / name, Split(0, 1, None, ()), force=True)
        return tmp_path / name

    train(make("long.h5", 7), tmp_path / "first", _config(max_samples=4))
    known = read_header(tmp_path / "first" / "last.safetensors").known_voices
    assert known is not None
    assert known == measure_voices([speech] * 6)
    train(make("short.h5", 3), tmp_path / "second", _config(max_samples=4), init=tmp_path / "first")
    assert read_header(tmp_path / "second" / "last.safetensors").known_voices == known  # too short to tell
    train(tmp_path / "short.h5", tmp_path / "fresh", _config(max_samples=4))
    assert read_header(tmp_path / "fresh" / "last.safetensors").known_voices is None


@pytest.mark.parametrize("generator", [pytest.param("compact", marks=pytest.mark.slow), "lipgan"])
def test_a_frozen_speech_encoder_stays_as_it_is(generator, small_pack, tmp_path):
    tiny = {"generator": "lipgan", "dims": {"width": 2}} if generator == "lipgan" else {}
    quiet = {"ema_samples": 0, "weight_decay": 0.1, **tiny}
    train(small_pack, tmp_path / "first", _config(max_samples=4, **quiet))
    start = load_file(find_weights(tmp_path / "first"))
    config = _config(max_samples=16, freeze_speech=True, **quiet)
    train(small_pack, tmp_path / "frozen", config, init=tmp_path / "first")
    end = load_file(tmp_path / "frozen" / "last.safetensors")
    heard = [name for name in end if name.startswith("audio_encoder.")]
    assert len(heard) > 10
    assert all((end[name] == start[name]).all() for name in heard)
    assert any((end[name] != start[name]).any() for name in end if name not in heard and end[name].ndim > 1)


def test_what_cannot_be_frozen_is_refused(small_pack, tmp_path):
    with pytest.raises(UsageError, match="trained speech encoder"):
        train(small_pack, tmp_path / "run", _config(freeze_speech=True))
    for recipe in ("listen", "sync-expert"):
        with pytest.raises(UsageError, match="teaches no generator to draw"):
            make_config(recipe, freeze_speech=True)


def test_several_packs_are_trained_on_as_one(stores, tmp_path):
    from lipsync_cli.preprocessing.pack import Split, pack

    packs = []
    for speaker in ("s1", "s2"):
        names = [(speaker, f"clip{number}") for number in range(3)]
        stores.write_faces(tmp_path / "faces.h5", [(*name, 20) for name in names])
        stores.write_mels(tmp_path / "mels.h5", [(*name, 64) for name in names])
        packs.append(tmp_path / f"{speaker}.h5")
        pack(tmp_path / "faces.h5", tmp_path / "mels.h5", packs[-1], Split(0, 1, None, ()))
    notes = []
    train(packs, tmp_path / "run", _config(max_samples=4), note=notes.append)
    assert "4 clips of 2 speakers, 80 frames" in notes[0]
    assert read_header(tmp_path / "run" / "last.safetensors").data["speakers"] == ["s1", "s2"]
    train(packs[::-1], tmp_path / "run", _config(max_samples=8))  # the order of the names is no other pack
    with pytest.raises(InputError, match="this run was begun with another pack"):
        train(packs[:1], tmp_path / "run", _config(max_samples=8))
