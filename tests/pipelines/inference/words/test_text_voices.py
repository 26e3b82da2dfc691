"""Voices that are opened from texts, from sounds, and from sounds with their words."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.errors import InputError, NothingToDoError, UsageError
from lipsync_cli.media.reading import notes_of
from lipsync_cli.pipelines.inference.words.text_voices import Voices
from lipsync_cli.speech.mel import MelParameters
from lipsync_cli.speech.synthesisers import espeak_library
from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver

SPEECH = Path(__file__).parents[4] / "examples" / "speech.flac"
SRT = "1\n00:00:00,100 --> 00:00:01,000\n{text}\n"


def open_voice(path, words=None, hears="encoder", language=None):
    return Voices(words, None, language)(path, MelParameters(), "close", None, 1.0, hears)


def encode(mel: np.ndarray) -> np.ndarray:
    return np.zeros(((len(mel) + 1) // 2, 384), np.float32)


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def no_espeak(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, espeak_library.PACKAGE, None)


@pytest.fixture
def espeak(monkeypatch, tmp_path):
    """A program that writes every text in the phonetic alphabet as "hello", with a sound that no training had."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "espeak-ng"
    program.write_text(
        "#!/bin/sh\n"
        'case "$*" in *--voices*) printf "Pty Language Age Name File\\n 5 de --/M German gmw/de\\n";;\n'
        '*) printf "(en)h_ə_l_ˈəʊ(de) ʁ_ˈœ_ŋ\\n";; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_text_drives_in_place_of_a_sound(write, no_espeak):
    voice = open_voice(write("a.align", "0 5000 sil\n5000 20000 bin\n20000 30000 blue\n"))
    assert not voice.has_sound
    assert float(voice.duration_s) == pytest.approx(1.6, abs=0.01)
    assert voice.windows(np.array([0.3, 0.7])).shape == (2, 21, 384)
    assert notes_of(voice.path) == []


def test_a_text_without_times_is_laid_out(write, no_espeak):
    assert float(open_voice(write("a.txt", "Bin blue, now.")).duration_s) == pytest.approx(1.9, abs=0.6)


def test_a_sound_is_opened_as_ever():
    with open_voice(SPEECH) as voice:
        assert isinstance(voice, SpeechDriver)


@pytest.mark.parametrize("name", ["a.srt", "a.txt"])
def test_a_sound_and_its_words_drive_together(name, write, no_espeak):
    text = "bin blue now"
    words = write(name, SRT.format(text=text) if name == "a.srt" else text)
    voice, alone = open_voice(SPEECH, words), open_voice(SPEECH)
    moments = np.array([0.5, 0.7])
    assert voice.has_sound
    assert voice.duration_s == alone.duration_s
    assert np.abs(voice.windows(moments, encode) - alone.windows(moments, encode)).max() > 0.1
    assert voice.facts != alone.facts
    voice.close()
    alone.close()


def test_sounds_that_were_never_seen_are_said(write, espeak):
    path = write("a.srt", SRT.format(text="Hallo Röng"))
    voice = open_voice(path, language="de")
    assert voice.windows(np.array([0.5])).shape == (1, 21, 384)
    (told,) = notes_of(path)
    assert "that the weights never saw" in told
    assert told.endswith(": h ʁ œ ŋ")


def test_a_language_without_a_voice_is_told(write, espeak):
    path = write("a.srt", SRT.format(text="Bonjour"))
    with pytest.raises(InputError, match=r"a.srt: line 2: espeak-ng has no voice for the language fr"):
        open_voice(path, language="fr")


def test_letters_of_another_language_are_told(write, espeak):
    path = write("a.srt", SRT.format(text="Доброе утро"))
    with pytest.raises(InputError, match=r"line 2: the text is in Cyrillic letters, and the voice speaks de; .* as ru"):
        open_voice(path, language="de")


@pytest.mark.parametrize(
    ("name", "text", "error", "told"),
    [
        (
            "a.srt",
            SRT.format(text="hello"),
            InputError,
            r"line 2: nobody here can pronounce 'hello'; install espeak-ng",
        ),
        ("a.txt", "hello", InputError, r"nobody here can pronounce 'hello'"),
        ("a.txt", " \n", NothingToDoError, r"holds no words"),
        ("a.txt", "a\0b", InputError, r"line 1: holds a NUL character"),
        ("a.srt", "hello", NothingToDoError, r"holds no words"),
    ],
)
def test_a_text_that_cannot_be_said_is_told_in_one_line(name, text, error, told, write, no_espeak):
    path = write(name, text)
    with pytest.raises(error, match=told) as caught:
        open_voice(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_weights_that_hear_mels_are_told(write, no_espeak):
    path = write("a.align", "0 20000 bin\n")
    for speech, words in ((path, None), (SPEECH, path)):
        with pytest.raises(InputError, match=r"has words, and the generator hears mels alone; leave out --weights"):
            open_voice(speech, words, hears="mel")


def test_the_words_of_a_text_are_its_own(write, no_espeak):
    path = write("a.align", "0 20000 bin\n")
    with pytest.raises(UsageError, match="leave out --words"):
        open_voice(path, path)
