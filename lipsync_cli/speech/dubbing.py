"""Lines of subtitles spoken, each fitted into its time, with silence between: one voice for a whole film."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lipsync_cli.errors import InputError, LipsyncError
from lipsync_cli.media.sound.audio import filter_samples
from lipsync_cli.speech.timed_text.span import Span

if TYPE_CHECKING:
    import numpy as np

RATE = 24_000  # samples a second of what is made
FASTEST = 1.35  # times as fast as the synthesiser speaks; beyond it speech is hard to follow
GAP_S = 0.05  # that stays silent before the next line
QUIET = 0.01  # of the loudest sample: what is below it before and after a line is silence
AROUND_S = 0.02  # of this silence that stays


class Fitted(NamedTuple):
    """A line as it is spoken.

    Attributes
    ----------
    span : the line
    factor : how many times as fast as usual
    end_s : when it ends, which may be after the line's own end
    """

    span: Span
    factor: float
    end_s: float


def dub(spans: Sequence[Span], speak: Callable[[str], np.ndarray]) -> tuple[np.ndarray, list[Fitted]]:
    """Speak lines, each from its own start.

    A line that takes longer than its time is spoken faster, at most `FASTEST` times. If that does not do, it may go on
    until the next line begins.

    Parameters
    ----------
    spans : the lines, in order
    speak : gives the samples (n,) of a text at `RATE`

    Returns
    -------
    samples (n,) float32, and how each line was fitted

    Raises
    ------
    InputError : a line does not fit; the first one is named, and how many there are
    LipsyncError : as `speak`, by the line
    """
    import numpy as np

    fitted: list[Fitted] = []
    pieces: list[tuple[int, np.ndarray]] = []
    too_long: list[str] = []
    for place, span in enumerate(spans):
        try:
            spoken = trim(speak(span.text))
        except LipsyncError as error:
            where = f"line {span.line}: " if span.line else ""
            raise type(error)(where + error.fact, error.path, error.hint) from error
        length_s, own_s = len(spoken) / RATE, span.end_s - span.start_s
        most_s = max(own_s, spans[place + 1].start_s - GAP_S - span.start_s) if place + 1 < len(spans) else np.inf
        factor = min(max(1.0, length_s / own_s), FASTEST)
        if length_s / factor > most_s:
            fact = f"takes {length_s / FASTEST:.1f} s at {FASTEST} times the usual speed, and has {most_s:.1f} s"
            too_long.append(f"line {span.line}: {fact}" if span.line else f"{span.text!r} {fact}")
            continue
        if factor > 1:
            stretched = filter_samples(spoken, f"atempo={factor:.4f}", RATE)
            spoken = stretched[: round(len(spoken) / factor)]
        pieces.append((round(span.start_s * RATE), spoken))
        fitted.append(Fitted(span, factor, span.start_s + len(spoken) / RATE))
    if too_long:
        more = f" (and {len(too_long) - 1} more)" if len(too_long) > 1 else ""
        raise InputError(too_long[0] + more, hint="say less, or give it more time")
    end = max([round(spans[-1].end_s * RATE), *(start + len(spoken) for start, spoken in pieces)])
    voice = np.zeros(end, np.float32)
    for start, spoken in pieces:
        voice[start : start + len(spoken)] += spoken
    return voice, fitted


def describe_fit(fitted: Sequence[Fitted]) -> list[str]:
    """Say in words which lines are spoken faster, and which end late."""
    told = []
    faster = [each for each in fitted if each.factor > 1.02]
    late = [each for each in fitted if each.end_s > each.span.end_s + GAP_S]
    if faster:
        most = max(faster, key=lambda each: each.factor)
        told.append(f"{_count(faster)} spoken faster to fit, at most {most.factor:.2f} times ({_name(most)})")
    if late:
        most = max(late, key=lambda each: each.end_s - each.span.end_s)
        told.append(
            f"{_count(late)} still spoken after the end, by at most {most.end_s - most.span.end_s:.1f} s "
            f"({_name(most)})"
        )
    return told


def _count(lines: Sequence[Fitted]) -> str:
    return "1 line is" if len(lines) == 1 else f"{len(lines)} lines are"


def _name(each: Fitted) -> str:
    return f"line {each.span.line}" if each.span.line else repr(each.span.text)


def trim(samples: np.ndarray) -> np.ndarray:
    """Leave out the silence before and after a line: samples (n,) at `RATE`."""
    import numpy as np

    loud = np.flatnonzero(np.abs(samples) > QUIET * np.abs(samples).max(initial=0.0))
    if not len(loud):
        return samples[:0]
    around = round(AROUND_S * RATE)
    return samples[max(0, loud[0] - around) : loud[-1] + around]
