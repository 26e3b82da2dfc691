"""Films that are written: every frame at its time, the sound where and as long as it should be, colours kept."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from fractions import Fraction
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
    find_clicks,
    number_of,
    numbered_frame,
    wait_for_ffmpeg,
    write_clicks,
)

from lipsync_cli.errors import InputError, ToolError
from lipsync_cli.media.ffmpeg import find_tool, run_tool
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.timeline import Timeline, read_timeline
from lipsync_cli.media.video.decode import read_frames, read_yuv_frames
from lipsync_cli.media.video.encode import VideoWriter, mux
from lipsync_cli.media.video.yuv_frame import YuvFrame


def write(path: Path, timeline: Timeline, **options: object) -> Path:
    """Write numbered frames."""
    with VideoWriter(path, WIDTH, HEIGHT, timeline, **options) as writer:  # type: ignore[arg-type]
        for number in range(timeline.num_frames):
            writer.write(numbered_frame(number))
    return path


def numbers(path: Path) -> list[int]:
    return [number_of(frame) for frame in read_frames(path)]


def random_timeline(num_frames: int, time_base: Fraction) -> Timeline:
    steps = np.random.default_rng(0).integers(5, 90, num_frames) * max(1, round(Fraction(1, 1000) / time_base))
    return Timeline(np.concatenate([[0], np.cumsum(steps)]), time_base)


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "50"])
def test_constant_rate(tmp_path: Path, rate: str) -> None:
    timeline = Timeline.constant(Fraction(rate), 30)
    clip = write(tmp_path / "a.mp4", timeline)
    assert read_timeline(clip) == timeline
    assert numbers(clip) == list(range(30))
    video = probe(clip).video
    assert video is not None
    assert video.rate == Fraction(rate)
    assert video.codec == "h264"
    assert video.pix_fmt == "yuv420p"


@pytest.mark.parametrize("base", ["1/15360", "1/90000", "1/1000", "1001/30000", "1/1000000"])
def test_variable_rate_to_the_tick(tmp_path: Path, base: str) -> None:
    timeline = random_timeline(30, Fraction(base))
    clip = write(tmp_path / "a.mp4", timeline)
    assert read_timeline(clip) == timeline  # the end of the last frame too
    assert numbers(clip) == list(range(30))


def test_variable_rate_with_odd_ticks(tmp_path: Path) -> None:
    timeline = random_timeline(20, Fraction(1, 1_000_000_007))
    got = read_timeline(write(tmp_path / "a.mp4", timeline))
    errors = [abs(got.time(number) - timeline.time(number)) for number in range(20)]
    assert max(errors) <= Fraction(1, 90_000)


@pytest.mark.parametrize("num_frames", [1, 2])
def test_shortest_clips(tmp_path: Path, num_frames: int) -> None:
    timeline = Timeline(np.array([0, 40, 90])[: num_frames + 1], Fraction(1, 1000))
    clip = write(tmp_path / "a.mp4", timeline)
    assert read_timeline(clip) == timeline
    assert numbers(clip) == list(range(num_frames))


def test_rate_alone(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", WIDTH, HEIGHT, Fraction(30000, 1001)) as writer:
        for number in range(5):
            writer.write(numbered_frame(number))
    assert read_timeline(tmp_path / "a.mp4") == Timeline.constant(Fraction(30000, 1001), 5)


@pytest.mark.parametrize(
    ("rate", "fps"), [(16_000, "25"), (44_100, "30000/1001"), (48_000, "24000/1001"), (96_000, "50")]
)
@pytest.mark.parametrize("wanted_s", [Fraction(3, 2), Fraction(9, 10), Fraction(2)])
def test_sound(tmp_path: Path, rate: int, fps: str, wanted_s: Fraction) -> None:
    """A click is heard within a millisecond of its time, and the sound is as long as was asked."""
    sound = write_clicks(tmp_path / "a.wav", [0.0, 0.4, 0.8, 1.3], 1.5, rate)
    timeline = Timeline.constant(Fraction(fps), 20)
    clip = write(tmp_path / "a.mp4", timeline, audio=sound, audio_duration_s=wanted_s)
    audio = probe(clip).audio
    assert audio is not None
    assert audio.start_s == 0
    assert audio.duration_s is not None
    assert abs(audio.duration_s - wanted_s) <= Fraction(1, audio.sample_rate)
    samples = read_speech(clip)
    assert abs(len(samples) - wanted_s * 16_000) <= 2
    heard = [time_s for time_s in (0.0, 0.4, 0.8, 1.3) if time_s < wanted_s]
    assert find_clicks(samples, 16_000) == pytest.approx(heard, abs=1e-3)
    assert read_timeline(clip) == timeline


def test_sound_of_a_video_keeps_its_place(make_clip: MakeClip, tmp_path: Path) -> None:
    sound = write_clicks(tmp_path / "a.wav", [0.3, 0.7], 1.0)
    for late_s in (0.5, -0.2):
        spoken = make_clip("spoken.mp4", 45, 25, inputs=("-itsoffset", late_s, "-i", sound))
        clip = write(tmp_path / "a.mp4", Timeline.constant(25, 40), audio=spoken)
        assert find_clicks(read_speech(clip), 16_000) == pytest.approx([0.3 + late_s, 0.7 + late_s], abs=1e-3)


def test_origin_of_the_sound(tmp_path: Path) -> None:
    sound = write_clicks(tmp_path / "a.wav", [0.5], 1.0)
    clip = write(tmp_path / "a.mp4", Timeline.constant(25, 20), audio=sound, audio_origin_s=Fraction(1, 5))
    assert find_clicks(read_speech(clip), 16_000) == pytest.approx([0.3], abs=1e-3)


@pytest.mark.parametrize(("width", "height"), [(65, 48), (64, 49), (65, 49), (16, 17)])
def test_odd_sizes(tmp_path: Path, width: int, height: int) -> None:
    """The pixels stay where they are; the last column or row is doubled."""
    rows, columns = np.mgrid[:height, :width]
    frame = np.stack([rows * 4 % 256, columns * 3 % 256, rows * 0 + 90], axis=-1).astype(np.uint8)
    with VideoWriter(tmp_path / "a.mp4", width, height, 25, crf=1) as writer:
        writer.write(frame)
    (shown,) = read_frames(tmp_path / "a.mp4")
    assert shown.shape == (height + height % 2, width + width % 2, 3)
    difference = np.abs(shown[:height, :width].astype(int) - frame)
    assert np.median(difference) <= 2
    assert difference[..., 1].mean() < 3


@pytest.mark.parametrize(
    "tags",
    [
        None,
        {},
        {"color_space": "bt709", "color_primaries": "bt709", "color_transfer": "bt709", "color_range": "tv"},
        {"color_space": "smpte170m", "color_primaries": "smpte170m", "color_transfer": "smpte170m"},
        {"color_space": "bt470bg", "color_range": "pc"},
        {"color_space": "bt2020nc", "color_primaries": "bt2020", "color_transfer": "arib-std-b67"},
    ],
)
def test_colour_there_and_back(tmp_path: Path, tags: dict[str, str] | None) -> None:
    rng = np.random.default_rng(0)
    frame = rng.integers(40, 215, (8, 12, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    for turn in range(3):
        with VideoWriter(tmp_path / f"{turn}.mp4", 96, 64, 25, crf=4, color_tags=tags) as writer:
            writer.write(frame)
        (shown,) = read_frames(tmp_path / f"{turn}.mp4")
        assert np.abs((shown.astype(float) - frame).mean(axis=(0, 1))).max() < 0.5
        frame = shown
    video = probe(tmp_path / "2.mp4").video
    assert video is not None
    wanted = {"color_space": "bt709"} if tags is None else tags
    assert video.color_space == wanted.get("color_space")
    assert video.color_primaries == (wanted.get("color_primaries") if tags is not None else "bt709")
    assert video.color_range in (None, "tv")


def test_real_clip_keeps_its_colours(grid_dir: Path, tmp_path: Path) -> None:
    source = grid_dir / "s3" / "sbia1a.mpg"
    video = probe(source).video
    assert video is not None
    frames = list(read_frames(source, 0, 25))
    clip = tmp_path / "a.mp4"
    with VideoWriter(clip, video.width, video.height, video.rate, color_tags=video.color_tags) as writer:
        for frame in frames:
            writer.write(frame)
    errors = np.stack(list(read_frames(clip))).astype(float) - np.stack(frames)
    assert np.abs(errors.mean(axis=(0, 1, 2))).max() < 0.5
    assert 10 * np.log10(255**2 / (errors**2).mean()) > 38


def test_wide_pixels(tmp_path: Path) -> None:
    video = probe(write(tmp_path / "a.mp4", Timeline.constant(25, 2), sample_aspect=Fraction(12, 11))).video
    assert video is not None
    assert video.sample_aspect == Fraction(12, 11)


def test_wrong_frames(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is wanted"), VideoWriter(tmp_path / "a.mp4", 64, 48, 25) as writer:
        writer.write(np.zeros((48, 64), np.uint8))
    two = Timeline.constant(25, 2)
    with pytest.raises(ValueError, match="more than"), VideoWriter(tmp_path / "a.mp4", WIDTH, HEIGHT, two) as writer:
        for number in range(3):
            writer.write(numbered_frame(number))
    with pytest.raises(ValueError, match="1 of the timeline's 2"):
        with VideoWriter(tmp_path / "a.mp4", WIDTH, HEIGHT, two) as writer:
            writer.write(numbered_frame(0))


@NEEDS_CHILDREN
def test_an_error_ends_the_encoder(tmp_path: Path) -> None:
    before = ffmpegs_at_work()
    with pytest.raises(KeyError), VideoWriter(tmp_path / "a.mp4", WIDTH, HEIGHT, 25) as writer:
        writer.write(numbered_frame(0))
        wait_for_ffmpeg(before)
        raise KeyError
    assert ffmpegs_at_work() == before
    writer.close()  # nothing is left to close


@pytest.mark.parametrize("missing", [0.99, 0.5, 0.001])
def test_full_disk(tmp_path: Path, only_programs: Callable[..., None], missing: float) -> None:
    """It fills up at the beginning, in the middle, or with the last bytes; a limit on the file's size stands in."""
    noise = np.random.default_rng(0).integers(0, 256, (5, 96, 128, 3), np.uint8)
    timeline = random_timeline(20, Fraction(1, 1000))

    def write_noise() -> None:
        with VideoWriter(tmp_path / "a.mp4", 128, 96, timeline, crf=1, threads=1) as writer:
            for number in range(timeline.num_frames):
                writer.write(noise[number % 5])

    write_noise()
    size = (tmp_path / "a.mp4").stat().st_size
    real = {name: f'exec {find_tool(name)} "$@"' for name in ("ffmpeg", "ffprobe")}
    blocks = round(size * (1 - missing)) // 512
    full = f"trap '' XFSZ; ulimit -f {blocks}; {real['ffmpeg']}"  # the signal is ignored, as by Python itself
    only_programs(**real | {"ffmpeg": full})
    with pytest.raises(InputError, match=r"cannot be written \(.*(File too large|Input/output)") as caught:
        write_noise()
    assert caught.value.exit_code == 3


