"""Words that drive a mouth in place of a recording."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.speech.phones.timed_phones import TimedPhone
from lipsync_cli.synthesis.drivers.text_driver import CHUNK, REST_S, TextDriver

MARGIN = 2
PHONES = [TimedPhone("p", 1.0, 1.1), TimedPhone("a", 1.1, 1.4, 1.0)]
FAR = CHUNK / 50


def encode(frames: np.ndarray) -> np.ndarray:
    """The mean of what is seen around each frame, 384 times."""
    rows = np.lib.stride_tricks.sliding_window_view(frames, 2 * MARGIN + 1, axis=0).mean(2)
    return np.resize(rows, (len(rows), 384)).astype(np.float32)


def make(phones=PHONES, **options) -> TextDriver:
    return TextDriver(Path("words.srt"), phones, encode, MARGIN, **options)


def test_it_lasts_until_the_mouth_has_closed():
    assert make().duration_s == Fraction(7, 5) + REST_S
    assert make(duration_s=Fraction(3)).duration_s == 3


def test_windows_change_where_something_is_said():
    driver = make()
    silent, said, after = driver.windows(np.array([0.1, 1.2, 2.5]))
    assert silent.shape == (21, 384)
    np.testing.assert_allclose(silent, after)
    assert np.abs(said - silent).max() > 0.1


def test_the_mouth_is_at_rest_where_the_lips_touch():
    silent, pressed, said = make().windows(np.array([0.1, 1.05, 1.25]))
    np.testing.assert_allclose(pressed, silent, atol=1e-6)
    assert np.abs(said - silent).max() > 0.1


def test_windows_do_not_depend_on_what_is_asked_for_before():
    phones = [TimedPhone("a", FAR - 0.5, FAR + 0.5), TimedPhone("m", FAR + 0.5, FAR + 0.7)]
    middles = np.arange(FAR - 1, FAR + 1, 0.04)
    whole = make(phones).windows(middles)
    alone = np.concatenate([make(phones).windows(middles[[place]]) for place in range(len(middles))])
    np.testing.assert_array_equal(whole, alone)


def test_the_mouth_is_the_sources_own_in_pauses_where_that_is_kept():
    moments = np.array([0.5, 1.2, 1.79])
    np.testing.assert_array_equal(make(silence="keep").shown(moments), [0, 1, 0])
    np.testing.assert_array_equal(make().shown(moments), 1)
    np.testing.assert_array_equal(make().speech(moments), [0, 1, 0])


def test_facts_tell_texts_and_weights_apart():
    assert make().facts == make().facts
    assert make().facts != make(PHONES[:1]).facts
    assert make().facts != make(weights="other").facts


def test_a_text_cannot_be_heard():
    assert not make().has_sound
    assert make(phones=[]).duration_s == pytest.approx(float(REST_S))
