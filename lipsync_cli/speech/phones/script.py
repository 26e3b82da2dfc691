"""What a text says when: its spans of words, pronounced and spread over their times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lipsync_cli.errors import InputError
from lipsync_cli.speech.phones.ipa import Phone
from lipsync_cli.speech.phones.pronunciation import Pronouncer
from lipsync_cli.speech.phones.timed_phones import TimedPhone, spread
from lipsync_cli.speech.timed_text.span import Span

UNIT_S = 0.06  # usual length of a consonant in fluent speech: 12 sounds or so a second
SLOWEST = 1.6  # times the usual length that the words of a subtitle take at most; the rest of its time is a pause
FASTEST = 0.3  # times the usual length, in which nobody says a subtitle
BEFORE_S = 0.2  # of silence before the first word of a text without times
PAUSES_S = {",": 0.15, ";": 0.2, ":": 0.2, ".": 0.35, "!": 0.35, "?": 0.35, "\n": 0.35}
_PARTS = re.compile(r"[^,;:.!?\n،؛؟。、！？]+[,;:.!?\n،؛؟。、！？]*")
_LIKE = str.maketrans("،؛؟。、！？", ",;?.,!?")


def usual_length(phones: Iterable[Phone]) -> float:
    """Return how long some sounds take in fluent speech, in seconds."""
    return UNIT_S * sum(phone.weight for phone in phones)


def time_spans(spans: Sequence[Span], pronouncer: Pronouncer) -> list[TimedPhone]:
    """Give the sounds of spans, each spread over its time; of a subtitle's words over the time that they take.

    Raises
    ------
    InputError : a span cannot be pronounced, or in its time nobody could say it; by its line
    """
    timed: list[TimedPhone] = []
    for span in spans:
        where = f"line {span.line}: " if span.line else ""
        try:
            phones = pronouncer.pronounce(span.text)
        except InputError as error:
            raise type(error)(where + error.fact, error.path, error.hint) from error
        usual_s, length_s = usual_length(phones), span.end_s - span.start_s
        is_subtitle = len(span.text.split()) > 1
        if is_subtitle and length_s < FASTEST * usual_s:
            fact = f"{where}{length_s:.2f} s are too short for {_short(span.text)!r}, which takes {usual_s:.1f} s"
            raise InputError(fact, hint="give it more time, or say less")
        timed += spread(
            phones, span.start_s, span.start_s + (min(length_s, SLOWEST * usual_s) if is_subtitle else length_s)
        )
    return timed


def time_text(text: str, pronouncer: Pronouncer) -> list[TimedPhone]:
    """Give the sounds of a text without times as fluent speech has them, with pauses at its punctuation.

    Raises
    ------
    LipsyncError : as `Pronouncer.pronounce`
    """
    timed: list[TimedPhone] = []
    now_s = BEFORE_S
    for part in _PARTS.findall(text):
        if any(letter.isalnum() for letter in part):
            phones = pronouncer.pronounce(part.strip())
            timed += spread(phones, now_s, now_s + usual_length(phones))
            now_s = timed[-1].end_s if timed else now_s
        now_s += PAUSES_S.get(part.translate(_LIKE).rstrip(" ")[-1:], 0.0)
    return timed


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
