"""What talking heads need of a pack: the sound itself, and eyes and noses."""

import h5py
import numpy as np
import pytest
from fixtures.stores import write_faces, write_mels

from lipsync_cli.errors import InputError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.similarity import STABLE
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.preprocessing.detect_faces import collect_faces
from lipsync_cli.preprocessing.mels import collect_mels
from lipsync_cli.preprocessing.pack import pack
from lipsync_cli.speech.speech_windows import SOUND_PEAK, cut_sound

CLIPS = [("s1", "a", 20), ("s1", "b", 20)]


def test_the_sound_of_clips_is_kept_to_the_sample(clip_folder, tmp_path):
    counts = collect_mels(clip_folder, tmp_path / "mels.h5", features=("mel", "sound"))
    with h5py.File(tmp_path / "mels.h5") as file:
        rows, sound = file["clips"][()], file["sound/data"][()]
    assert counts["samples"] == len(sound) == rows["num_samples"].sum()
    real = read_speech(clip_folder / "ann" / "a2.mp4")
    first, count = int(rows["first_sample"][1]), int(rows["num_samples"][1])
    assert count == len(real)
    assert np.abs(sound[first : first + count] / SOUND_PEAK - real).max() < 1 / SOUND_PEAK


def test_a_pack_has_the_sound_of_its_clips_in_their_order(tmp_path):
    write_faces(tmp_path / "faces.h5", CLIPS)
    write_mels(tmp_path / "mels.h5", [("s0", "x", 64), ("s1", "a", 64), ("s1", "b", 64)], sound=True)
    pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / "pack.h5")
    with Pack(tmp_path / "pack.h5") as opened, h5py.File(tmp_path / "mels.h5") as mels:
        assert np.array_equal(opened.sound, mels["sound/data"][64 * 200 :])
        assert opened.clips["first_sample"].tolist() == [0, 64 * 200]


def test_a_pack_without_sound_says_so(tmp_path):
    write_faces(tmp_path / "faces.h5", CLIPS)
    write_mels(tmp_path / "mels.h5", [("s1", "a", 64), ("s1", "b", 64)])
    pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / "pack.h5")
    with Pack(tmp_path / "pack.h5") as opened:
        assert opened.sound is None
        assert np.isnan(opened.landmarks).all()


def test_sound_of_another_rate_or_length_is_refused(tmp_path):
    write_mels(tmp_path / "mels.h5", [("s1", "a", 64)], sound=True)
    write_faces(tmp_path / "faces.h5", CLIPS[:1])
    with h5py.File(tmp_path / "mels.h5", "r+") as file:
        file.attrs["parameters"] = file.attrs["parameters"].replace("16000}", "8000}")
    with pytest.raises(InputError, match="8000 samples a second"):
        pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / "pack.h5")


def test_eyes_and_noses_are_found_where_they_are_in_the_clip(clip_folder, tmp_path):
    pytest.importorskip("face_recognition_models")
    from lipsync_cli.faces.landmarks import find_points, load_predictor

    clip = clip_folder / "ann"
    collect_faces(clip, tmp_path / "faces.h5", CropRule(size=128))
    collect_mels(clip, tmp_path / "mels.h5")
    pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / "pack.h5", landmarks=True)
    frame = np.asarray(next(iter(read_frames(clip / "a1.mp4"))))
    with Pack(tmp_path / "pack.h5") as opened:
        found = find_points(load_predictor(), frame, opened.box[0])[list(STABLE)]
        assert opened.landmarks[0] == pytest.approx(found, abs=3)
        assert np.isfinite(opened.landmarks[opened.has_face]).all()


def test_a_window_of_sound_is_centred_and_silent_outside():
    sound = np.arange(1, 8001, dtype=np.int16)
    middles, zeros = np.array([0.0, 0.25, 0.5]), np.zeros(3, np.int64)
    cut = cut_sound(sound, middles, zeros, zeros + 8000) * SOUND_PEAK
    assert cut.shape == (3, 3200)
    assert not cut[0, :1600].any()
    assert cut[0, 1600:].round().tolist() == list(range(1, 1601))
    assert cut[1].round().tolist() == list(range(2401, 5601))
    assert cut[2, :1600].round().tolist() == list(range(6401, 8001))
    assert not cut[2, 1600:].any()
