"""When frames are shown, against what was encoded; and there are as many as come out of the decoder."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fixtures.media_clips import Ffmpeg, MakeClip, number_of, write_clicks

from lipsync_cli.errors import InputError
from lipsync_cli.media.timeline import Timeline, read_timeline
from lipsync_cli.media.video.decode import read_frames

B_FRAMES = ("-c:v", "libx264", "-bf", "3", "-g", "12", "-threads", "1")


def numbers(path: Path) -> list[int]:
    return [number_of(frame) for frame in read_frames(path)]


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "50"])
def test_constant_rate_with_b_frames(make_clip: MakeClip, rate: str) -> None:
    clip = make_clip("a.mp4", 40, rate, *B_FRAMES)
    timeline = read_timeline(clip)
    assert timeline == Timeline.constant(Fraction(rate), 40)
    assert timeline.rate == Fraction(rate)
    assert not timeline.is_variable
    assert timeline.time(39) == 39 / Fraction(rate)
    assert timeline.middle(39) == Fraction(79, 2) / Fraction(rate)
    assert numbers(clip) == list(range(40))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.mpg", ("-c:v", "mpeg1video", "-bf", "2", "-b:v", "2M")),
        ("a.mpg", ("-c:v", "mpeg2video", "-bf", "2", "-b:v", "2M")),
        ("a.avi", ("-c:v", "mpeg4", "-bf", "2", "-b:v", "2M")),
        ("a.mov", ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")),
        ("a.mkv", B_FRAMES),
        ("a.webm", ("-c:v", "libvpx", "-b:v", "1M", "-auto-alt-ref", "1", "-lag-in-frames", "16")),
        ("a.webm", ("-c:v", "libvpx-vp9", "-b:v", "1M", "-cpu-used", "8", "-lag-in-frames", "16")),
        ("a.h264", B_FRAMES),
        ("a.mjpeg", ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-f", "mjpeg")),
    ],
)
def test_containers(make_clip: MakeClip, name: str, options: tuple[str, ...]) -> None:
    clip = make_clip(name, 30, 25, *options)
    timeline = read_timeline(clip)
    assert numbers(clip) == list(range(30))
    assert timeline.num_frames == 30
    assert np.allclose(timeline.middles(), (np.arange(30) + 0.5) / 25, atol=1e-9)


def test_variable_rate(make_clip: MakeClip) -> None:
    kept = "select='not(mod(n,3))+gt(n,20)'"
    clip = make_clip("a.mp4", 40, "30000/1001", "-vf", kept, "-fps_mode", "vfr", *B_FRAMES)
    shown = [number for number in range(40) if number % 3 == 0 or number > 20]
    timeline = read_timeline(clip)
    assert timeline.is_variable
    assert numbers(clip) == shown
    assert [timeline.time(position) for position in range(len(shown))] == [
        number * Fraction(1001, 30000) for number in shown
    ]


def test_edit_list(make_clip: MakeClip, ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    """A clip cut without coding anew keeps the frames before the cut in the file, but does not show them."""
    clip, cut = make_clip("a.mp4", 60, 25, *B_FRAMES), tmp_path / "cut.mp4"
    ffmpeg("-ss", "0.72", "-i", clip, "-c", "copy", cut)
    shown = numbers(cut)
    assert shown == list(range(18, 60))
    assert read_timeline(cut) == Timeline.constant(25, len(shown))


def test_video_that_starts_late(make_clip: MakeClip, ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    sound, late = write_clicks(tmp_path / "a.wav", [0.1], 2), tmp_path / "late.mp4"
    ffmpeg("-i", sound, "-itsoffset", "0.5", "-i", make_clip("a.mp4", 20, 25, *B_FRAMES), "-c:v", "copy", late)
    assert read_timeline(late) == Timeline.constant(25, 20)
    assert numbers(late) == list(range(20))


def test_timeline_arithmetic() -> None:
    timeline = Timeline(np.array([1000, 1040, 1100, 1120]), Fraction(1, 1000))
    assert (timeline.num_frames, timeline.time(0), timeline.time(3)) == (3, 0, Fraction(120, 1000))
    assert timeline.middle(1) == Fraction(70, 1000)
    assert timeline.middles().tolist() == [0.02, 0.07, 0.11]
    assert timeline.rate == 25
    assert timeline.is_variable
    assert timeline.cut(1, 3) == Timeline(np.array([0, 60, 80]), Fraction(1, 1000))
    ticks_of_a_millisecond = Timeline(np.array([0, 33, 67, 100, 133]), Fraction(1, 1000))
    assert not ticks_of_a_millisecond.is_variable
    for wrong in ([0], [0, 5, 5], [3, 2]):
        with pytest.raises(ValueError, match="strictly increasing times"):
            Timeline(np.array(wrong), Fraction(1, 25))
    with pytest.raises(IndexError):
        timeline.middle(3)


def test_no_timeline(tmp_path: Path, ffmpeg: Ffmpeg) -> None:
    photo = tmp_path / "a.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=46x32", "-frames:v", 1, photo)
    with pytest.raises(InputError, match="is a photo"):
        read_timeline(photo)
    with pytest.raises(InputError, match="has no picture"):
        read_timeline(write_clicks(tmp_path / "a.wav", [0.1], 0.2))


@pytest.mark.parametrize(
    ("name", "options"), [("a.mp4", ("-movflags", "+faststart")), ("a.mkv", ()), ("a.mpg", ("-g", 1))]
)
def test_truncated(make_clip: MakeClip, name: str, options: tuple[str, ...]) -> None:
    clip = make_clip(name, 60, 25, *options)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size * 2 // 3])
    with pytest.raises(InputError, match=r"truncated.*\d+"):
        read_timeline(clip)
        list(read_frames(clip))


@pytest.mark.parametrize("name", ["s1/swwi8n.mp4", "s3/sbia1a.mpg"])
def test_clips_of_grid_have_as_many_frames_as_times(grid_dir: Path, name: str) -> None:
    num_frames = sum(1 for _ in read_frames(grid_dir / name, size=(16, 16)))
    assert read_timeline(grid_dir / name).num_frames == num_frames == 75


def test_real_clips_have_as_many_frames_as_times(data_dir: Path) -> None:
    wild = ["no_face.mp4", "retalking_1.mp4", "face_noface.mov"]  # an edit list; a late start; HEVC of a telephone
    clips = [clip for name in wild if (clip := data_dir / "wild" / name).exists()]
    clips += sorted(data_dir.glob("grid/s1-original/*.mpg"))[::16]  # as distributed, some of them damaged
    if not clips:
        pytest.skip("no clips in the folder of real data")
    for clip in clips:
        num_frames = sum(1 for _ in read_frames(clip, size=(16, 16)))
        assert read_timeline(clip).num_frames == num_frames, clip


def test_frames_that_avi_leaves_out_are_not_missing(make_clip: MakeClip) -> None:
    """AVI counts a frame that is shown again, and holds nothing for it, as captures of screens do."""
    kept = "select='not(eq(n,3)+eq(n,4)+eq(n,9))'"
    clip = make_clip("a.avi", 15, 25, "-vf", kept, "-fps_mode", "vfr", "-c:v", "mjpeg", "-q:v", "3")
    shown = [number for number in range(15) if number not in (3, 4, 9)]
    timeline = read_timeline(clip)
    assert numbers(clip) == shown
    assert [float(timeline.time(number)) for number in range(12)] == [number / 25 for number in shown]


def test_a_long_film_takes_little_memory(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    """Beside what FFprobe prints, which is 70 bytes a frame: times, not an object for each."""
    import tracemalloc

    clip = tmp_path / "long.nut"
    ffmpeg("-f", "lavfi", "-i", "color=s=16x16:r=50:d=200", "-c:v", "rawvideo", "-pix_fmt", "gray", clip)
    read_timeline(clip)
    tracemalloc.start()
    timeline = read_timeline(clip)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert timeline == Timeline.constant(50, 10_000)
    assert peak < 180 * 10_000
