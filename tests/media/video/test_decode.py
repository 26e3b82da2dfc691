"""Frames out of files: every one, once, in order, upright, in its colour; and no process that stays behind."""

from __future__ import annotations

import gc
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fixtures.media_clips import (
    HEIGHT,
    NEEDS_CHILDREN,
    WIDTH,
    Ffmpeg,
    MakeClip,
    ffmpegs_at_work,
    number_of,
    turn_track,
)

from lipsync_cli.errors import InputError
from lipsync_cli.media.probe import probe
from lipsync_cli.media.video.decode import read_frames, read_image

B_FRAMES = ("-c:v", "libx264", "-bf", "3", "-g", "25", "-threads", "1")


def test_a_frame_is_an_array_of_its_own(make_clip: MakeClip) -> None:
    frames = list(read_frames(make_clip("a.mp4", 10)))
    assert all(frame.shape == (HEIGHT, WIDTH, 3) and frame.dtype == np.uint8 for frame in frames)
    assert [number_of(frame) for frame in frames] == list(range(10))
    frames[0][:] = 0
    assert number_of(frames[1]) == 1


@pytest.mark.parametrize(
    "name", ["-rf.mp4", "a b.mp4", 'it\'s "quoted".mp4', "face 😀 %03d.mp4", "a:b.mp4", "$(x);&.mp4"]
)
def test_file_names(make_clip: MakeClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    make_clip("plain.mp4", 2).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(list(read_frames(name))) == 2


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 7), (5, 9), (30, None), (101, 104), (126, 130), (149, None), (150, 160)]
)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mpg"])
def test_part_of_a_clip(shared_clips: dict[str, Path], name: str, start: int, stop: int | None) -> None:
    got = [number_of(frame) for frame in read_frames(shared_clips[name], start, stop)]
    assert got == list(range(150))[start:stop]


