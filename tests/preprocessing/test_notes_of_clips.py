"""What is noticed of a clip's file in a worker is told once, with the clip's name; and which of its sounds counts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from lipsync_cli.media.ffmpeg import find_tool
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.speech.mel import log_mel

Run = Callable[..., "subprocess.CompletedProcess[str]"]
VOICE = Path(__file__).resolve().parents[2] / "examples" / "speech.flac"


@pytest.fixture(scope="module")
def source(make_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one clip of two sounds, the second of which is its default, and one of a single sound."""
    folder = tmp_path_factory.mktemp("tracks")
    make_clip(folder / "clips" / "ann" / "plain.mp4", num_frames=15)
    tracks = ["-map", "0", "-map", "1:a", "-c:v", "copy", "-c:a", "flac", "-default_mode", "passthrough"]
    flags = ["-disposition:a:0", "0", "-disposition:a:1", "default", "-t", "0.6"]
    both = ["-i", str(folder / "clips" / "ann" / "plain.mp4"), "-ss", "1.5", "-i", str(VOICE), *tracks, *flags]
    command = [find_tool("ffmpeg"), "-v", "error", *both, str(folder / "clips" / "ann" / "two.mkv")]
    subprocess.run(command, check=True, timeout=60)
    return folder / "clips"


@pytest.mark.parametrize(
    ("verb", "name", "hint"),
    [("mels", "out.h5", "; --audio-track takes another of 0 to 1"), ("extract-frames", "frames", "")],
)
def test_a_note_is_told_once_with_the_name_of_its_clip(
    verb: str, name: str, hint: str, source: Path, tmp_path: Path, lipsync: Run
) -> None:
    result = lipsync(verb, source, tmp_path / name, "--jobs", 2)
    assert result.returncode == 0, result.stderr
    text = f"{source / 'ann' / 'two.mkv'}: audio track 1 is taken, the default of the file{hint}"
    assert [line for line in result.stderr.splitlines() if "track" in line] == [text]
    quiet = lipsync(verb, source, tmp_path / f"quiet-{name}", "-q", "--jobs", 1)
    assert (quiet.returncode, quiet.stderr) == (0, "")


def test_notes_of_the_sound_are_none_of_detect_faces(source: Path, tmp_path: Path, lipsync: Run) -> None:
    result = lipsync("detect-faces", source, tmp_path / "faces.h5", "--jobs", 1)
    assert (result.returncode, result.stderr) == (0, "")


def test_notes_of_the_picture_are_told_by_detect_faces(source: Path, tmp_path: Path, lipsync: Run) -> None:
    clip, both = source / "ann" / "plain.mp4", tmp_path / "both.mkv"
    flags = ["-disposition:v:0", "0", "-disposition:v:1", "default", "-default_mode", "passthrough"]
    maps = ["-i", str(clip), "-map", "0:v", "-map", "0:v", "-c", "copy", *flags, str(both)]
    subprocess.run([find_tool("ffmpeg"), "-v", "error", *maps], check=True, timeout=60)
    result = lipsync("detect-faces", both, tmp_path / "faces.h5")
    assert result.stderr == f"{both}: video track 1 is taken, the default of the file\n"


def test_mels_take_the_track_that_is_asked_for(source: Path, tmp_path: Path, lipsync: Run) -> None:
    clip, made = source / "ann" / "two.mkv", {}
    for number in (0, 1):
        result = lipsync("mels", clip, tmp_path / f"{number}.h5", "--audio-track", number)
        assert (result.returncode, result.stderr) == (0, "")
        with h5py.File(tmp_path / f"{number}.h5") as file:
            made[number] = file["mels/data"][()]
    np.testing.assert_array_equal(made[1], log_mel(read_speech(clip)))
    assert not np.array_equal(made[0], made[1])


def test_clips_without_the_track_that_is_asked_for_are_named(source: Path, tmp_path: Path, lipsync: Run) -> None:
    result = lipsync("mels", source, tmp_path / "out.h5", "--audio-track", 1, "--jobs", 1)
    assert result.returncode == 5
    assert "plain.mp4: has 1 audio tracks, and --audio-track 1 is none of them" in result.stderr
