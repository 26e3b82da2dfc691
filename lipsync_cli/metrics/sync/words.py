"""Words that a lip reader misreads: whether it can be seen on the lips what is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lipsync_cli.datasets.word_clips import foreign_word, show_words, to_grey
from lipsync_cli.metrics.metric import CLIP, LOWER, Metric, MetricGroup
from lipsync_cli.metrics.unavailable import MetricUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from lipsync_cli.metrics.clip_view import ClipView
    from lipsync_cli.metrics.metric import Figure
    from lipsync_cli.speech.transcript import Word


class Reading(NamedTuple):
    """What a reader makes of the words of a clip that it sees.

    Attributes
    ----------
    said, read : shape (K,), places in `models.lip_reader.VOCABULARY`
    surprise : shape (K,), minus log2 of the share that the reader gives to the right word
    """

    said: np.ndarray
    read: np.ndarray
    surprise: np.ndarray


def read_lips(
    reader: nn.Module, crops: np.ndarray, middles: np.ndarray, words: Sequence[Word], device: str = "cpu"
) -> Reading:
    """Read each word within its place in GRID's grammar.

    Parameters
    ----------
    reader : `models.lip_reader.LipReader`, in evaluation mode
    crops : shape (n, S, S, 3), uint8 RGB
    middles : shape (n,), s, on the clock of the words
    words : of GRID's vocabulary, in order

    Raises
    ------
    MetricUnavailableError : no word is seen whole
    """
    import torch

    from lipsync_cli.models.lip_reader import log_shares, mouth_of

    shown = show_words(middles, words)
    seen = shown.is_seen
    if not seen.any():
        raise MetricUnavailableError("no face while a word is said")
    faces = to_grey(torch.from_numpy(np.ascontiguousarray(crops[shown.take])).to(device))
    said = torch.from_numpy(shown.words[seen]).to(device)
    spans = torch.from_numpy(shown.spans[seen]).to(device)
    rows, columns = mouth_of(faces.shape[1])
    with torch.inference_mode():
        shares = log_shares(reader(faces[None, :, rows, columns], spans[None])[0], said)
        right = shares.gather(1, said[:, None])[:, 0]
    surprise = -right.double().cpu().numpy() / np.log(2)
    return Reading(shown.words[seen], shares.argmax(1).cpu().numpy(), surprise)


def describe_reader(used: Mapping[str, Any]) -> list[str]:
    """Say how good the reader that was used is, for a reader of its figures: a note, or none if none was used."""
    about = used.get("lip_reader", {})
    if "real_word_error" not in about:
        return []
    return [
        f"words: of real clips held out from its training the lip reader misreads {about['real_word_error']:.1f} % of "
        f"the words and {about['real_letter_error']:.1f} % of the letters; guessing misreads {_CHANCE:.0f} and "
        f"{_CHANCE_LETTER:.0f} %"
    ]


def _measure(evidence: ClipView) -> dict[str, Figure]:
    from lipsync_cli.models.lip_reader import SLOT_OF, SLOTS

    words = evidence.words
    if (foreign := foreign_word(words)) is not None:
        raise MetricUnavailableError(f"{foreign!r} is no word of GRID")
    reading = read_lips(
        evidence.tools.lip_reader(evidence.rule), evidence.crops, evidence.middles, words, evidence.tools.device
    )
    wrong = reading.said != reading.read
    letters = np.array(SLOT_OF)[reading.said] == list(SLOTS).index("letter")
    return {
        "word_error": 100 * float(wrong.mean()),
        "letter_error": 100 * float(wrong[letters].mean())
        if letters.any()
        else MetricUnavailableError("no letter is seen"),
        "word_surprise": float(reading.surprise.mean()),
    }


_CHANCE = 100 * (1 - (4 / 4 + 1 / 25 + 1 / 10) / 6)
_CHANCE_LETTER = 100 * (1 - 1 / 25)
_SOURCE = "Wand, Koutnik and Schmidhuber 2016, section 3, with the reader of `lipsync train --recipe lip-reader`"

FAMILIES = (
    MetricGroup(
        (
            Metric(
                "word_error", "Words misread", "words", CLIP, LOWER,
                "words of the transcript that the lip reader takes for another one of their place in GRID's grammar; "
                f"guessing misreads {_CHANCE:.0f} % of a sentence",
                _SOURCE, unit="%", digits=1,
            ),
            Metric(
                "letter_error", "Letters misread", "words", CLIP, LOWER,
                f"the same of the letters alone, 25 to choose from; guessing misreads {_CHANCE_LETTER:.0f} %",
                _SOURCE, unit="%", digits=1,
            ),
            Metric(
                "word_surprise", "Surprise at the words", "words", CLIP, LOWER,
                "mean of minus log2 of the share that the lip reader gives to the right word; guessing: 2.66",
                _SOURCE, unit="bits", digits=2,
            ),
        ),
        measure=_measure,
        is_continuous=True,
        is_standard=False,
    ),
)  # fmt: skip
