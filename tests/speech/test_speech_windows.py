"""What a generator hears of a frame: windows of mels or of speech features, from a pack, and the altered copies."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from fixtures.stores import write_faces, write_mels

from lipsync_cli.datasets.frame_table import FrameTable, Sampling, gather
from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.preprocessing.pack import Split, pack
from lipsync_cli.speech.speech_features import WINDOW, FeatureParameters

CLIPS = [("s1", f"clip{number}") for number in range(4)]


@pytest.fixture
def feature_pack(tmp_path):
    write_faces(tmp_path / "faces.h5", [(*name, 40) for name in CLIPS])
    write_mels(tmp_path / "mels.h5", [(*name, 160) for name in CLIPS], features=3)
    pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / "pack.h5", Split(1))
    return tmp_path / "pack.h5"


def test_a_window_is_of_the_frames_own_clip_and_time(feature_pack):
    with Pack(feature_pack) as opened:
        table = FrameTable(opened, "train", hears="encoder")
        frames = np.array([15, 60, 119])  # of the clips 0, 1 and 2
        heard = table.fetch_speech(frames, "cpu").numpy()
    assert heard.shape == (3, WINDOW, 384)
    middle = heard[:, WINDOW // 2]
    assert np.allclose(middle[:, 0], (np.array([15, 20, 39]) + 0.5) / 25, atol=1e-3)
    assert np.allclose(middle[:, 1], [0.0, 0.1, 0.2], atol=1e-3)


def test_outside_the_clip_is_silence_and_no_neighbour(feature_pack):
    with Pack(feature_pack) as opened:
        table = FrameTable(opened, "train", hears="encoder")
        first, last = table.fetch_speech(np.array([40, 79]), "cpu").numpy()
    assert (first[0] == -1).all()
    assert (last[-1] != first[0]).any()
    assert set(np.round(first[first[:, 1] >= 0][:, 1], 1)) == {np.float32(0.1)}


def test_a_batch_holds_the_mels_and_what_the_generator_hears(feature_pack):
    with Pack(feature_pack) as opened:
        table = FrameTable(opened, "train", hears="encoder")
        draw = table.draw(Sampling(batch_size=4), 0)
        batch = gather(opened, table, draw)
        other = gather(opened, table, draw, variants=np.array([1, 2, 0, 1]))
        as_mels = gather(opened, FrameTable(opened, "train"), draw)
    assert batch.mel.shape == (4, 1, 80, 27)
    assert batch.speech.shape == (4, WINDOW, 384)
    assert as_mels.speech is as_mels.mel
    inside = batch.speech[:, WINDOW // 2, 1]
    assert np.allclose(other.speech[:, WINDOW // 2, 1] - inside, [100, 100, 0, 100], atol=0.1)


def test_altered_copies_keep_their_silence(feature_pack):
    with Pack(feature_pack) as opened:
        table = FrameTable(opened, "train", hears="encoder")
        window = table.fetch_speech(np.array([0]), "cpu", np.array([2])).numpy()[0]
    assert (window[0] == -1).all()
    assert window[-1, 0] > 99


def test_a_pack_of_mels_alone_says_how_to_make_another(tmp_path):
    write_faces(tmp_path / "faces.h5", [(*name, 20) for name in CLIPS])
    write_mels(tmp_path / "mels.h5", [(*name, 64) for name in CLIPS])
    pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / "pack.h5", Split(1))
    with Pack(tmp_path / "pack.h5") as opened, pytest.raises(InputError, match="mels only") as caught:
        FrameTable(opened, "train", hears="encoder")
    assert "--features mel,encoder" in str(caught.value)


def test_features_of_another_layer_are_refused_with_both_numbers(tmp_path):
    write_faces(tmp_path / "faces.h5", [(*name, 20) for name in CLIPS])
    write_mels(
        tmp_path / "mels.h5", [(*name, 64) for name in CLIPS], features=1, feature_parameters=FeatureParameters(layer=4)
    )
    pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / "pack.h5", Split(1))
    with Pack(tmp_path / "pack.h5") as opened, pytest.raises(InputError, match="layer is 3 here and 4 there"):
        FrameTable(opened, "train", hears="encoder")


def test_speakers_for_validation_and_small_speakers_for_training():
    speakers = np.array(["a"] * 30 + ["b"] * 5 + ["c"] * 5)
    splits = Split(test_per_speaker=4, validation_speakers=("c",), split_above=20).assign(speakers)
    assert splits[:26] == ["train"] * 26
    assert splits[26:30] == ["test"] * 4
    assert splits[30:35] == ["train"] * 5
    assert splits[35:] == ["val"] * 5
    with pytest.raises(UsageError, match="cannot be for test and validation"):
        Split(hold_out=("a",), validation_speakers=("a",)).assign(speakers)


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("sound", [0, 2])
def test_features_that_are_no_numbers_are_named_as_they_are_taken(number, sound, feature_pack):
    with h5py.File(feature_pack, "r+") as file:
        file["features/data"][sound, 4, 7] = number
    with Pack(feature_pack) as opened:
        speech = FrameTable(opened, "train", hears="encoder").speech
        with pytest.raises(InputError, match=r"pack.h5: features/data holds numbers that are not finite"):
            speech.cut(np.array([0]), np.array([0.1]), np.array([sound]))
        assert np.isfinite(speech.cut(np.array([1]), np.array([0.1]), np.array([sound]))).all()
