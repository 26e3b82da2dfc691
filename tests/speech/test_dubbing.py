"""Lines of subtitles spoken, each in its time."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.speech.dubbing import FASTEST, RATE, describe_fit, dub
from lipsync_cli.speech.timed_text.span import Span


def speak(text: str) -> np.ndarray:
    """A tone of a tenth of a second for each letter, with half a second of silence around it."""
    if text == "?":
        raise NothingToDoError("made no sound of this text")
    quiet = np.zeros(RATE // 2, np.float32)
    tone = np.sin(np.arange(len(text) * RATE // 10) * 0.2).astype(np.float32)
    return np.concatenate([quiet, tone, quiet])


def spoken_at(voice: np.ndarray) -> list[tuple[float, float]]:
    """Give when the voice is heard, in seconds."""
    loud = np.flatnonzero(np.abs(voice) > 0.1)
    cuts = np.flatnonzero(np.diff(loud) > RATE // 50)
    starts, ends = loud[np.r_[0, cuts + 1]], loud[np.r_[cuts, len(loud) - 1]]
    return [(float(start) / RATE, float(end) / RATE) for start, end in zip(starts, ends, strict=True)]


def test_each_line_is_spoken_from_its_start_with_silence_between():
    voice, fitted = dub([Span("abc", 1.0, 2.0, 2), Span("abcde", 3.0, 4.0, 6)], speak)
    (first, second) = spoken_at(voice)
    assert first == (pytest.approx(1.0, abs=0.05), pytest.approx(1.3, abs=0.05))
    assert second == (pytest.approx(3.0, abs=0.05), pytest.approx(3.5, abs=0.05))
    assert len(voice) == 4 * RATE
    assert describe_fit(fitted) == []


def test_a_line_that_is_too_long_is_spoken_faster_and_said():
    voice, fitted = dub([Span("a" * 12, 0.0, 1.0, 2)], speak)
    assert spoken_at(voice)[0][1] == pytest.approx(1.0, abs=0.06)
    assert describe_fit(fitted) == ["1 line is spoken faster to fit, at most 1.24 times (line 2)"]


def test_a_line_may_go_on_until_the_next_one_at_the_highest_rate():
    _, fitted = dub([Span("a" * 20, 0.0, 1.0, 2), Span("b", 2.0, 3.0, 6)], speak)
    assert fitted[0].factor == FASTEST
    assert fitted[0].end_s < 2.0
    assert "1 line is still spoken after the end, by at most 0.5 s (line 2)" in describe_fit(fitted)


def test_lines_that_do_not_fit_are_told_together():
    spans = [Span("a" * 30, 0.0, 1.0, 2), Span("b" * 30, 1.5, 2.0, 6), Span("c", 2.5, 3.0, 10)]
    with pytest.raises(
        InputError, match=r"^line 2: takes 2.3 s at 1.35 times the usual speed, and has 1.4 s"
    ) as caught:
        dub(spans, speak)
    assert "(and 1 more)" in str(caught.value)


def test_a_line_that_cannot_be_spoken_is_told_by_its_line():
    with pytest.raises(NothingToDoError, match="line 6: made no sound of this text"):
        dub([Span("a", 0.0, 1.0, 2), Span("?", 1.0, 2.0, 6)], speak)
