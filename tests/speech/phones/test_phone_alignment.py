"""Words found in a recording of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.speech.phones.alignment import align
from lipsync_cli.speech.phones.pronunciation import pronounce_grid
from lipsync_cli.speech.phones.timed_phones import WIDTH, TimedPhone, describe_frames, spread

MARGIN = 3
MIXING = np.random.default_rng(1).normal(size=(WIDTH - 4, 384)).astype(np.float32)
SCALE = np.zeros(384, np.float32), np.ones(384, np.float32)


def encode(frames: np.ndarray) -> np.ndarray:
    return frames[MARGIN:-MARGIN, :-4] @ MIXING


def test_words_are_found_where_they_are_said():
    words = [pronounce_grid(word) or () for word in ("bin", "blue", "now")]
    times = [(0.4, 0.7), (0.9, 1.5), (2.2, 2.4)]
    said: list[TimedPhone] = []
    for word, (start_s, end_s) in zip(words, times, strict=True):
        said += spread(word, start_s, end_s)
    features = encode(describe_frames(said, -MARGIN, 150 + MARGIN))
    features += np.random.default_rng(2).normal(size=features.shape).astype(np.float32)
    found = align(words, features, encode, MARGIN, SCALE)
    assert [phone.symbol for phone in found] == [phone.symbol for phone in said]
    for one, other in zip(found, said, strict=True):
        assert one.start_s == pytest.approx(other.start_s, abs=0.1)
    assert all(one.end_s <= other.start_s for one, other in pairwise(found))


def test_a_sound_that_is_too_short_is_told():
    words = [pronounce_grid("seven") or ()] * 20
    with pytest.raises(InputError, match=r"0.2 s of sound are too short for 100 speech sounds"):
        align(words, np.zeros((10, 384), np.float32), encode, MARGIN, SCALE)
