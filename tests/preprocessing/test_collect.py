"""Real clips through extract-frames, detect-faces and mels, from the clips and from their frames."""

import json
import shutil

import h5py
import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.formats import schema
from lipsync_cli.formats.joined_pack import open_pack
from lipsync_cli.formats.open_store import open_hdf5
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.pipelines.describe import describe, describe_program
from lipsync_cli.preprocessing.detect_faces import collect_faces
from lipsync_cli.preprocessing.frames import extract_frames
from lipsync_cli.preprocessing.mels import collect_mels
from lipsync_cli.preprocessing.pack import pack
from lipsync_cli.speech.mel import MelParameters, log_mel


@pytest.fixture(scope="module")
def made(clip_folder, tmp_path_factory):
    """Folder with faces.h5, mels.h5, pack.h5 and frames/ of the example clips."""
    folder = tmp_path_factory.mktemp("made")
    assert collect_faces(clip_folder, folder / "faces.h5", CropRule(), jobs=2)["clips"] == 4
    assert collect_mels(clip_folder, folder / "mels.h5", jobs=2)["clips"] == 4
    assert pack(folder / "faces.h5", folder / "mels.h5", folder / "pack.h5")["clips"] == 4
    assert extract_frames(clip_folder, folder / "frames", image_format="png", jobs=2)["frames"] == 80
    return folder


def test_crops_are_the_clips_own_pixels_in_rgb(made, clip_folder):
    with Pack(made / "pack.h5") as opened:
        assert [f"{row['speaker']}/{row['name']}" for row in opened.clips] == ["ann/a1", "ann/a2", "bob/b1", "bob/b2"]
        assert opened.clips["num_frames"].tolist() == [20] * 4
        assert opened.has_face.all()
        row = opened.clips[2]
        first = int(row["first_frame"])
        crops = opened.read_crops(np.arange(first, first + 20))
        frames = read_frames(clip_folder / "bob" / "b1.mp4")
        for crop, frame, box in zip(crops, frames, opened.box[first : first + 20], strict=True):
            expected = crop_face(frame, box, opened.crop_rule).astype(int)
            assert np.abs(crop - expected).mean() < 3  # JPEG
            assert np.abs(crop[..., ::-1] - expected).mean() > 6  # and not with the channels the other way round
        np.testing.assert_allclose(opened.frame_middle[first : first + 3], [0.02, 0.06, 0.1])


def test_mels_are_those_of_the_clips_sound(made, clip_folder):
    with Pack(made / "pack.h5") as opened:
        row = opened.clips[1]
        mel = opened.mel[row["first_mel"] : row["first_mel"] + row["num_mels"]]
    np.testing.assert_array_equal(mel, log_mel(read_speech(clip_folder / "ann" / "a2.mp4")))


def test_mels_have_the_bands_that_are_asked_for_and_do_not_go_with_others(made, clip_folder, tmp_path):
    collect_mels(clip_folder, tmp_path / "mels.h5", bands=40)
    with open_hdf5(tmp_path / "mels.h5") as file:
        wanted = log_mel(read_speech(clip_folder / "ann" / "a1.mp4"), MelParameters(n_mels=40))
        np.testing.assert_array_equal(file["mels/data"][: len(wanted)], wanted)
    pack(made / "faces.h5", tmp_path / "mels.h5", tmp_path / "pack.h5")
    with pytest.raises(InputError, match=r"n_mels.*40.*80|n_mels.*80.*40") as raised:
        open_pack([made / "pack.h5", tmp_path / "pack.h5"])
    assert str(tmp_path / "pack.h5") in str(raised.value)
    assert str(made / "pack.h5") in str(raised.value)


def test_frames_folders_give_what_the_clips_give(made, tmp_path):
    folder = made / "frames" / "ann" / "a1"
    names = sorted(path.name for path in folder.iterdir())
    assert names == [*(f"{number:06d}.png" for number in range(20)), "frames.json", "speech.wav"]
    record = json.loads((folder / "frames.json").read_text())
    assert record["num_frames"] == 20
    assert len(record["pts"]) == 21
    assert record["rate"] == "25"
    collect_faces(made / "frames", tmp_path / "faces.h5", CropRule(), jobs=1)
    collect_mels(made / "frames", tmp_path / "mels.h5", jobs=1)
    with h5py.File(tmp_path / "faces.h5") as one, h5py.File(made / "faces.h5") as other:
        for name in ("box", "score", "middle", "crop/data", "crop/offset"):
            np.testing.assert_array_equal(one[f"faces/{name}"][()], other[f"faces/{name}"][()])
    with h5py.File(tmp_path / "mels.h5") as one, h5py.File(made / "mels.h5") as other:
        np.testing.assert_allclose(one["mels/data"][()], other["mels/data"][()], atol=1e-3)  # the wav has 24 bit


def test_extracting_again_keeps_what_is_there(made, clip_folder, tmp_path):
    source = tmp_path / "ann" / "a1.mp4"
    source.parent.mkdir()
    source.write_bytes((clip_folder / "ann" / "a1.mp4").read_bytes())
    assert extract_frames(source, tmp_path / "frames")["kept"] == 0
    assert extract_frames(source, tmp_path / "frames")["kept"] == 1
    gone = 4194305  # above the highest number of a process
    left = tmp_path / "frames" / "ann" / f".a1.{gone}-0123456789abcdef.partial"  # of a worker that was stopped
    left.mkdir()
    (left / "000000.jpg").touch()
    assert extract_frames(source, tmp_path / "frames")["kept"] == 1
    assert not left.exists()
    with pytest.raises(InputError, match="exists, of another clip or with other options"):
        extract_frames(source, tmp_path / "frames", quality=50)
    assert extract_frames(source, tmp_path / "frames", quality=50, force=True)["kept"] == 0
    assert sorted(path.name for path in (tmp_path / "frames" / "ann").iterdir()) == ["a1"]


