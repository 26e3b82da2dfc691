"""Media beyond the stated limits are refused in words, before they cost time or memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fixtures.media_clips import Ffmpeg, MakeClip, write_clicks

from lipsync_cli.errors import InputError
from lipsync_cli.media.probe import probe
from lipsync_cli.media.sound.audio import read_speech


def write_float(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    import soundfile

    soundfile.write(path, samples.astype(np.float32), rate, subtype="FLOAT")
    return path


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_a_sample_that_is_no_number_is_named_by_its_time(tmp_path: Path, value: float, rate: int) -> None:
    samples = np.full(2 * rate, 0.1)
    samples[rate] = value
    with pytest.raises(InputError, match=r"no number at (1\.00|0\.99) s"):
        read_speech(write_float(tmp_path / "a.wav", samples, rate))


def test_the_scale_of_integers_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"another scale.*20000 at 0\.00 s.*1/32768"):
        read_speech(write_float(tmp_path / "a.wav", np.full(16_000, 20_000)))


def test_sound_somewhat_beyond_full_scale_is_read(tmp_path: Path) -> None:
    assert read_speech(write_float(tmp_path / "a.wav", np.full(16_000, 4.0))).max() == 4


@pytest.mark.parametrize("size", ["1x1", "12x400", "8192x4400", "64x16500"])
def test_a_picture_of_a_silly_size(ffmpeg: Ffmpeg, tmp_path: Path, size: str) -> None:
    path = tmp_path / "a.png"
    ffmpeg("-f", "lavfi", "-i", f"color=red:s={size},format=gray", "-frames:v", 1, path)
    with pytest.raises(InputError, match=f"its picture has {size} pixels"):
        probe(path)


def test_the_largest_and_the_smallest_picture(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    for size in ("8192x4352", "16x16"):
        path = tmp_path / f"{size}.png"
        ffmpeg("-f", "lavfi", "-i", f"color=red:s={size},format=gray", "-frames:v", 1, path)
        video = probe(path).video
        assert video is not None
        assert f"{video.width}x{video.height}" == size


def test_a_rate_of_one_sample_a_second(tmp_path: Path) -> None:
    path = write_clicks(tmp_path / "a.wav", [0.1], 1, 16_000)
    data = bytearray(path.read_bytes())
    data[24:28] = (1).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(InputError, match="1 samples a second, 4000 to 768000"):
        probe(path)


def test_sound_that_starts_hours_after_the_picture(make_clip: MakeClip, tmp_path: Path) -> None:
    sound = write_clicks(tmp_path / "a.wav", [0.1], 1)
    late = ("-itsoffset", "30000", "-i", sound)
    clip = make_clip("late.mkv", 25, 25, inputs=late)
    with pytest.raises(InputError, match=r"its sound starts (30000|29999|2999\d) s after"):
        probe(clip)


def test_more_than_a_day(make_clip: MakeClip, tmp_path: Path) -> None:
    clip = make_clip("long.mkv", 2, "1/50000")
    with pytest.raises(InputError, match=r"lasts 27\.8 h, at most 24 h"):
        probe(clip)


def test_a_gap_of_hours_amid_the_sound(make_clip: MakeClip, ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    """Of eight hours; nothing in the headers tells of it."""
    sound, gap = write_clicks(tmp_path / "a.wav", [0.1], 2), tmp_path / "gap.mkv"
    jump = "setts=pts=if(gt(N\\,40)\\,PTS+600/TB\\,PTS)"
    ffmpeg("-i", make_clip("a.mp4", 50, inputs=("-i", sound)), "-c", "copy", "-bsf:a", jump, gap)
    with pytest.raises(InputError, match=r"a gap of 28\d\d\d s in its sound"):
        read_speech(gap)
