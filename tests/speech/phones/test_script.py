"""Texts, pronounced and laid out over time."""

from __future__ import annotations

import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.speech.phonemes import PRONUNCIATIONS
from lipsync_cli.speech.phones.pronunciation import Pronouncer, pronounce_grid
from lipsync_cli.speech.phones.script import time_spans, time_text
from lipsync_cli.speech.timed_text.span import Span


def test_all_words_of_grid_are_known():
    assert all(pronounce_grid(word) for word in PRONUNCIATIONS)
    assert pronounce_grid("hello") is None


def test_words_of_two_syllables_have_one_stress():
    for word, stressed in (("again", "ɛ"), ("seven", "ɛ"), ("zero", "ɪ")):
        assert [phone.symbol for phone in pronounce_grid(word) or () if phone.stress] == [stressed]


def test_without_a_transcriber_other_words_are_told():
    with pytest.raises(InputError, match=r"line 7: nobody here can pronounce 'hello'; install espeak-ng"):
        time_spans([Span("Bin blue, hello!", 0.0, 2.0, 7)], Pronouncer(None))


def test_other_words_are_transcribed():
    pronouncer = Pronouncer({"hello now": "h_ə_l_ˈəʊ n_ˈaʊ"}.__getitem__)
    assert [[phone.symbol for phone in word] for word in pronouncer.pronounce_words("hello now")] == [
        ["h", "ə", "l", "ə", "ʊ"],
        ["n", "a", "ʊ"],
    ]


def test_a_letter_of_grid_is_no_article():
    article = Pronouncer({"a": "ɐ"}.__getitem__)
    letter = Pronouncer({"a": "ɐ"}.__getitem__, is_grid=True)
    assert [phone.symbol for phone in article.pronounce("a")] == ["ɐ"]
    assert [phone.symbol for phone in letter.pronounce("a")] == ["e", "ɪ"]


def test_a_word_takes_its_time_and_a_subtitle_no_longer_than_speech():
    (*_, last) = time_spans([Span("bin", 1.0, 9.0)], Pronouncer(None))
    assert last.end_s == pytest.approx(9.0)
    (*_, last) = time_spans([Span("bin blue", 1.0, 9.0)], Pronouncer(None))
    assert last.end_s < 3.0


def test_a_subtitle_that_nobody_could_say_is_told():
    with pytest.raises(InputError, match=r"line 3: 0.10 s are too short for 'bin blue at f two now'"):
        time_spans([Span("bin blue at f two now", 1.0, 1.1, 3)], Pronouncer(None))


def test_a_text_without_times_has_pauses_at_its_punctuation():
    with_pause = time_text("Bin blue. Now.", Pronouncer(None))
    without = time_text("Bin blue now", Pronouncer(None))
    assert [phone.symbol for phone in with_pause] == [phone.symbol for phone in without]
    assert with_pause[-1].end_s > without[-1].end_s + 0.2
