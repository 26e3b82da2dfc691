"""Which clips a folder holds."""

import json

import pytest

from lipsync_cli.config.shard import Shard
from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.preprocessing.find_clips import FRAMES, SOUND, VIDEO, find_clips, find_share


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def keys(clips):
    return [f"{clip.speaker}/{clip.name}" for clip in clips]


def test_the_folder_is_the_speaker_and_clips_are_sorted(tmp_path):
    make(tmp_path, "s10/b.mpg", "s2/z.MP4", "s2/a.b.mpg", "s2/notes.txt", "s2/.hidden.mp4", ".trash/x.mp4")
    clips = find_clips(tmp_path)
    assert keys(clips) == ["s10/b", "s2/a.b", "s2/z"]
    assert [clip.file for clip in clips] == ["s10/b.mpg", "s2/a.b.mpg", "s2/z.MP4"]
    assert {clip.kind for clip in clips} == {VIDEO}


def test_a_flat_folder_and_a_single_file_take_the_folders_name(tmp_path):
    make(tmp_path, "anna/x.mp4", "anna/y.mp4")
    assert keys(find_clips(tmp_path / "anna")) == ["anna/x", "anna/y"]
    assert keys(find_clips(tmp_path / "anna" / "y.mp4")) == ["anna/y"]


def test_folders_that_only_sort_by_kind_are_no_speakers(tmp_path):
    make(tmp_path, "s1/video/mpg_6000/a.mpg", "s2/video/b.mpg")
    assert keys(find_clips(tmp_path)) == ["s1/a", "s2/b"]
    assert keys(find_clips(tmp_path / "s1" / "video")) == ["s1/a"]


def test_links_are_followed_once(tmp_path):
    make(tmp_path, "real/a.mp4")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "s9").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "back").symlink_to(tmp_path / "real")
    assert keys(find_clips(tmp_path / "linked")) == ["s9/a"]


def test_of_two_clips_with_one_name_the_second_is_told(tmp_path):
    make(tmp_path, "s/a.mp4", "s/a.mpg", "s/b.mpg")
    told = []
    assert keys(find_clips(tmp_path, on_failure=told.append)) == ["s/a", "s/b"]
    assert len(told) == 1
    assert "a.mpg: has the speaker and name of" in str(told[0])


def test_a_clips_own_sound_comes_before_a_sound_file(tmp_path):
    make(tmp_path, "s/a.mp4", "s/a.aac", "s/b.wav")
    told = []
    clips = find_clips(tmp_path, (VIDEO, FRAMES, SOUND), told.append)
    assert [(clip.name, clip.kind) for clip in clips] == [("a", VIDEO), ("b", SOUND)]
    assert not told


def test_folders_of_frames_and_sounds(tmp_path):
    make(tmp_path, "s/clip/000000.jpg", "s/clip/speech.wav", "s/talk.wav", "s/film.mp4")
    (tmp_path / "s/clip/frames.json").write_text(json.dumps({}))
    assert [(clip.name, clip.kind) for clip in find_clips(tmp_path)] == [("clip", FRAMES), ("film", VIDEO)]
    clips = find_clips(tmp_path, (VIDEO, FRAMES, SOUND))
    assert [(clip.name, clip.kind) for clip in clips] == [("clip", FRAMES), ("film", VIDEO), ("talk", SOUND)]
    with pytest.raises(InputError, match="is sound, and video or frames is needed"):
        find_clips(tmp_path / "s" / "talk.wav")
    assert keys(find_clips(tmp_path / "s" / "clip")) == ["s/clip"]


def test_nothing_there(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        find_clips(tmp_path / "none")
    with pytest.raises(NothingToDoError, match="no clips"):
        find_clips(tmp_path)


def test_a_shard_is_told_of_and_the_first_tells_what_concerns_all(tmp_path):
    make(tmp_path, "s/a.mp4", "s/a.mpg", "s/b.mpg", "s/c.mpg")
    for index, expected in ((1, ["s/a", "s/c"]), (2, ["s/b"])):
        failures, notes = [], []
        clips = find_share(tmp_path, Shard(index, 2), on_failure=failures.append, notify=notes.append)
        assert keys(clips) == expected
        assert len(failures) == (index == 1)
        assert notes == [f"{tmp_path}: shard {index}/2 has {len(expected)} of 3 clips"]
    with pytest.raises(NothingToDoError, match="shard 4/4 has none of its 3 clips; ask for fewer shards"):
        find_share(tmp_path, Shard(4, 4))
