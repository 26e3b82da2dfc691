"""The sounds of GRID's words."""

from __future__ import annotations

import pytest

from lipsync_cli.models.lip_reader import VOCABULARY
from lipsync_cli.speech.phonemes import CLOSED, PRONUNCIATIONS, VOWELS, spread_phones


def test_every_word_of_the_corpus_has_its_sounds_and_a_vowel() -> None:
    assert set(PRONUNCIATIONS) == set(VOCABULARY)
    assert len(PRONUNCIATIONS) == 51
    for word, sounds in PRONUNCIATIONS.items():
        assert sum(sound in VOWELS for sound in sounds) >= 1, word
        assert all(sound.isupper() for sound in sounds)
    closed = {word for word, sounds in PRONUNCIATIONS.items() if set(sounds) & CLOSED}
    assert closed == {"bin", "blue", "place", "please", "by", "b", "f", "m", "p", "v", "four", "five", "seven"}


def test_sounds_fill_their_word_and_a_vowel_is_twice_as_long() -> None:
    phones = spread_phones([("bin", 1.0, 1.4), ("a", 2.0, 2.1)])
    assert [phone.symbol for phone in phones] == ["B", "IH", "N", "EY"]
    assert phones[0].start_s == 1.0
    assert phones[2].end_s == pytest.approx(1.4)
    assert [phone.end_s - phone.start_s for phone in phones] == pytest.approx([0.1, 0.2, 0.1, 0.1])
    assert phones[1].start_s == phones[0].end_s


def test_a_word_of_another_corpus_is_named() -> None:
    with pytest.raises(KeyError, match="hello"):
        spread_phones([("hello", 0.0, 1.0)])
