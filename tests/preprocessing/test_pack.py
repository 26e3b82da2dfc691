"""Joining faces and mels: split, order, refusals, equal bytes."""

import hashlib
import os

import h5py
import numpy as np
import pytest
from fixtures.stores import picture, write_faces, write_mels

from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.preprocessing.pack import Split, pack
from lipsync_cli.speech.mel import MelParameters, window_start, windows
from lipsync_cli.speech.speech_windows import FeatureWindows


def splits(path):
    with Pack(path) as opened:
        return {f"{row['speaker']}/{row['name']}": str(row["split"]) for row in opened.clips}


def test_pack_joins_clips_and_keeps_every_row(stores, tmp_path):
    report = pack(*stores, tmp_path / "p.h5", Split(test_per_speaker=2))
    assert (report["clips"], report["frames"], report["frames_without_face"]) == (7, 105, 2)
    assert (report["train"], report["test"], report["failed"]) == (5, 2, 0)
    with Pack(tmp_path / "p.h5") as opened:
        assert len(opened) == 105
        assert opened.size == 96
        assert (~opened.has_face).nonzero()[0].tolist() == [3, 20]
        indices = np.array([100, 3, 0, 20, 57, 0])
        crops = opened.read_crops(indices)
        assert crops.shape == (6, 96, 96, 3)
        assert crops.dtype == np.uint8
        for crop, number in zip(crops, indices, strict=True):
            expected = picture(number) if number not in (3, 20) else np.zeros_like(crop)
            assert np.abs(crop.astype(int) - expected).mean() < 3
        everything = opened.decode_all()
        np.testing.assert_array_equal(everything[indices], crops)
        np.testing.assert_array_equal(opened.decode_all(np.array([6, 0])), everything[[*range(90, 105), *range(15)]])
        np.testing.assert_allclose(opened.frame_middle[15:17], [0.02, 0.06])
        row = opened.clips[4]
        assert (opened.mel[row["first_mel"] : row["first_mel"] + row["num_mels"]] == np.float32(0.4)).all()
        assert opened.attributes["parameters"]["split"]["test_per_speaker"] == 2
        assert opened.attributes["inputs"][0]["sha256"] == hashlib.sha256(stores[0].read_bytes()).hexdigest()


def test_threads_and_copies_of_a_pack_read_the_same(stores, tmp_path):
    import pickle

    pack(*stores, tmp_path / "p.h5")
    with Pack(tmp_path / "p.h5") as one, Pack(tmp_path / "p.h5", jobs=3) as three:
        calls = []
        np.testing.assert_array_equal(one.decode_all(), three.decode_all(progress=lambda *call: calls.append(call)))
        assert calls[-1] == (105, 105, "decode crops")
        with pickle.loads(pickle.dumps(three)) as copy:
            np.testing.assert_array_equal(copy.read_crops(np.arange(9)), one.read_crops(np.arange(9)))


def test_window_of_a_packed_frame_stays_in_its_clip(stores, tmp_path):
    pack(*stores, tmp_path / "p.h5")
    with Pack(tmp_path / "p.h5") as opened:
        row = opened.clips[2]
        frames = row["first_frame"] + np.array([0, 14])
        starts = window_start(opened.frame_middle[frames])
        cut = windows(opened.mel, starts, row["first_mel"], row["num_mels"])
        assert set(np.unique(cut)) == {np.float32(-4), np.float32(0.2)}
        assert (cut[0, :11] == -4).all()
        assert (cut[0, 11:] == np.float32(0.2)).all()


def test_equal_input_gives_equal_bytes(stores, tmp_path):
    pack(*stores, tmp_path / "p.h5")
    first = (tmp_path / "p.h5").read_bytes()
    pack(*stores, tmp_path / "p.h5", force=True)
    assert (tmp_path / "p.h5").read_bytes() == first
    with Pack(tmp_path / "p.h5") as opened:
        fingerprint = opened.fingerprint
    pack(*stores, tmp_path / "p.h5", Split(hold_out=("s2",)), force=True)
    with Pack(tmp_path / "p.h5") as opened:
        assert opened.fingerprint != fingerprint


def test_raw_crops(tmp_path):
    clips = [("s", "a", 20), ("s", "b", 14)]
    write_faces(tmp_path / "f.h5", clips, raw=True, faceless=(5,))
    write_mels(tmp_path / "m.h5", [("s", "a", 64), ("s", "b", 45)])
    pack(tmp_path / "f.h5", tmp_path / "m.h5", tmp_path / "p.h5")
    with Pack(tmp_path / "p.h5") as opened:
        np.testing.assert_array_equal(opened.read_crops(np.array([33, 5, 2]))[[0, 2]], [picture(33), picture(2)])
        assert not opened.read_crops(np.array([5])).any()
        assert opened.decode_all(np.array([1])).shape == (14, 96, 96, 3)


def test_the_split_takes_the_last_clips_by_name(stores, tmp_path):
    notes = []
    split = Split(test_per_speaker=2, validation_per_speaker=1)
    pack(*stores, tmp_path / "p.h5", split, note=notes.append)
    found = splits(tmp_path / "p.h5")
    assert [found[f"s1/clip{n}"] for n in range(5)] == ["train", "train", "val", "test", "test"]
    assert found["s2/a"] == "train"
    assert found["s2/b"] == "val"
    assert len(notes) == 1
    assert notes[0].startswith("s2: 2 clips, too few to spare 2 for test")


