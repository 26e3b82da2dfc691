"""Several faces on one command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.pipelines.inference.several_faces import check_faces


def test_two_videos_and_a_voice(lipsync, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"A.mp4 is the face, and my B.mp4 would be a voice, as voice.wav is") as told:
        check_faces(Path("A.mp4"), [Path("my B.mp4"), Path("voice.wav")])
    assert "for face in A.mp4 'my B.mp4'; do lipsync infer \"$face\" voice.wav; done" in str(told.value)
    result = lipsync("infer", "A.mp4", "B.mp4", "voice.wav", "-o", tmp_path)
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1


def test_a_folder_of_faces(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.jpg", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="is a folder, not a file; infer takes one face") as told:
        check_faces(tmp_path, [Path("voice.wav")])
    assert f'for face in {tmp_path}/*.jpg {tmp_path}/*.mp4; do lipsync infer "$face" voice.wav; done' in str(told.value)


def test_voices_of_one_kind_are_voices() -> None:
    check_faces(Path("A.mp4"), [Path("a.wav"), Path("b.flac")])
    check_faces(Path("A.mp4"), [Path("a.mp4"), Path("b.mp4")])
    check_faces(Path("A.mp4"), [])