@pytest.fixture(scope="module")
def shared_clips(ffmpeg: Ffmpeg, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """150 numbered frames in three containers; in two of them the sound begins before the picture."""
    from fixtures.media_clips import numbered_frame

    folder = tmp_path_factory.mktemp("clips")
    data = b"".join(numbered_frame(number).tobytes() for number in range(150))
    raw = ("-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{WIDTH}x{HEIGHT}", "-framerate", "30000/1001")
    sound = ("-f", "lavfi", "-i", "sine=d=6")
    paths = {name: folder / name for name in ("a.mp4", "a.mkv", "a.mpg")}
    coding = ("-pix_fmt", "yuv420p", "-fps_mode", "passthrough", *B_FRAMES)  # else frames are doubled before the first
    ffmpeg(*sound, *raw, "-itsoffset", "0.3", "-i", "pipe:0", *coding, paths["a.mp4"], data=data)
    ffmpeg("-i", paths["a.mp4"], "-c", "copy", paths["a.mkv"])
    ffmpeg(*raw, "-i", "pipe:0", "-pix_fmt", "yuv420p", "-c:v", "mpeg1video", "-bf", 2, paths["a.mpg"], data=data)
    return paths


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_rotation(ffmpeg: Ffmpeg, tmp_path: Path, degrees: int) -> None:
    clip = tmp_path / "a.mp4"
    stored = np.zeros((48, 64, 3), np.uint8)
    stored[:24, :32] = (255, 0, 0)  # red at the top left
    stored[:24, 32:] = (0, 255, 0)  # green at the top right
    raw = ("-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", "64x48", "-i", "pipe:0")
    ffmpeg(*raw, "-pix_fmt", "yuv444p", "-c:v", "libx264", "-crf", 1, clip, data=stored.tobytes() * 2)
    turn_track(clip, degrees)
    (frame, _) = read_frames(clip)
    shown = np.rot90(stored, -degrees // 90)
    assert frame.shape == shown.shape
    assert np.abs(frame.astype(int) - shown).mean() < 2


def test_scaled(make_clip: MakeClip) -> None:
    frames = list(read_frames(make_clip("a.mp4", 20), size=(WIDTH // 2, HEIGHT // 2)))
    assert frames[0].shape == (HEIGHT // 2, WIDTH // 2, 3)
    assert [number_of(frame.repeat(2, 0).repeat(2, 1)) for frame in frames] == list(range(20))


@pytest.mark.parametrize(("tag", "matrix"), [("bt709", "bt709"), ("smpte170m", "bt601"), (None, "bt601")])
def test_colour(ffmpeg: Ffmpeg, tmp_path: Path, tag: str | None, matrix: str) -> None:
    """Against the equations of BT.601 and BT.709 in floating point: FFmpeg's own default is a level too dark."""
    clip, planes = tmp_path / "a.mkv", np.random.default_rng(0).integers(60, 180, (3, 32, 32))
    tags = ("-vf", f"setparams=colorspace={tag}") if tag else ()
    luma, blue, red = planes.repeat(2, 1).repeat(2, 2)
    yuv = [luma, planes[1], planes[2]]
    raw = ("-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", "64x64", "-i", "pipe:0")
    ffmpeg(*raw, "-c:v", "ffv1", *tags, clip, data=b"".join(plane.astype(np.uint8).tobytes() for plane in yuv))
    (frame,) = read_frames(clip)
    red_weight, blue_weight = {"bt709": (0.2126, 0.0722), "bt601": (0.299, 0.114)}[matrix]
    grey, blue, red = (luma - 16) / 219, (blue - 128) / 224, (red - 128) / 224
    r, b = grey + 2 * (1 - red_weight) * red, grey + 2 * (1 - blue_weight) * blue
    g = (grey - red_weight * r - blue_weight * b) / (1 - red_weight - blue_weight)
    error = frame - 255 * np.stack([r, g, b], axis=-1).clip(0, 1)
    assert np.abs(error.mean(axis=(0, 1))).max() < 0.1
    assert np.abs(error).max() < 1.6


@NEEDS_CHILDREN
def test_closing_ends_the_decoder(make_clip: MakeClip) -> None:
    clip, before = make_clip("a.mp4", 200), ffmpegs_at_work()
    frames = read_frames(clip)
    next(frames)
    assert len(ffmpegs_at_work() - before) == 1
    frames.close()  # type: ignore[attr-defined]
    assert ffmpegs_at_work() == before
    frames = read_frames(clip)
    next(frames)
    assert len(ffmpegs_at_work() - before) == 1
    del frames
    gc.collect()
    assert ffmpegs_at_work() == before


def test_damage_is_told_after_the_frames(make_clip: MakeClip) -> None:
    clip = make_clip("a.mpg", 60, 25, "-c:v", "mpeg1video", "-b:v", "2M", "-vf", "noise=alls=40:allf=t")
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 200] = bytes(range(200))
    clip.write_bytes(data)
    frames = []
    with pytest.raises(InputError, match=r"is damaged or truncated: \d+ frames can be decoded"):
        for frame in read_frames(clip):
            frames.append(frame)
    assert len(frames) > 30


def test_nothing_to_decode(tmp_path: Path, make_clip: MakeClip) -> None:
    text = tmp_path / "a.mp4"
    text.write_text("no film")
    with pytest.raises(InputError, match="is not a video"):
        next(iter(read_frames(text)))
    clip = make_clip("b.mp4", 5)
    assert list(read_frames(clip, 3, 3)) == []
    assert list(read_frames(clip, 9)) == []


def test_a_flood_of_complaints_does_not_stop_the_frames(make_clip: MakeClip) -> None:
    clip = make_clip("a.mpg", 250, 25, "-c:v", "mpeg1video", "-b:v", "2M", "-vf", "noise=alls=30:allf=t")
    data = np.frombuffer(clip.read_bytes(), np.uint8).copy()
    places = np.random.default_rng(0).integers(4000, len(data), 4000)
    data[places] = 7
    clip.write_bytes(data.tobytes())
    with pytest.raises(InputError):
        list(read_frames(clip))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photo_upright(ffmpeg: Ffmpeg, tmp_path: Path, orientation: int) -> None:
    photo = tmp_path / "a.jpg"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=48x32", "-frames:v", 1, "-q:v", 1, "-pix_fmt", "yuvj444p", photo)
    stored = read_image(photo)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    jpeg = photo.read_bytes()
    photo.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
    turned = {  # Exif 2.32, table "Orientation": what lies at row 0 and column 0
        1: stored, 2: stored[:, ::-1], 3: stored[::-1, ::-1], 4: stored[::-1],
        5: stored.swapaxes(0, 1), 6: np.rot90(stored, -1), 7: np.rot90(stored, 2).swapaxes(0, 1), 8: np.rot90(stored),
    }[orientation]  # fmt: skip
    shown = read_image(photo)
    assert np.array_equal(shown, turned)
    video = probe(photo).video
    assert video is not None
    assert (video.height, video.width) == shown.shape[:2]


def test_photo_colours(tmp_path: Path) -> None:
    import cv2

    picture = np.random.default_rng(1).integers(0, 256, (20, 31, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture[..., ::-1])
    assert np.array_equal(read_image(tmp_path / "a.png"), picture)
    cv2.imwrite(str(tmp_path / "grey.png"), picture[..., 0])
    assert np.array_equal(read_image(tmp_path / "grey.png"), picture[..., :1].repeat(3, 2))


def test_damaged_photo(ffmpeg: Ffmpeg, tmp_path: Path, make_clip: MakeClip) -> None:
    photo = tmp_path / "a.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=640x320", "-frames:v", 1, photo)
    photo.write_bytes(photo.read_bytes()[:900])
    with pytest.raises(InputError):
        read_image(photo)
    with pytest.raises(InputError, match="is not a photo"):
        read_image(make_clip("a.mp4", 2))


def test_room_is_light() -> None:
    """The commands import this room at start-up."""
    code = "import sys, lipsync_cli.media.video.encode, lipsync_cli.media.video.decode, lipsync_cli.media.sound.audio\n"
    code += "print([name for name in ('numpy', 'cv2', 'soundfile', 'scipy', 'torch') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
