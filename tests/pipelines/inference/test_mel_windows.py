"""Other mel bands and windows than LipGAN's, the thesis's M and T, from the store to the film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from fixtures.jobs import make_film, prepare
from fixtures.quick_training import train
from fixtures.synthesis_fixtures import astronaut, face_clip, voice_file

from lipsync_cli.errors import InputError
from lipsync_cli.formats.onnx import make_example
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.formats.weights import load_weights, read_header, save_weights
from lipsync_cli.preprocessing.pack import Split, pack
from lipsync_cli.scoring.protocols.pack_protocol import score_pack
from lipsync_cli.speech.mel import MelParameters
from lipsync_cli.training.evaluators.sync_judgement import evaluate_critic
from lipsync_cli.training.recipe_config import make_config

__all__ = ["astronaut", "face_clip", "voice_file"]

TINY = {
    "compact": {"dims": {"channels": [16, 16, 16, 16], "audio_dim": 16}, "generator": "compact", "critic_width": 2},
    "lipgan": {"dims": {"width": 2}, "critic_width": 2},
}
STEPS = {"batch_size": 2, "max_samples": 4, "validate_every": 4, "sheet_every": 4, "validation_frames": 1}


@pytest.fixture(scope="module")
def packs(stores: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """The same crops with mels of 40 and of 80 bands."""
    folder = tmp_path_factory.mktemp("bands")
    names = [("s1", f"clip{number}") for number in range(4)]
    stores.write_faces(folder / "faces.h5", [(*name, 20) for name in names])
    for bands in (40, 80):
        stores.write_mels(folder / f"mels{bands}.h5", [(*name, 64) for name in names], MelParameters(n_mels=bands))
        pack(folder / "faces.h5", folder / f"mels{bands}.h5", folder / f"{bands}.h5", Split(2, 0, None, ()))
    return {bands: folder / f"{bands}.h5" for bands in (40, 80)}


def begin(
    path: Path,
    run: Path,
    recipe: str = "lipgan",
    generator: str = "compact",
    init: Path | None = None,
    **options: object,
) -> Path:
    """Train two steps; return the run folder."""
    train(path, run, make_config(recipe, **{**TINY[generator], **STEPS, **options}), init=init)
    return run


@pytest.mark.parametrize(
    ("bands", "window", "generator"),
    [(80, 13, "compact"), (80, 41, "compact"), (40, 27, "compact"), (40, 13, "lipgan")],
)
def test_bands_and_window_are_trained_kept_and_heard(
    bands: int,
    window: int,
    generator: str,
    packs: dict[int, Path],
    face_clip: Path,
    voice_file: Callable[[float], Path],
    tmp_path: Path,
) -> None:
    run = begin(packs[bands], tmp_path / "run", generator=generator, mel_window=window)
    header = read_header(run / "best.safetensors")
    assert (header.mel_parameters.n_mels, header.mel_window) == (bands, window)
    assert header.dims["mel_shape"] == [bands, window]
    assert make_example(header, 3)[2].shape == (3, 1, bands, window)
    with prepare(face_clip, voice_file(0.2), tmp_path / "out.mp4", run) as job:
        assert job.voices[0].windows([0.1]).shape == (1, window, bands)
        assert job.generator.result().silence(2).shape == (2, window, bands)
        assert make_film(job).num_frames == 6
    with Pack(packs[bands]) as opened:
        scores, _ = score_pack(opened, load_weights(run)[0], max_frames=2)
        assert scores.facts["frames"] == 2
    assert 0 <= evaluate_critic(run, packs[bands], count=10)["pair_accuracy"] <= 1


def test_windows_of_lipgan_leave_the_weights_as_they_were(packs: dict[int, Path], tmp_path: Path) -> None:
    header = read_header(begin(packs[80], tmp_path / "run", "l1") / "best.safetensors")
    assert "mel_shape" not in header.dims
    assert header.mel_window == 27


def test_weights_and_packs_of_other_bands_are_told_apart_by_both_names(packs: dict[int, Path], tmp_path: Path) -> None:
    weights = begin(packs[40], tmp_path / "run", "l1")
    with pytest.raises(InputError, match=r"n_mels is 80 here and 40 there") as raised:
        begin(packs[80], tmp_path / "other", "l1", init=weights)
    assert str(packs[80]) in str(raised.value)
    assert str(weights) in str(raised.value)


def test_weights_of_another_window_are_no_start(packs: dict[int, Path], tmp_path: Path) -> None:
    weights = begin(packs[80], tmp_path / "run", "l1", mel_window=13)
    with pytest.raises(InputError, match=r"run.*windows of 13 mel frames, not 27.*--mel-window 13"):
        begin(packs[80], tmp_path / "other", "l1", init=weights)


def test_a_run_keeps_its_window(packs: dict[int, Path], tmp_path: Path) -> None:
    begin(packs[80], tmp_path / "run", "l1", mel_window=13)
    with pytest.raises(InputError, match="begun with mel_window = 13, not 27"):
        begin(packs[80], tmp_path / "run", "l1")


@pytest.mark.parametrize(("shape", "fact"), [([80, 12], "odd"), ("wide", "mel shape"), ([40, 27], "40 mel bands")])
def test_weights_that_say_something_else_are_refused(
    shape: object, fact: str, packs: dict[int, Path], tmp_path: Path
) -> None:
    run = begin(packs[80], tmp_path / "run", "l1")
    network, header = load_weights(run)
    path = tmp_path / "wrong.safetensors"
    save_weights(path, network.state_dict(), replace(header, dims={**header.dims, "mel_shape": shape}))
    with pytest.raises(InputError, match=fact):
        load_weights(path)
