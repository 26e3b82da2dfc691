"""Sound as it comes: through a pipe, and from a file that is played."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures.fakes import FakeClock

from lipsync_cli.errors import InputError
from lipsync_cli.media.sound.live_sound import FileFeed, PipeFeed, SoundFeed, read_wav_header
from lipsync_cli.media.sound.raw_sound import RawSound
from lipsync_cli.runtime.wall_clock import WallClock

SOUND = np.linspace(-0.5, 0.5, 3200, dtype=np.float32).reshape(-1, 2)


def read_all(feed: SoundFeed) -> np.ndarray:
    parts = []
    while (piece := feed.read(10.0)) is not None:
        parts.append(piece.samples)
    return np.concatenate(parts)


def wav(subtype: str = "PCM_16", **options: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, SOUND, 16000, subtype, format="WAV", **options)
    return file.getvalue()


@pytest.mark.parametrize("is_raw", [False, True])
def test_pipe_gives_all_that_is_written(is_raw: bool) -> None:
    source, sink = os.pipe()
    data = (SOUND * 32767).astype("<i2").tobytes() if is_raw else wav()
    os.write(sink, data)
    feed = PipeFeed(source, WallClock(), RawSound(16000, "s16le", 2) if is_raw else None)
    assert (feed.sample_rate, feed.channels) == (16000, 2)
    os.close(sink)
    assert np.abs(read_all(feed) - SOUND).max() < 1e-4
    assert feed.read(0) is None
    os.close(source)


def test_pipe_that_gives_nothing_is_not_waited_for() -> None:
    source, sink = os.pipe()
    feed = PipeFeed(source, FakeClock(), RawSound(16000))
    piece = feed.read(0)
    assert piece is not None
    assert piece.samples.shape == (0, 1)
    os.close(sink)
    assert feed.read(10.0) is None
    os.close(source)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT"])
def test_wav_headers_are_read(subtype: str) -> None:
    file = io.BytesIO(wav(subtype))
    raw, size = read_wav_header(file.read)
    assert (raw.sample_rate, raw.channels) == (16000, 2)
    assert size == len(SOUND) * raw.frame_bytes
    assert np.abs(raw.samples(file.read(size)) - SOUND).max() < 0.01


def test_wav_of_a_pipe_has_no_length() -> None:
    file = io.BytesIO(RawSound(8000).header())
    assert read_wav_header(file.read) == (RawSound(8000), None)


@pytest.mark.parametrize(
    ("data", "fact"),
    [
        (b"", "is empty"),
        (b"ID3 and so on, an MP3", "is no WAV; give a WAV, or raw samples with --rate"),
        (wav()[:30], "without samples"),
        (wav("ALAW"), "another coding"),
    ],
)
def test_what_is_no_wav_is_one_line(data: bytes, fact: str) -> None:
    with pytest.raises(InputError, match=fact):
        read_wav_header(io.BytesIO(data).read)


def test_file_is_played_in_real_time(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", SOUND, 16000)
    clock = FakeClock()
    feed, start_s = FileFeed(tmp_path / "a.wav", clock), clock.now()
    piece = feed.read(0.001)
    assert piece is not None
    assert not len(piece.samples)
    assert clock.now() == start_s + 0.001
    found, times = [], []
    while (piece := feed.read(1.0)) is not None:
        found.append(piece.samples)
        times.append(piece.arrived_s - start_s)
    feed.close()
    assert np.abs(np.concatenate(found) - SOUND).max() < 1e-3
    assert np.allclose(times, 0.02 * (1 + np.arange(5)))
    assert clock.now() - start_s == pytest.approx(0.1)