def test_a_speaker_held_out_is_all_test(stores, tmp_path):
    pack(*stores, tmp_path / "p.h5", Split(test_per_speaker=0, hold_out=("s2",)))
    assert {name for name, split in splits(tmp_path / "p.h5").items() if split == "test"} == {"s2/a", "s2/b"}
    with pytest.raises(UsageError, match="no speaker 's9' to hold out; there are s1 s2"):
        pack(*stores, tmp_path / "q.h5", Split(hold_out=("s9",)))
    assert not (tmp_path / "q.h5").exists()


def test_thesis_splits():
    speakers = np.repeat(["s1", "s2"], 1000)
    for train in (300, 980):
        names = Split(train_per_speaker=train).assign(speakers)
        assert [names.count(name) for name in ("train", "test", "unused")] == [2 * train, 40, 2000 - 2 * train - 40]
        assert set(names[980:1000]) == {"test"}
    small = np.array(Split(train_per_speaker=300).assign(speakers))[:980]
    assert 140 < np.count_nonzero(small[:490] == "train") < 160  # from all over the speaker


def test_clips_in_one_store_only_are_told_and_left_out(tmp_path):
    write_faces(tmp_path / "f.h5", [("s", "a", 15), ("s", "b", 15), ("s", "c", 25)])
    write_mels(tmp_path / "m.h5", [("s", "b", 48), ("s", "c", 49), ("s", "d", 48)])
    failures = []
    report = pack(tmp_path / "f.h5", tmp_path / "m.h5", tmp_path / "p.h5", on_failure=failures.append)
    assert report["clips"] == 1
    assert report["failed"] == 3
    text = "\n".join(map(str, failures))
    assert "s/a has faces but no mel" in text
    assert "s/d has a mel but no faces" in text
    assert "the sound of s/c ends 0.37 s before its pictures" in text


def test_dry_run_writes_nothing(stores, tmp_path):
    assert pack(*stores, tmp_path / "p.h5", dry_run=True)["clips"] == 7
    assert not (tmp_path / "p.h5").exists()


def test_what_does_not_fit_is_refused(stores, tmp_path):
    faces, mels = stores
    output = tmp_path / "p.h5"
    with pytest.raises(InputError, match=r"mels.h5: its format is lipsync-mels, lipsync-faces is needed"):
        pack(mels, faces, output)
    with pytest.raises(InputError, match="no such file"):
        pack(tmp_path / "none.h5", mels, output)
    (tmp_path / "text.h5").write_text("no store")
    with pytest.raises(InputError, match="is no HDF5 file, lipsync-faces is needed"):
        pack(tmp_path / "text.h5", mels, output)
    (tmp_path / "cut.h5").write_bytes(faces.read_bytes()[:-5000])
    with pytest.raises(InputError, match="damaged HDF5 file"):
        pack(tmp_path / "cut.h5", mels, output)
    write_mels(tmp_path / "fast.h5", [("s1", "clip0", 48)], MelParameters(hop_length=160))
    with pytest.raises(InputError, match="has 100 mel frames a second, 80 are needed"):
        pack(faces, tmp_path / "fast.h5", output)
    write_mels(tmp_path / "other.h5", [("x", "clip0", 48)])
    with pytest.raises(InputError, match="no clip is both in it and"):
        pack(faces, tmp_path / "other.h5", output)
    with h5py.File(mels, "r+") as file:
        file.attrs["format_version"] = 2
    with pytest.raises(InputError, match="format version 2, this program reads version 1"):
        pack(faces, mels, output)
    output.touch()
    with pytest.raises(InputError, match="exists"):
        pack(*stores, output)
    assert not list(tmp_path.glob(".*"))


def test_a_damaged_pack_is_told(stores, tmp_path):
    pack(*stores, tmp_path / "p.h5")
    with h5py.File(tmp_path / "p.h5", "r+") as file:
        first, last = file["faces/crop/offset"][7:9]
        file["faces/crop/data"][first:last] = 0
    with Pack(tmp_path / "p.h5") as opened:
        opened.read_crops(np.array([6]))
        with pytest.raises(InputError, match="the crop of frame 7 is damaged"):
            opened.read_crops(np.array([7]))
    with h5py.File(tmp_path / "p.h5", "r+") as file:
        del file["faces/middle"]
    with pytest.raises(InputError, match="has no faces/middle"):
        Pack(tmp_path / "p.h5")


@pytest.mark.parametrize("raw", [False, True])
def test_a_pack_that_is_cut_short_while_it_is_read_is_told(raw, tmp_path):
    """Its crops are mapped: to read where the file was would end the process."""
    write_faces(tmp_path / "f.h5", [("s1", "a", 14), ("s1", "b", 13)], raw=raw)
    write_mels(tmp_path / "m.h5", [("s1", "a", 45), ("s1", "b", 42)], features=2)
    pack(tmp_path / "f.h5", tmp_path / "m.h5", tmp_path / "p.h5")
    with Pack(tmp_path / "p.h5") as opened:
        windows_of = FeatureWindows(opened.features, opened.clips)
        (tmp_path / "p.h5").rename(tmp_path / "q.h5")
        (tmp_path / "p.h5").write_bytes(b"another")
        assert opened.read_crops(np.arange(len(opened))).any()  # the mapped file is whole
        (tmp_path / "q.h5").rename(tmp_path / "p.h5")
        os.truncate(tmp_path / "p.h5", 4096)
        reads = [lambda: opened.read_crops(np.arange(len(opened))), opened.decode_all, opened.features.measure]
        for read in (*reads, lambda: windows_of.cut(np.zeros(1, int), np.array([0.2]))):
            with pytest.raises(InputError, match=r"p\.h5: was cut short while it was read"):
                read()
