"""Sound is brought to another rate piece by piece as it would be at once."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.media.sound.resampler import Resampler


def tone(hertz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
def test_tone_stays_where_it_is(rate: int) -> None:
    made = Resampler(rate, 16000).add(tone(440, rate))
    assert len(made) == pytest.approx(8000, abs=40)
    wanted = tone(440, 16000)[: len(made)]
    assert np.abs(made - wanted)[200:].max() < 2e-3


def test_pieces_make_no_difference() -> None:
    sound = np.random.default_rng(0).normal(size=44100).astype(np.float32)
    at_once = Resampler(44100, 16000).add(sound)
    resampler, parts, place = Resampler(44100, 16000), [], 0
    for size in (1, 7, 882, 5000, 0, 38210):
        parts.append(resampler.add(sound[place : place + size]))
        place += size
    assert place == len(sound)
    assert np.array_equal(np.concatenate(parts), at_once)


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    made = Resampler(48000, 16000).add(tone(11000, 48000))
    assert np.abs(made[200:]).max() < 1e-3