@NEEDS_CHILDREN
def test_encoder_that_is_killed(tmp_path: Path) -> None:
    before = ffmpegs_at_work()
    with pytest.raises(ToolError, match="ended by SIGKILL"):
        with VideoWriter(tmp_path / "a.mp4", WIDTH, HEIGHT, 25) as writer:
            writer.write(numbered_frame(0))
            os.kill(wait_for_ffmpeg(before), signal.SIGKILL)


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        with VideoWriter(tmp_path / "none" / "a.mp4", WIDTH, HEIGHT, 25) as writer:
            for number in range(100):
                writer.write(numbered_frame(number))


def test_no_sound_to_join(tmp_path: Path, make_clip: MakeClip) -> None:
    silent = make_clip("silent.mp4", 3)
    with pytest.raises(InputError, match="has no sound"):
        VideoWriter(tmp_path / "a.mp4", WIDTH, HEIGHT, 25, audio=silent)


def packets(path: Path) -> list[str]:
    """Return the checksums of a video's packets and their times."""
    command = [find_tool("ffmpeg"), "-v", "error", "-i", str(path), "-map", "0:v", "-c", "copy", "-f", "framemd5", "-"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("variable", [False, True])
def test_mux_keeps_the_picture_as_it_is(tmp_path: Path, variable: bool) -> None:
    timeline = random_timeline(30, Fraction(1, 90_000)) if variable else Timeline.constant(Fraction(30000, 1001), 30)
    silent = write(tmp_path / "silent.mp4", timeline, tags={"comment": "kept"})
    sound = write_clicks(tmp_path / "a.wav", [0.2, 0.5], 0.7)
    joined = tmp_path / "joined.mp4"
    mux(silent, sound, joined, audio_duration_s=timeline.duration_s, tags={"title": "new"})
    assert packets(joined) == packets(silent)
    assert read_timeline(joined) == timeline
    assert find_clicks(read_speech(joined), 16_000) == pytest.approx([0.2, 0.5], abs=1e-3)
    assert abs(len(read_speech(joined)) - timeline.duration_s * 16_000) <= 2
    tags = probe(joined).tags
    assert (tags["comment"], tags["title"]) == ("kept", "new")
    with pytest.raises(InputError):
        mux(silent, sound, tmp_path / "none" / "a.mp4")


def test_film_starts_with_its_index(tmp_path: Path, ffmpeg: Ffmpeg) -> None:
    data = write(tmp_path / "a.mp4", Timeline.constant(25, 3)).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(("width", "height"), [(640, 360), (704, 480)])
def test_the_best_quality_is_without_loss_and_the_least_is_taken_too(tmp_path: Path, width: int, height: int) -> None:
    planes = np.random.default_rng(0).integers(16, 236, (3, height * 3 // 2, width), np.uint8)
    for crf, lossless in ((0, True), (51, False)):
        with VideoWriter(tmp_path / f"{crf}.mp4", width, height, 25, crf=crf, is_yuv=True) as writer:
            for each in planes:
                writer.write(YuvFrame(each, "bt709"))
        found = [frame.planes for frame in read_yuv_frames(tmp_path / f"{crf}.mp4", "bt709")]
        assert len(found) == 3
        assert np.array_equal(found, planes) is lossless


@pytest.mark.parametrize(("size", "most"), [((640, 360), 3), ((704, 480), 1)])
def test_large_frames_are_coded_with_few_b_frames(tmp_path: Path, size: tuple[int, int], most: int) -> None:
    with VideoWriter(tmp_path / "a.mp4", *size, 25) as writer:
        for number in range(12):
            writer.write(np.full((size[1], size[0], 3), 40 + number, np.uint8))
    shown = ["-select_streams", "v", "-show_entries", "frame=pict_type", "-of", "csv=p=0", str(tmp_path / "a.mp4")]
    kinds = "".join(run_tool("ffprobe", ["-v", "error", *shown]).stdout.decode().split()).replace(",", "")
    assert max(len(row) for row in kinds.replace("I", "P").split("P")) == most
