"""What a network sees of the sounds of a text, 50 times a second."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.speech.phones.ipa import FEATURES, SILENCE, describe, parse_ipa
from lipsync_cli.speech.phones.timed_phones import (
    NEIGHBOURS,
    WIDTH,
    TimedPhone,
    describe_frames,
    lip_closure,
    spread,
)

EACH = len(FEATURES) + 1
PHONES = [TimedPhone("p", 0.2, 0.3), TimedPhone("a", 0.3, 0.5, 1.0), TimedPhone("m", 0.8, 0.9)]


def sound_at(frame: np.ndarray, place: int) -> np.ndarray:
    return frame[(NEIGHBOURS + place) * EACH : (NEIGHBOURS + place + 1) * EACH - 1]


def test_sounds_are_spread_by_their_lengths():
    timed = spread(parse_ipa("pa").phones, 1.0, 1.6)
    assert [(phone.start_s, phone.end_s) for phone in timed] == [
        (1.0, pytest.approx(1.2)),
        (pytest.approx(1.2), pytest.approx(1.6)),
    ]


def test_a_frame_has_the_sound_and_its_neighbours():
    frames = describe_frames(PHONES, 0, 60)
    assert frames.shape == (60, WIDTH)
    said = frames[20]  # 0.4 s
    for place, symbol in ((-2, SILENCE), (-1, "p"), (0, "a"), (1, SILENCE), (2, "m")):
        np.testing.assert_array_equal(sound_at(said, place), describe(symbol))
    assert said[-4] == pytest.approx(0.5, abs=0.01)
    assert said[-1] == 1.0
    np.testing.assert_array_equal(sound_at(frames[30], 0), describe(SILENCE))


def test_frames_do_not_depend_on_what_else_is_asked_for():
    np.testing.assert_array_equal(describe_frames(PHONES, -10, 70)[10:40], describe_frames(PHONES, 0, 30))


def test_outside_all_sounds_is_silence():
    frames = describe_frames([], -5, 5)
    np.testing.assert_allclose(frames, np.broadcast_to(frames[0], frames.shape), atol=1e-5)
    np.testing.assert_array_equal(sound_at(frames[0], 0), describe(SILENCE))


def test_a_short_gap_is_no_pause():
    frames = describe_frames([TimedPhone("a", 0.0, 0.2), TimedPhone("b", 0.22, 0.4)], 0, 20)
    np.testing.assert_array_equal(sound_at(frames[10], 0), describe("a"))


def test_lips_touch_in_p_b_and_m_and_nowhere_else():
    middles = np.array([0.25, 0.4, 0.6, 0.85])
    np.testing.assert_array_equal(lip_closure(PHONES, middles), [1, 0, 0, 1])
    assert not lip_closure([TimedPhone("a", 0, 1), TimedPhone("n", 1, 2), TimedPhone("f", 2, 3)], middles).any()


@pytest.mark.parametrize("length_s", [0.01, 0.1, 1.0])
def test_every_closure_is_seen_in_a_frame_and_is_short(length_s):
    for start_s in np.linspace(0.5, 0.54, 9):  # wherever it lies between the frames of 25 a second
        closed = lip_closure([TimedPhone("b", start_s, start_s + length_s)], (np.arange(50) + 0.5) / 25)
        assert closed.max() == 1
        assert (closed > 0).sum() <= 4


def test_nothing_said_closes_nothing():
    assert lip_closure([], np.array([0.1])).tolist() == [0]