def test_jobs_make_no_difference_and_raw_crops_are_pixels(made, clip_folder, tmp_path):
    for name, jobs, raw in (("one", 1, False), ("raw", 2, True)):
        collect_faces(clip_folder, tmp_path / f"{name}.h5", CropRule(), raw=raw, jobs=jobs)
    assert (tmp_path / "one.h5").read_bytes() == (made / "faces.h5").read_bytes()
    with h5py.File(tmp_path / "raw.h5") as file, h5py.File(made / "faces.h5") as jpeg:
        assert file["faces/crop/data"].shape == (80, 96, 96, 3)
        np.testing.assert_array_equal(file["faces/box"][()], jpeg["faces/box"][()])


def test_stores_name_what_they_were_made_from(made, clip_folder):
    with open_hdf5(made / "faces.h5", (schema.FACES,)) as file:
        attributes, table = schema.read_attributes(file), schema.read_table(file)
    assert attributes["command"] == "detect-faces"
    assert attributes["generator"].startswith("lipsync ")
    assert attributes["inputs"][0]["path"] == str(clip_folder)
    assert attributes["parameters"]["crop_rule"] == CropRule().to_dict()
    assert table["file"].tolist() == ["ann/a1.mp4", "ann/a2.mp4", "bob/b1.mp4", "bob/b2.mp4"]
    assert table["bytes"][0] == (clip_folder / "ann" / "a1.mp4").stat().st_size
    assert all(len(sha256) == 64 for sha256 in table["sha256"])


def test_info_describes_each_kind_of_file(made, clip_folder):
    summary = describe(made / "pack.h5")
    assert summary["format"] == "lipsync-pack"
    assert summary["speakers"] == {"ann": 2, "bob": 2}
    assert summary["splits"]["train"] == 4
    assert summary["frames"] == 80
    assert summary["duration_s"] == 3.2
    assert describe(made / "mels.h5")["mel_frames"] == summary["mel_frames"]
    assert describe(made / "frames" / "bob" / "b2")["num_frames"] == 20
    media = describe(clip_folder / "ann" / "a1.mp4")
    assert media["video"]["width"] == 160
    assert media["audio"] is not None
    program = describe_program()
    assert program["num_parameters"]["lipgan"] == {"generator": 37087763, "critic": 10337152}
    for value in (summary, media, program):
        assert json.loads(json.dumps(value)) == value
    with pytest.raises(InputError, match="neither a run nor a folder of frames"):
        describe(clip_folder)


def test_grid_clips_as_distributed(grid_dir, tmp_path):
    folder = tmp_path / "grid"
    for speaker in ("s2", "s3"):
        shutil.copytree(grid_dir / speaker, folder / speaker)
    assert collect_faces(folder, tmp_path / "f.h5", CropRule(), jobs=1)["frames_without_face"] == 0
    collect_mels(folder, tmp_path / "m.h5", jobs=1)
    pack(tmp_path / "f.h5", tmp_path / "m.h5", tmp_path / "p.h5")
    with Pack(tmp_path / "p.h5") as opened:
        assert set(opened.clips["speaker"]) == {"s2", "s3"}
        assert opened.clips["num_frames"].tolist() == [75, 75]
        assert opened.clips["num_mels"].min() > 235
        assert opened.read_crops(np.array([10]))[0].std() > 20


@pytest.mark.parametrize("content", ["films", "record and a film", "record of another", "link", "file", "own"])
def test_only_folders_of_frames_are_replaced(content, clip_folder, tmp_path):
    folder, source = tmp_path / "frames" / "ann" / "a1", clip_folder / "ann" / "a1.mp4"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.parent.mkdir(parents=True)
    if content == "link":
        folder.symlink_to(elsewhere)
    elif content == "file":
        folder.write_bytes(b"mine")
    else:
        extract_frames(source, tmp_path / "frames", quality=50)
    if content in ("films", "record and a film"):
        (folder / "take.mp4").write_bytes(b"mine")
    if content == "films":
        (folder / "frames.json").unlink()
    if content == "record of another":
        (folder / "frames.json").write_text('{"format": "mine"}')
    before = sorted(folder.iterdir()) if folder.is_dir() else None
    if content == "own":
        assert extract_frames(source, tmp_path / "frames", force=True)["kept"] == 0
        assert json.loads((folder / "frames.json").read_text())["image"]["quality"] == 95
    else:
        with pytest.raises(InputError, match=r"move it away"):
            extract_frames(source, tmp_path / "frames", force=True)
        assert (sorted(folder.iterdir()) if folder.is_dir() else None) == before
    assert [path.name for path in folder.parent.iterdir()] == ["a1"]


def test_an_empty_output_folder_that_was_there_stays(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"bad")
    (tmp_path / "frames").mkdir()
    with pytest.raises(InputError):
        extract_frames(tmp_path / "a.mp4", tmp_path / "frames")
    assert (tmp_path / "frames").is_dir()
