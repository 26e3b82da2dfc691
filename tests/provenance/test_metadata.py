"""The mark of a synthetic video is there, and stays there."""

from __future__ import annotations

from pathlib import Path

from fixtures.media_clips import HEIGHT, WIDTH, Ffmpeg, MakeClip, numbered_frame

from lipsync_cli import __version__
from lipsync_cli.media.probe import probe
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.provenance.metadata import read_marks, source_tags, synthetic_tags

SHA256 = "0123456789abcdef" * 4


def write(path: Path) -> Path:
    tags = synthetic_tags("compact one; #2", SHA256, speech="voice = 1.wav")
    with VideoWriter(path, WIDTH, HEIGHT, 25, tags=tags) as writer:
        writer.write(numbered_frame(1))
    return path


def test_marks_are_read_back(tmp_path: Path) -> None:
    clip = write(tmp_path / "a.mp4")
    assert read_marks(clip) == {
        "synthetic": True,
        "version": __version__,
        "weights": "compact one; #2",
        "weights_sha256": SHA256,
        "speech": "voice = 1.wav",
        "source_type": "compositeWithTrainedAlgorithmicMedia",
    }
    assert "Synthetic video" in probe(clip).tags["comment"]


def test_marks_survive_other_programs(tmp_path: Path, ffmpeg: Ffmpeg) -> None:
    clip = write(tmp_path / "a.mp4")
    for name in ("b.mp4", "b.mkv", "b.mov"):
        ffmpeg("-i", clip, "-c", "copy", tmp_path / name)
        marks = read_marks(tmp_path / name)
        assert marks["synthetic"] is True
        assert marks["weights_sha256"] == SHA256
        assert marks["weights"] == "compact one; #2"


def test_no_mark(make_clip: MakeClip) -> None:
    assert read_marks(make_clip("a.mp4", 2, 25, "-metadata", "comment=a synthetic fibre")) == {"synthetic": False}


def test_title_date_and_place_are_what_is_kept_of_a_source() -> None:
    kept = {"title": "Ann", "date": "2024-05-01", "location": "+48.1+011.6/", "creation_time": "2024-05-01T10:00:00Z"}
    assert source_tags({**kept, "encoder": "x", "comment": "y", "artist": "z"}) == kept
