"""The log-mel against librosa's, and the window of a frame against a clock."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.speech.mel import SILENCE, WINDOW, MelParameters, log_mel, window, window_start, windows

GOLDEN = Path(__file__).parent.parent / "golden" / "mel.npz"


@pytest.mark.parametrize("name", ["even", "odd", "short"])
def test_log_mel_equals_librosa(name):
    with np.load(GOLDEN, allow_pickle=False) as golden:
        samples, expected = golden[f"{name}_samples"].astype(np.float32) / 32768, golden[f"{name}_mel"]
    mel = log_mel(samples)
    assert mel.dtype == np.float32
    assert mel.shape == expected.shape == (1 + len(samples) // 200, 80)
    np.testing.assert_allclose(mel, expected, atol=1e-4)


@pytest.mark.slow  # librosa takes seconds to import; `test_log_mel_equals_librosa` has what it has computed
def test_log_mel_equals_librosa_on_real_speech(example_voice):
    librosa = pytest.importorskip("librosa")
    import soundfile
    from scipy.signal import lfilter

    samples, _ = soundfile.read(example_voice, dtype="float32")
    magnitude = np.abs(librosa.stft(y=lfilter([1, -0.97], [1], samples), n_fft=800, hop_length=200, win_length=800))
    basis = librosa.filters.mel(sr=16000, n_fft=800, n_mels=80, fmin=55, fmax=7600)
    level = 20 * np.log10(np.maximum(1e-5, basis @ magnitude)) - 20
    np.testing.assert_allclose(log_mel(samples), np.clip(8 * (level + 100) / 100 - 4, -4, 4).T, atol=1e-4)


def test_long_recordings_are_transformed_in_blocks_without_seams():
    samples = np.random.default_rng(0).standard_normal(2100 * 200).astype(np.float32) * 0.1
    whole = log_mel(samples)
    piece = log_mel(samples[1000 * 200 : 1060 * 200])
    np.testing.assert_allclose(whole[1005:1050], piece[5:50], atol=1e-5)


def test_silence_is_the_lowest_value_and_nothing_is_one_silent_frame():
    assert (log_mel(np.zeros(16000, np.float32)) == SILENCE).all()
    assert (log_mel(np.zeros(0, np.float32)) == SILENCE).all()
    assert log_mel(np.zeros(0, np.float32)).shape == (1, 80)
    assert log_mel(np.ones(48000, np.float32)).shape == (241, 80)  # 3 s


@pytest.mark.parametrize("samples", [np.zeros((2, 100)), np.array([0.0, np.nan]), np.array([np.inf])])
def test_samples_that_are_no_sound_are_refused(samples):
    with pytest.raises(ValueError, match="one row of finite"):
        log_mel(samples)


RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(50)]


@pytest.mark.parametrize("rate", RATES, ids=str)
def test_a_click_lies_in_the_middle_of_the_window_of_its_frame(rate):
    """A click at the middle of frame n is loudest at the middle of that frame's window, to half a mel frame."""
    for number in (0, 1, 7, 40, 61):
        middle = (number + Fraction(1, 2)) / rate
        samples = np.zeros(4 * 16000, np.float32)
        samples[round(middle * 16000)] = 1.0
        loudness = window(log_mel(samples), middle).mean(1)
        above = np.flatnonzero(loudness > SILENCE + 0.5)
        centre = (above[0] + above[-1]) / 2
        assert abs(centre - WINDOW // 2) <= 1  # frames 12.5 ms apart see the click through windows of 50 ms
        nearest = window_start(middle) + WINDOW // 2
        assert abs(nearest / Fraction(80) - middle) <= Fraction(1, 160)  # half a mel frame


def test_window_starts_agree_for_fractions_floats_and_arrays():
    rates = [Fraction(10), Fraction(16), Fraction(80), *RATES]
    for rate in rates:
        middles = [(n + Fraction(1, 2)) / rate for n in range(500)]
        array = window_start(np.array([float(middle) for middle in middles]))
        assert array.dtype == np.int64
        assert array.tolist() == [window_start(middle) for middle in middles]


def test_windows_stay_within_their_recording():
    first, second = np.full((40, 80), 1.0, np.float32), np.full((50, 80), 2.0, np.float32)
    store = np.concatenate([first, second])
    cut = windows(store, np.array([-13, 30, -5, 40]), np.array([0, 0, 40, 40]), np.array([40, 40, 50, 50]))
    assert cut.shape == (4, WINDOW, 80)
    assert (cut[0, :13] == SILENCE).all()
    assert (cut[0, 13:] == 1).all()
    assert (cut[1, :10] == 1).all()
    assert (cut[1, 10:] == SILENCE).all()
    assert (cut[2, :5] == SILENCE).all()
    assert (cut[2, 5:] == 2).all()
    assert (cut[3, :10] == 2).all()
    assert (cut[3, 10:] == SILENCE).all()
    np.testing.assert_array_equal(windows(second, np.array([-5]))[0], cut[2])
    assert (store[:40] == 1).all()
    assert (windows(store[:0], np.array([3])) == SILENCE).all()


def test_parameters_survive_json_and_differences_are_named():
    parameters = MelParameters()
    assert MelParameters.from_dict(parameters.to_dict()) == parameters
    with pytest.raises(InputError, match=r"fmax is 7600.0 here and 8000.0 there"):
        parameters.check_same(MelParameters(fmax=8000.0))
    with pytest.raises(InputError, match="unknown name in the mel parameters: hop"):
        MelParameters.from_dict({"hop": 3})
