"""Recipe speech-embedding: a generator learns to hear features from many mouths, everything else stays as it is."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch
from fixtures.quick_training import train
from safetensors.torch import load_file

from lipsync_cli.errors import InputError, NothingToDoError, UsageError
from lipsync_cli.faces.mouth_shapes import mouth_shapes
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.formats.weights import read_header
from lipsync_cli.models.speech_encoder import FeatureEmbedder
from lipsync_cli.preprocessing.pack import Split, pack
from lipsync_cli.speech.speech_features import WINDOW
from lipsync_cli.training.embedding_mouth_map import fit_readout
from lipsync_cli.training.engine.batch_source import Source
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.sequences import SequenceTable, at_places

TINY = {"generator": "compact", "dims": {"channels": [16, 16, 16, 16], "audio_dim": 16}}
STEPS = {"max_samples": 180, "checkpoint_every": 60, "validate_every": 180, "sheet_every": 180, "validation_frames": 1}
NAMES = [("s1", f"clip{number}") for number in range(5)] + [("n1", "a"), ("n1", "b"), ("n2", "c")]


@pytest.fixture(scope="module")
def feature_pack(stores, tmp_path_factory):
    """Speakers s1, n1 and n2, clips of 36 frames, whose mouths move as a sine of the time since the clip began."""
    folder = tmp_path_factory.mktemp("features")
    names = sorted(NAMES)
    stores.write_faces(folder / "faces.h5", [(*name, 36) for name in names], faceless=(3,))
    stores.write_mels(folder / "mels.h5", [(*name, 120) for name in names], features=2)
    pack(folder / "faces.h5", folder / "mels.h5", folder / "pack.h5", Split(2, 1, None, split_above=3))
    with h5py.File(folder / "pack.h5", "r+") as file:
        times = file["faces/middle"][()]
        moving = np.stack([np.sin(9 * times), np.cos(5 * times), np.sin(9 * times)], 1) * 0.1 + 0.3
        moving[np.isnan(file["faces/box"][:, 0])] = np.nan
        file.create_dataset("faces/mouth", data=moving.astype(np.float32))
    return folder / "pack.h5"


@pytest.fixture(scope="module")
def start(feature_pack, tmp_path_factory):
    """Weights that hear mels and know s1 alone."""
    run = tmp_path_factory.mktemp("start") / "run"
    options = {**TINY, "batch_size": 4, "max_samples": 4, "validation_frames": 1}
    train(feature_pack, run, make_config("l1", **options))
    return run


def test_only_the_hearing_changes_and_a_stopped_run_is_resumed_exactly(feature_pack, start, tmp_path):
    config = make_config("speech-embedding", **{**TINY, **STEPS, "batch_size": 60})
    train(feature_pack, tmp_path / "whole", config, init=start)

    class StopError(Exception):
        pass

    def stop(done, total, label):
        if label == "training" and done >= 120:
            raise StopError

    with pytest.raises(StopError):
        train(feature_pack, tmp_path / "cut", config, init=start, progress=stop)
    train(feature_pack, tmp_path / "cut", config, init=start)
    whole, cut, before = (load_file(tmp_path / run / "last.safetensors") for run in ("whole", "cut", start))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    same = {name for name in before if not name.startswith(("audio_encoder", "speech_centre"))}
    assert same
    assert all(torch.equal(whole[name], before[name]) for name in same)
    assert {name for name in whole if name not in before} == {n for n in whole if n.startswith("audio_encoder")}
    header = read_header(tmp_path / "whole" / "last.safetensors")
    assert header.hears == "encoder"
    assert header.dims["speech"] == "encoder"
    assert header.known_voices is None
    assert header.metrics["mouth/opening"] <= 1


def test_what_was_learned_can_be_trained_further_with_pictures(feature_pack, start, tmp_path):
    config = make_config("speech-embedding", **{**TINY, **STEPS, "batch_size": 60, "max_samples": 60})
    train(feature_pack, tmp_path / "heard", config, init=start)
    options = {**TINY, "batch_size": 4, "max_samples": 8, "validation_frames": 1, "augment": True}
    train(feature_pack, tmp_path / "drawn", make_config("l1", **options), init=tmp_path / "heard")
    assert read_header(tmp_path / "drawn" / "last.safetensors").hears == "encoder"


def test_weights_that_hear_features_are_no_start(feature_pack, start, tmp_path):
    config = make_config("speech-embedding", **{**TINY, **STEPS, "batch_size": 60, "max_samples": 60})
    train(feature_pack, tmp_path / "heard", config, init=start)
    with pytest.raises(InputError, match="hear speech features"):
        train(feature_pack, tmp_path / "again", config, init=tmp_path / "heard")


def test_a_pack_without_features_or_without_known_speakers_is_refused(small_pack, feature_pack, start, tmp_path):
    config = make_config("speech-embedding", **{**TINY, **STEPS, "batch_size": 60})
    with pytest.raises(InputError, match="mels only"):
        train(small_pack, tmp_path / "none", config, init=start)
    assert not (tmp_path / "none").exists()


def test_options_that_contradict_the_recipe_are_refused():
    with pytest.raises(UsageError, match="speech features"):
        make_config("speech-embedding", speech="mel")
    with pytest.raises(UsageError, match="no whole number of sequences"):
        make_config("speech-embedding", batch_size=31)
    with pytest.raises(UsageError, match="hears mels"):
        make_config("l1", generator="lipgan", speech="encoder")


def test_a_sequence_is_embedded_as_its_windows_are():
    torch.manual_seed(0)
    embedder = FeatureEmbedder(8).eval()
    features = torch.randn(2, 40, 384)
    windows = features.unfold(1, WINDOW, 1).transpose(2, 3)
    assert torch.allclose(embedder.embed_sequence(features)[1], embedder(windows[1]), atol=1e-5)


def test_places_between_frames_are_interpolated():
    embedded = torch.arange(10.0)[None, :, None].expand(1, 10, 3)
    found = at_places(embedded, torch.tensor([[0.0, 2.5, 8.25, 9.0]]))
    assert torch.allclose(found[0, :, 0], torch.tensor([0.0, 2.5, 8.25, 9.0]))


def test_sequences_begin_half_a_window_before_their_first_frame(feature_pack):
    config = make_config("speech-embedding", **TINY)
    with Pack(feature_pack) as opened:
        source = Source(opened, opened, "train", config, "cpu")
        table = SequenceTable(source, 30)
        features, place = table.cut(np.array([0, 1]), np.array([6, 0]))
    middle = at_places(torch.from_numpy(features[:, WINDOW // 2 :]), torch.from_numpy(place))[:, :, 0].numpy()
    wanted = (np.arange(30) + np.array([[6], [0]]) + 0.5) / 25
    assert np.allclose(middle, wanted, atol=2e-3)
    assert np.isnan(table.shape[3]).all()  # there is no face
    first = table.frames[0]
    seen = table.shape[first][np.isfinite(table.shape[first]).all(1)]
    assert seen.shape[1] == 3
    assert abs(seen[:, 0].mean()) < 0.5


def test_a_split_without_long_clips_has_no_sequences(feature_pack):
    with Pack(feature_pack) as opened:
        source = Source(opened, opened, "train", make_config("speech-embedding", **TINY), "cpu")
        with pytest.raises(NothingToDoError, match="has 50 frames"):
            SequenceTable(source, 50)


def test_the_readout_tells_what_is_there_and_its_directions_write_it_back():
    rng = np.random.default_rng(0)
    shape = torch.from_numpy(rng.standard_normal((2000, 3)))
    embedding = shape @ torch.from_numpy(rng.standard_normal((3, 12))) + 0.01 * torch.randn(2000, 12).double()
    readout = fit_readout(embedding, shape)
    assert min(readout.correlation) > 0.99
    moved = embedding + torch.tensor([0.5, -1.0, 0.25]).double() @ readout.directions.T
    assert torch.allclose(
        readout.read(moved) - readout.read(embedding),
        torch.tensor([0.5, -1.0, 0.25]).double().expand(2000, 3),
        atol=0.02,
    )


def test_mouths_are_measured_in_distances_of_the_eyes():
    landmarks = np.zeros((1, 68, 2))
    landmarks[0, 36], landmarks[0, 45] = (0, 0), (100, 0)
    landmarks[0, 48], landmarks[0, 54] = (20, 60), (70, 60)
    for upper, lower in ((61, 67), (62, 66), (63, 65)):
        landmarks[0, upper], landmarks[0, lower] = (50, 55), (50, 65)
    for upper, lower in ((50, 58), (51, 57), (52, 56)):
        landmarks[0, upper], landmarks[0, lower] = (50, 45), (50, 75)
    assert np.allclose(mouth_shapes(landmarks), [[0.25, 0.5, 0.1]])
