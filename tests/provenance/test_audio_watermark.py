"""The inaudible mark: found where it is, not found where it is not, and the sound as it was."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures.media_clips import HEIGHT, WIDTH, Ffmpeg, numbered_frame

from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.provenance.audio_watermark import HIGH_BAND, HIGH_DB, detect, find_mark, mark
from lipsync_cli.provenance.verify import verify_marks

SPEECH = Path(__file__).resolve().parents[2] / "examples" / "speech.flac"


@pytest.fixture(scope="module")
def speech() -> tuple[np.ndarray, int]:
    samples, rate = soundfile.read(SPEECH, dtype="float32", always_2d=True)
    return samples, rate


def test_the_mark_is_small_and_does_not_depend_on_how_the_sound_is_cut(speech: tuple[np.ndarray, int]) -> None:
    samples, rate = speech
    whole = np.concatenate(list(mark([samples], rate)))
    pieces = np.concatenate(list(mark([samples[:100], samples[100:7777], samples[7777:]], rate)))
    assert whole.shape == samples.shape
    np.testing.assert_allclose(pieces, whole, atol=1e-6)
    error = whole - samples
    assert 10 * np.log10((samples**2).sum() / (error**2).sum()) > 28  # dB
    assert abs(10 * np.log10((whole**2).sum() / (samples**2).sum())) < 0.05
    np.testing.assert_allclose(np.concatenate(list(mark([samples], rate, 0.0))), samples, atol=1e-5)


@pytest.mark.parametrize("length", [0, 1, 255, 256, 257, 5000])
@pytest.mark.parametrize("channels", [1, 2])
def test_as_many_samples_come_out_as_went_in(length: int, channels: int) -> None:
    samples = np.random.default_rng(1).normal(0, 0.1, (length, channels)).astype(np.float32)
    out = list(mark([samples], 16_000))
    assert sum(len(piece) for piece in out) == length
    if length:
        np.testing.assert_allclose(np.concatenate(out), samples, atol=0.1)


def test_it_survives_aac_and_a_cut(speech: tuple[np.ndarray, int], tmp_path: Path, ffmpeg: Ffmpeg) -> None:
    samples, rate = speech
    assert not detect([samples[:, 0]]).found
    assert rate == 16_000
    soundfile.write(tmp_path / "a.wav", np.concatenate(list(mark([samples], rate))), rate)
    ffmpeg("-i", tmp_path / "a.wav", "-ar", 44100, "-c:a", "aac", "-b:a", "128k", tmp_path / "a.m4a")
    ffmpeg("-ss", 0.537, "-i", tmp_path / "a.m4a", "-c:a", "aac", "-b:a", "64k", tmp_path / "b.m4a")
    assert find_mark(tmp_path / "a.m4a").found
    assert find_mark(tmp_path / "b.m4a").found


def test_the_mark_above_hearing_is_beside_the_other_and_lost_without_its_band(
    speech: tuple[np.ndarray, int], tmp_path: Path, ffmpeg: Ffmpeg
) -> None:
    soundfile.write(tmp_path / "a.wav", *speech)
    ffmpeg("-i", tmp_path / "a.wav", "-ar", 48000, "-c:a", "pcm_f32le", tmp_path / "wide.wav")
    wide, rate = soundfile.read(tmp_path / "wide.wav", dtype="float32", always_2d=True)
    marked = np.concatenate(list(mark(np.array_split(wide, 7), rate, high_db=HIGH_DB)))
    once = np.concatenate(list(mark([wide], rate)))
    assert marked.shape == wide.shape
    spectrum = np.abs(np.fft.rfft(marked[:, 0] - once[:, 0])) ** 2
    frequencies = np.fft.rfftfreq(len(marked), 1 / rate)
    inside = (frequencies > 14_900) & (frequencies < 18_100)
    assert spectrum[~inside].sum() < 1e-3 * spectrum.sum()
    assert 10 * np.log10(np.square(marked - once).mean()) == pytest.approx(HIGH_DB, abs=1)
    soundfile.write(tmp_path / "marked.wav", marked, rate, subtype="FLOAT")
    ffmpeg("-i", tmp_path / "marked.wav", "-c:a", "aac", "-b:a", "128k", tmp_path / "b.m4a")
    ffmpeg("-i", tmp_path / "marked.wav", "-ar", 24000, tmp_path / "narrow.wav")
    assert not detect([wide[:, 0]], HIGH_BAND).found
    assert find_mark(tmp_path / "b.m4a", HIGH_BAND).found
    assert find_mark(tmp_path / "b.m4a").found
    assert not find_mark(tmp_path / "narrow.wav", HIGH_BAND).found
    assert find_mark(tmp_path / "narrow.wav").found


def test_a_sound_without_room_takes_no_mark_above_hearing(speech: tuple[np.ndarray, int]) -> None:
    with pytest.raises(ValueError, match="no room"):
        list(mark([speech[0]], speech[1], high_db=HIGH_DB))


def test_silence_and_noise_hold_no_mark() -> None:
    noise = np.random.default_rng(2).normal(0, 0.1, 80_000).astype(np.float32)
    assert not detect([noise]).found
    assert detect([np.zeros(80_000, np.float32)]).score == 0
    assert not np.concatenate(list(mark([np.zeros((8000, 1), np.float32)], 16_000))).any()


def test_a_film_carries_it_in_every_channel_and_on_time(tmp_path: Path) -> None:
    samples, rate = soundfile.read(SPEECH, dtype="float32")
    stereo = np.stack([samples, 0.5 * samples], axis=1)
    soundfile.write(tmp_path / "stereo.wav", stereo, rate)
    films = {}
    for marked in (False, True):
        films[marked] = tmp_path / f"{marked}.mp4"
        length_s = Fraction(len(stereo), rate)
        with VideoWriter(
            films[marked], WIDTH, HEIGHT, 25, tmp_path / "stereo.wav", length_s, change_sound=mark if marked else None
        ) as writer:
            for number in range(int(25 * length_s) + 1):
                writer.write(numbered_frame(number % 256))
    plain, marked = (read_speech(films[name]) for name in (False, True))
    assert len(plain) == len(marked)
    assert np.corrcoef(plain, marked)[0, 1] > 0.99  # a shift of one sample would show
    assert verify_marks(films[True])["sound"]["found"]
    assert verify_marks(films[True])["synthetic"]
    assert not verify_marks(films[False])["sound"]["found"]


def test_a_writer_that_is_left_early_leaves_nothing_running(tmp_path: Path) -> None:
    import threading

    with (
        pytest.raises(KeyError),
        VideoWriter(tmp_path / "a.mp4", WIDTH, HEIGHT, 25, SPEECH, change_sound=mark) as writer,
    ):
        writer.write(numbered_frame(1))
        raise KeyError
    assert not any(thread.name == "lipsync-sound" for thread in threading.enumerate())
