"""When the sounds of a text are said in a recording of it: speech features of the one beside those of the other.

A path through the text is found that no sound's moments leave, by dynamic programming over time (Sakoe and Chiba 1978).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.speech.phones.ipa import SILENCE, Phone
from lipsync_cli.speech.phones.timed_phones import TimedPhone, describe_frames, spread
from lipsync_cli.speech.speech_features import RATE

if TYPE_CHECKING:
    import numpy as np

STEP_S = 1.0 / RATE
FASTER = 4  # times as fast as the text is laid out that a recording may be, at most
PASSES = 3  # after the first, sounds are described with the lengths that were found
UNIT_S = 0.06  # length of a consonant at first
LEAST = 2  # feature frames of each sound: 40 ms
MOST_CELLS = 60_000_000  # of the table of paths: 2 minutes of speech or so
SKIP_COST = 0.02  # of each moment of the text that is left out


def align(
    words: Sequence[Sequence[Phone]],
    features: np.ndarray,
    encode: Callable[[np.ndarray], np.ndarray],
    margin: int,
    scale: tuple[np.ndarray, np.ndarray],
) -> list[TimedPhone]:
    """Find when the sounds of words are said.

    Parameters
    ----------
    words : the sounds of each; between words there may be pauses
    features : shape (T, 384), of the recording, 50 a second
    encode, margin : gives the speech features of described sounds, see `models.phone_encoder.PhoneEncoder`
    scale : mean and deviation of the features, shape (384,) each

    Raises
    ------
    InputError : the recording is too short for the text, or the two are too long
    """
    import numpy as np

    mean, deviation = scale
    heard = (features - mean) / deviation
    sounds = [phone for word in words for phone in word]
    ends = np.cumsum([len(word) for word in words])
    if LEAST * len(sounds) > FASTER * len(heard) or not sounds:
        raise InputError(f"{len(heard) / RATE:.1f} s of sound are too short for {len(sounds)} speech sounds")
    timed = spread(sounds, 0.0, UNIT_S * sum(phone.weight for phone in sounds))
    for _ in range(PASSES):
        laid, owner = _lay_out(timed, set(ends.tolist()))
        described = describe_frames(laid, -margin, round(laid[-1].end_s * RATE) + margin)
        said = (encode(described) - mean) / deviation
        owner = owner[: len(said)]
        said = said[: len(owner)]
        if len(said) * len(heard) > MOST_CELLS:
            raise InputError("the text and its sound are too long to be aligned", hint="give them part by part")
        places = _find_path(said, heard)
        timed = _read_path(sounds, owner[places])
    return timed


def _lay_out(timed: Sequence[TimedPhone], ends: set[int]) -> tuple[list[TimedPhone], np.ndarray]:
    """Lay sounds out one after the other on the grid of feature frames, with a moment of silence around words.

    Returns
    -------
    the sounds, and whose each frame is: its place among the sounds, -1 for silence
    """
    import numpy as np

    laid, owner, now = [], [-1, -1], 2
    for place, phone in enumerate(timed):
        length = max(LEAST, round((phone.end_s - phone.start_s) * RATE))
        laid.append(TimedPhone(phone.symbol, now * STEP_S, (now + length) * STEP_S, phone.stress))
        owner += [place] * length
        now += length
        if place + 1 in ends:
            laid.append(TimedPhone(SILENCE, now * STEP_S, (now + 2) * STEP_S))
            owner += [-1, -1]
            now += 2
    return laid, np.array(owner)


def _find_path(said: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """Return for each moment of the recording the moment of the text that is said, which never goes back: (T,)."""
    import numpy as np

    one, other = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6) for rows in (said, heard))
    cost = (1 - other @ one.T).astype(np.float32)
    total = np.full(len(said), np.inf, np.float32)
    total[: FASTER + 1] = cost[0, : FASTER + 1]
    steps = np.zeros(cost.shape, np.int8)
    for moment in range(1, len(heard)):
        ways = np.full((FASTER + 1, len(said)), np.inf, np.float32)
        for step in range(FASTER + 1):
            ways[step, step:] = total[: len(said) - step] + SKIP_COST * max(0, step - 1)
        steps[moment] = ways.argmin(0)
        total = ways.min(0) + cost[moment]
    places = np.empty(len(heard), np.int64)
    place = int(len(said) - 1 - np.argmin(total[::-1][: FASTER + 1]))
    for moment in range(len(heard) - 1, -1, -1):
        places[moment] = place
        place -= int(steps[moment, place])
    return places


def _read_path(sounds: Sequence[Phone], owner: np.ndarray) -> list[TimedPhone]:
    """Return when each sound is said, from whose each moment of the recording is; those left out take no time."""
    import numpy as np

    timed: list[TimedPhone] = []
    last = 0
    for place, phone in enumerate(sounds):
        own = np.flatnonzero(owner == place)
        start, stop = (int(own[0]), int(own[-1]) + 1) if len(own) else (last, last)
        timed.append(TimedPhone(phone.symbol, start * STEP_S, stop * STEP_S, phone.stress))
        last = stop
    return timed
