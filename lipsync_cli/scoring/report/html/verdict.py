"""A video in words: whether it is in sync, moves, rests in pauses, and is torn."""

from __future__ import annotations

from collections.abc import Callable

from lipsync_cli.metrics.baselines import OTHER_SOUND, OUTPUT, TRUTH
from lipsync_cli.scoring.report.html.element import Markup, join, tag
from lipsync_cli.scoring.results.records import Results

MOST_OFFSET_MS = 60  # by which sound and lips may be apart before viewers notice (about 1.5 frames)
CLEAR_CONFIDENCE = 2.0  # times that of another sound
LIVELY, MUMBLING, OVERDONE = 3.0, 0.7, 1.4  # % of the eye distance; of the real mouth's movement
RESTLESS_PERCENT = 1.2  # of the eye distance; what a mouth at rest does without
CLEAN_TEAR, TORN_TEAR = 4.0, 6.0  # %; clean mouths have 2 to 6, torn ones 5 to 17 (docs/experiments/033)

GOOD, BAD, OPEN = "good", "bad", "open"  # how a line is marked; OPEN: nothing can be said


def describe_video(results: Results) -> list[tuple[str, str, str]]:
    """Say in words what the figures of a video, or of several, mean.

    Returns
    -------
    question, GOOD, BAD or OPEN, and the answer; none for the test clips of a pack
    """
    if results.scored_row != OUTPUT:
        return []
    questions: tuple[tuple[str, Callable[[Results], tuple[str, str]]], ...] = (
        ("In sync?", _say_sync),
        ("Does the mouth move?", _say_movement),
        ("Does it rest in pauses?", _say_pauses),
        ("Torn lips?", _say_tear),
    )
    return [(question, *answer(results)) for question, answer in questions]


def draw_verdict(results: Results) -> Markup | None:
    """Draw the answers, one below the other; None for what is no video."""
    answers = describe_video(results)
    if not answers:
        return None
    lines = [tag("div", tag("dt", asked), tag("dd", said, class_=f"is-{mark}")) for asked, mark, said in answers]
    note = "Rules of thumb: the figures below say how sure they are, and beside which baselines they are to be read."
    return join(tag("dl", lines, class_="facts verdicts"), tag("p", note, class_="note"))


def _say_sync(results: Results) -> tuple[str, str]:
    offset_ms, confidence = _mean(results, "sync_offset_ms"), _mean(results, "sync_confidence")
    if offset_ms is None or confidence is None:
        return OPEN, _why(results, "sync_offset_ms", "sync")
    other = _mean(results, "sync_confidence", OTHER_SOUND)
    beside = "" if other is None else f", {other:.2f} with another sound"
    measured = f"best at a shift of {offset_ms:+.0f} ms, confidence {confidence:.2f}{beside}"
    if other is not None and confidence < CLEAR_CONFIDENCE * other:
        return BAD, f"Not that one could tell: {measured}."
    if abs(offset_ms) > MOST_OFFSET_MS:
        late = "late" if offset_ms > 0 else "early"
        return BAD, f"No: the lips are {abs(offset_ms):.0f} ms {late}; {measured}."
    return GOOD, f"Yes: {measured}."


def _say_movement(results: Results) -> tuple[str, str]:
    amplitude = _mean(results, "opening_amplitude")
    if amplitude is not None:
        said = f"{100 * amplitude:.0f} % of what the real mouth does"
        if amplitude < MUMBLING:
            return BAD, f"Too little: {said}."
        return (BAD, f"Too much: {said}.") if amplitude > OVERDONE else (GOOD, f"Yes: {said}.")
    overall = results.overall.get(OUTPUT, {}).get("mouth_opening")
    if overall is None or overall.max is None or overall.min is None:
        return OPEN, _why(results, "mouth_opening", "mouth_opening (lipsync-cli[models])")
    span = overall.max - overall.min
    said = f"its opening varies by {span:.1f} % of the distance of the eyes"
    return (GOOD, f"Yes: {said}.") if span >= LIVELY else (BAD, f"Hardly: {said}.")


def _say_pauses(results: Results) -> tuple[str, str]:
    leak, real = _mean(results, "silence_leak"), _mean(results, "silence_leak", TRUTH)
    if leak is None:
        return OPEN, _why(results, "silence_leak", "silence_leak (lipsync-cli[models])")
    beside = "" if real is None else f", the real one's by {real:.2f} %"
    said = f"in pauses its opening varies by {leak:.2f} % of the distance of the eyes{beside}"
    limit = RESTLESS_PERCENT if real is None else max(RESTLESS_PERCENT, 1.25 * real)
    return (GOOD, f"Yes: {said}.") if leak <= limit else (BAD, f"No, the source's mouth may show through: {said}.")


def _say_tear(results: Results) -> tuple[str, str]:
    tear = _mean(results, "tear")
    if tear is None:
        return OPEN, _why(results, "tear", "tear, with the source video as --reference and --align")
    said = f"{tear:.1f} %; clean mouths have 2 to 6, torn ones 5 to 17"
    if tear <= CLEAN_TEAR:
        return GOOD, f"No: {said}."
    return (BAD, f"Look at it: {said}.") if tear > TORN_TEAR else (OPEN, f"Not clear: {said}.")


def _mean(results: Results, metric: str, row: str = OUTPUT) -> float | None:
    found = results.overall.get(row, {}).get(metric)
    return None if found is None else found.mean


def _why(results: Results, metric: str, ask_for: str) -> str:
    """Say why a question has no answer."""
    reason = results.reasons.get(OUTPUT, {}).get(metric)
    return f"Not measured: {reason}." if reason else f"Not measured: it needs --metrics {ask_for}."
