"""Frames in 4:2:0: they read like RGB, cost no bit where nothing is changed, and go through files unchanged."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.media.ffmpeg import run_tool
from lipsync_cli.media.probe import probe
from lipsync_cli.media.timeline import Timeline
from lipsync_cli.media.video.decode import read_frames, read_yuv_frames
from lipsync_cli.media.video.encode import MATRICES, VideoWriter
from lipsync_cli.media.video.picture_format import plan_conversion
from lipsync_cli.media.video.yuv_frame import SHARES, YuvFrame, cut_out, grey, mix

WIDTH, HEIGHT = 64, 48


@pytest.fixture
def frame() -> YuvFrame:
    """Noise within the range of RGB."""
    random = np.random.default_rng(0)
    luma = random.integers(90, 160, (HEIGHT, WIDTH))
    chroma = random.integers(110, 146, (HEIGHT // 2, WIDTH))
    return YuvFrame(np.concatenate([luma, chroma]).astype(np.uint8), "bt709")


@pytest.mark.parametrize(
    ("matrix", "rgb", "yuv"),
    [  # 100 % colour bars as broadcast: ITU-R BT.601 and BT.709
        ("smpte170m", (255, 255, 255), (235, 128, 128)),
        ("smpte170m", (0, 0, 0), (16, 128, 128)),
        ("smpte170m", (255, 0, 0), (81, 90, 240)),
        ("smpte170m", (0, 255, 0), (145, 54, 34)),
        ("bt709", (255, 0, 0), (63, 102, 240)),
        ("bt709", (0, 255, 0), (173, 42, 26)),
        ("bt709", (0, 0, 255), (32, 240, 118)),
    ],
)
def test_colour_bars(matrix, rgb, yuv):
    planes = np.repeat(np.uint8([yuv[0]] * 4 + list(yuv[1:])), 2).reshape(6, 2)
    bar = YuvFrame(planes, matrix)
    assert np.abs(np.asarray(bar).astype(int) - rgb).max() <= 2  # the bars' values are rounded
    black = YuvFrame(np.repeat(np.uint8([16] * 4 + [128] * 2), 2).reshape(6, 2), matrix)
    everything = slice(0, 4), slice(0, 2)
    painted = mix(black, *everything, np.full((4, 2, 3), rgb, np.float32), np.ones((4, 2), np.float32))
    np.testing.assert_array_equal(painted.planes, planes)


@pytest.mark.parametrize("matrix", sorted(SHARES))
def test_it_reads_as_ffmpeg_converts(frame, matrix, tmp_path):
    raw = tmp_path / "planes.yuv"
    raw.write_bytes(frame.planes.tobytes())
    convert = f"scale=in_color_matrix={MATRICES[matrix]}"
    chain = f"{convert}:flags=neighbor+accurate_rnd+full_chroma_int,format=gbrp,format=rgb24"
    given = ["-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", f"{WIDTH}x{HEIGHT}", "-i", str(raw)]
    result = run_tool("ffmpeg", ["-v", "error", *given, "-vf", chain, "-f", "rawvideo", "-"])
    wanted = np.frombuffer(result.stdout, np.uint8).reshape(HEIGHT, WIDTH, 3)
    assert np.abs(np.asarray(YuvFrame(frame.planes, matrix)).astype(int) - wanted).max() <= 1


@pytest.mark.parametrize(
    "part",
    [
        np.s_[:, :],
        np.s_[3:20, 5:18],
        np.s_[4:5, 63:],
        np.s_[2::5, 1::7],
        np.s_[10:10, 3:9],
        np.s_[-3:, :-60],
    ],
)
def test_a_part_is_the_part_of_the_whole(frame, part):
    whole = np.asarray(frame)
    assert frame.shape == whole.shape == (HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(frame[part], whole[part])


def test_grey_is_the_brightness(frame):
    rows, columns = slice(3, 40), slice(7, 50)
    bright = frame.grey(rows, columns).astype(int)
    own = grey(YuvFrame(frame.planes, "smpte170m"), rows, columns).astype(int)
    as_array = grey(np.asarray(YuvFrame(frame.planes, "smpte170m")), rows, columns)
    np.testing.assert_array_equal(own, bright)
    assert np.abs(own - as_array).max() <= 1


@pytest.mark.parametrize(("rows", "columns"), [((10, 30), (20, 40)), ((11, 30), (21, 40)), ((0, 47), (13, 64))])
def test_what_is_mixed_in_shows_by_its_weight_and_nothing_else_changes_a_bit(frame, rows, columns):
    rows, columns = slice(*rows), slice(*columns)
    shape = rows.stop - rows.start, columns.stop - columns.start
    weight = np.zeros(shape, np.float32)
    weight[4:-4, 4:-4] = 1
    weight[9:-9, 9:-9] = 0.5
    part = np.full((*shape, 3), (180, 120, 90), np.float32)
    before = frame.planes.copy()
    mixed = mix(frame, rows, columns, part, weight)
    np.testing.assert_array_equal(frame.planes, before)
    as_array = mix(np.asarray(frame), rows, columns, part, weight)
    grey_of = np.array([0.2126, 0.7152, 0.0722])
    difference = (np.asarray(mixed).astype(float) - as_array) @ grey_of
    assert np.abs(difference).max() < 1.5  # brightness has full resolution
    touched = np.zeros((HEIGHT, WIDTH), bool)
    touched[rows, columns] = weight > 0
    np.testing.assert_array_equal(mixed.planes[:HEIGHT][~touched], before[:HEIGHT][~touched])
    blocks = touched.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).any((1, 3))
    after, before = (p[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2) for p in (mixed.planes, before))
    np.testing.assert_array_equal(after[:, ~blocks], before[:, ~blocks])
    assert (after[:, blocks] != before[:, blocks]).any()
    inside = slice(rows.start + 6, rows.start + 7), slice(columns.start + 6, columns.stop - 6)  # colours spread by one
    assert np.abs(np.asarray(mixed)[inside].astype(int) - (180, 120, 90)).max() <= 1
    nothing = mix(frame, rows, columns, part, np.zeros_like(weight))
    np.testing.assert_array_equal(nothing.planes, frame.planes)


@pytest.mark.parametrize(
    "part", [(3, 5, 24, 17), (0, 0, WIDTH, HEIGHT), (-9, -1, 7, 3), (41, 30, 99, 99), (2, 2, 8, 8)]
)
def test_what_is_cut_out_is_the_part_of_the_whole_and_a_copy(frame, part):
    whole = np.asarray(frame)
    for given in (frame, whole):
        cut, left, top = cut_out(given, *part)
        height, width = cut.shape[:2]
        assert max(0, part[0]) - 1 <= left <= max(0, part[0])
        assert max(0, part[1]) - 1 <= top <= max(0, part[1])
        assert left + width >= min(part[2], WIDTH)
        assert top + height >= min(part[3], HEIGHT)
        np.testing.assert_array_equal(np.asarray(cut), whole[top : top + height, left : left + width])
        own = cut.planes if isinstance(cut, YuvFrame) else cut
        assert not np.shares_memory(own, given.planes if isinstance(given, YuvFrame) else given)


def _write(path: Path, timeline: Timeline | int, matrix: str = "bt709", num_frames: int = 5) -> list[YuvFrame]:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    frames = []
    tags = {"color_space": matrix, "color_primaries": "bt709", "color_transfer": "bt709"}
    with VideoWriter(path, WIDTH, HEIGHT, timeline, crf=0, color_tags=tags, is_yuv=True) as writer:
        for number in range(num_frames):
            luma = 128 + 60 * np.sin(x / 9 + number) * np.cos(y / 7)
            chroma = 128 + 40 * np.sin(y[: HEIGHT // 2] / 5 + x[: HEIGHT // 2] / 11 - number)
            frames.append(YuvFrame(np.rint(np.concatenate([luma, chroma])).astype(np.uint8), matrix))
            writer.write(frames[-1])
    return frames


def _same(frames: list[YuvFrame], path: Path, matrix: str) -> None:
    read = list(read_yuv_frames(path, matrix))
    assert len(read) == len(frames)
    for one, other in zip(read, frames, strict=True):
        np.testing.assert_array_equal(one.planes, other.planes)


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m", "bt2020nc"])
def test_planes_go_through_a_lossless_file_to_the_bit(tmp_path, matrix):
    path = tmp_path / "film.mp4"
    frames = _write(path, 25, matrix)
    video = probe(path).video
    assert video is not None
    assert video.color_space == matrix
    assert video.color_range == "tv"
    conversion = plan_conversion(probe(path))
    assert conversion.matrix == matrix
    _same(frames, path, matrix)
    for planes, pixels in zip(frames, read_frames(path), strict=True):
        assert np.abs(np.asarray(planes).astype(int) - pixels).max() <= 1


def test_planes_keep_the_times_of_a_variable_rate(tmp_path):
    path, timeline = tmp_path / "film.mp4", Timeline(np.array([0, 40, 95, 130, 210, 250]), Fraction(1, 1000))
    _same(_write(path, timeline), path, "bt709")


def test_frames_of_full_range_are_brought_to_the_limited_one(tmp_path):
    path = tmp_path / "full.mp4"
    picture = ["-f", "lavfi", "-i", "color=white:size=64x48:rate=25:duration=0.1"]
    coding = ["-vf", "scale=out_range=pc,format=yuvj420p", "-c:v", "libx264", "-crf", "0"]
    assert run_tool("ffmpeg", ["-v", "error", *picture, *coding, str(path)]).returncode == 0
    video = probe(path).video
    assert video is not None
    assert video.color_range == "pc"
    first = next(iter(read_yuv_frames(path, "smpte170m")))
    assert set(np.unique(first.planes[:48])) == {235}
    assert np.asarray(first).min() >= 254


@pytest.mark.parametrize(("size", "layout"), [("63x48", "yuv444p"), ("64x48", "yuv444p"), ("64x48", "yuv420p10le")])
def test_other_frames_are_converted_to_rgb(tmp_path, size, layout):
    path = tmp_path / "other.mkv"
    picture = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration=0.1"]
    coding = ["-pix_fmt", layout, "-c:v", "ffv1"]
    assert run_tool("ffmpeg", ["-v", "error", *picture, *coding, str(path)]).returncode == 0
    assert plan_conversion(probe(path)).matrix is None


def test_a_writer_takes_one_kind_of_frame(tmp_path, frame):
    with pytest.raises(ValueError, match="even width"):
        VideoWriter(tmp_path / "odd.mp4", 63, 48, 25, is_yuv=True)
    with pytest.raises(ValueError, match="YuvFrame"), VideoWriter(tmp_path / "a.mp4", WIDTH, HEIGHT, 25) as writer:
        writer.write(frame)
    writer = VideoWriter(tmp_path / "b.mp4", WIDTH, HEIGHT, 25, is_yuv=True)
    with pytest.raises(ValueError, match="ndarray"), writer:
        writer.write(np.asarray(frame))


def test_a_cut_file_says_how_many_frames_there_are(tmp_path):
    path = tmp_path / "film.mkv"
    _write(path, 25, num_frames=20)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.6)])
    frames = read_yuv_frames(path, "bt709")
    with pytest.raises(InputError, match=r"damaged|truncated"):
        list(frames)


def test_opencv_agrees_on_where_the_planes_lie(frame):
    """OpenCV's own conversion knows BT.601 only, to about two levels."""
    own = np.asarray(YuvFrame(frame.planes, "smpte170m")).astype(int)
    assert np.abs(own - cv2.cvtColor(frame.planes, cv2.COLOR_YUV2RGB_I420)).max() <= 2
