"""Speech features: the spectrogram and the network against golden values, chunks, windows, and their errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.formats.speech_encoder_weights import load_speech_encoder, make_encode
from lipsync_cli.speech.speech_features import (
    CHUNK,
    DIM,
    N_MELS,
    RATE,
    SILENT_MEL,
    WINDOW,
    Encode,
    FeatureParameters,
    FeatureStream,
    cut_windows,
    encode_silence,
    encode_sound,
    log_power,
    whisper_mel,
    window_places,
)

GOLDEN = Path(__file__).parent.parent / "golden" / "speech_features.npz"


def sound() -> np.ndarray:
    return np.load(GOLDEN)["samples"].astype(np.float32) / 32768


@pytest.fixture(scope="module")
def encode() -> Encode:
    return make_encode(load_speech_encoder())


def test_spectrogram_is_whispers() -> None:
    mel = whisper_mel(log_power(sound()))
    assert mel.shape == (201, N_MELS)
    assert np.abs(mel[::9] - np.load(GOLDEN)["mel"]).max() < 1e-4


def test_encoder_is_whispers(encode: Encode) -> None:
    features = encode(whisper_mel(log_power(sound())))
    assert features.shape == (101, DIM)
    assert np.abs(features[::9] - np.load(GOLDEN)["features"]).max() < 2e-3
    assert np.load(GOLDEN)["features"].std() > 0.5


def test_louder_sound_gives_the_same_features_at_the_gain_that_evens_it(encode: Encode) -> None:
    quiet = encode_sound(sound() / 10, encode, gain_db=20.0)
    assert np.abs(quiet - encode_sound(sound(), encode)).max() < 2e-2


def test_silence_is_the_floor() -> None:
    assert np.allclose(whisper_mel(log_power(np.zeros(16000, np.float32))), SILENT_MEL)


def _echo(mel: np.ndarray) -> np.ndarray:
    """Stands for an encoder: each frame is the mean of its own mel row, and knows nothing of the others."""
    return np.repeat(mel[::2].mean(1, keepdims=True), DIM, axis=1)


def test_what_is_asked_for_and_in_what_order_changes_nothing(encode: Encode) -> None:
    rng = np.random.default_rng(1)
    mel = rng.uniform(SILENT_MEL, 1, (2 * (2 * CHUNK + 130), N_MELS)).astype(np.float32)
    whole = FeatureStream(lambda a, b: mel[a:b], len(mel), encode).frames(0, len(mel))
    assert whole.shape == (len(mel) // 2, DIM)
    stream = FeatureStream(lambda a, b: mel[a:b], len(mel), encode)
    for first in (2 * CHUNK + 5, CHUNK - 20, 0, 3):
        assert np.array_equal(stream.frames(first, first + 40), whole[first : first + 40])


def test_a_border_between_chunks_is_no_jump(encode: Encode) -> None:
    """What chunks say differs from what one pass over all says by an offset that fades in, not by a step."""
    samples = np.tile(sound(), 9)
    mel = whisper_mel(log_power(samples))
    apart = encode_sound(samples, encode) - encode(mel)[: (len(mel) + 1) // 2]
    steps = np.abs(np.diff(apart, axis=0)).mean(1)
    assert steps[CHUNK - 1 : CHUNK + 12].max() <= np.percentile(steps, 99)
    assert np.abs(apart).mean() < 0.25 * encode(mel).std()


def test_chunks_join_without_a_seam_where_the_encoder_has_no_context() -> None:
    mel = np.random.default_rng(2).uniform(0, 1, (4 * CHUNK + 60, N_MELS)).astype(np.float32)
    features = FeatureStream(lambda a, b: mel[a:b], len(mel), _echo).frames(0, len(mel))
    assert np.abs(features - _echo(mel)).max() < 1e-5


@pytest.mark.parametrize("rate", [25, 24000 / 1001, 30, 50, 60])
def test_windows_are_centred_on_the_frame(rate: float) -> None:
    """Features that are their own times come out of a window's middle as the frame's time, at any frame rate."""
    features = np.repeat(np.arange(500, dtype=np.float32)[:, None] / RATE, DIM, axis=1)
    middles = (np.arange(100) + 0.5) / rate
    starts, parts = window_places(middles)
    windows = cut_windows(features, starts, parts, np.zeros(DIM, np.float32))
    inside = middles > WINDOW / RATE
    assert windows.shape == (100, WINDOW, DIM)
    assert np.abs(windows[inside, WINDOW // 2, 0] - middles[inside]).max() < 1e-5


def test_outside_the_recording_is_silence() -> None:
    silence = np.full(DIM, 7.0, np.float32)
    windows = cut_windows(np.zeros((10, DIM), np.float32), *window_places(np.array([-5.0, 0.1, 60.0])), silence)
    assert (windows[0] == 7).all()
    assert (windows[2] == 7).all()
    assert (windows[1] == 0).any()
    assert (windows[1] == 7).any()
    assert (cut_windows(np.zeros((0, DIM), np.float32), *window_places(np.array([0.0])), silence) == 7).all()


def test_silence_is_the_same_whoever_encodes_it(encode: Encode) -> None:
    silence = encode_silence(encode)
    assert silence.shape == (DIM,)
    assert np.array_equal(silence, encode_silence(encode))


def test_other_parameters_are_named() -> None:
    with pytest.raises(InputError, match="layer is 3 here and 2 there"):
        FeatureParameters().check_same(FeatureParameters(layer=2))
    with pytest.raises(InputError, match="unknown name in the feature parameters: colour"):
        FeatureParameters.from_dict({"colour": 1})
    assert FeatureParameters.from_dict(FeatureParameters().to_dict()) == FeatureParameters()


def test_a_file_without_the_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        load_speech_encoder(path=tmp_path / "none.safetensors")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    with pytest.raises(InputError, match="does not hold the speech encoder"):
        load_speech_encoder(path=broken)


def test_samples_must_be_finite() -> None:
    with pytest.raises(ValueError, match="finite"):
        log_power(np.array([0.0, np.nan]))
