"""The sounds of GRID's words, and about when each is said: for metrics that ask for a shape of the lips.

The table is written for the corpus's speakers, who are British: "z" is zed, "r" and "four" end in their vowels.
Symbols are those of ARPAbet without stress.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

CLOSED = frozenset({"P", "B", "M", "F", "V"})  # both lips, or the lower lip and the teeth, are brought together
VOWELS = frozenset({"AA", "AE", "AH", "AO", "AW", "AY", "EH", "EY", "IH", "IY", "OW", "UW"})
VOWEL_LENGTH = 2.0  # consonants that a vowel is as long as: about what it is in citation speech

PRONUNCIATIONS: dict[str, tuple[str, ...]] = {
    word: tuple(sounds.split())
    for word, sounds in {
        "bin": "B IH N", "lay": "L EY", "place": "P L EY S", "set": "S EH T",
        "blue": "B L UW", "green": "G R IY N", "red": "R EH D", "white": "W AY T",
        "at": "AE T", "by": "B AY", "in": "IH N", "with": "W IH DH",
        "a": "EY", "b": "B IY", "c": "S IY", "d": "D IY", "e": "IY", "f": "EH F", "g": "JH IY", "h": "EY CH",
        "i": "AY", "j": "JH EY", "k": "K EY", "l": "EH L", "m": "EH M", "n": "EH N", "o": "OW", "p": "P IY",
        "q": "K Y UW", "r": "AA", "s": "EH S", "t": "T IY", "u": "Y UW", "v": "V IY", "x": "EH K S", "y": "W AY",
        "z": "Z EH D",
        "zero": "Z IH R OW", "one": "W AH N", "two": "T UW", "three": "TH R IY", "four": "F AO",
        "five": "F AY V", "six": "S IH K S", "seven": "S EH V AH N", "eight": "EY T", "nine": "N AY N",
        "again": "AH G EH N", "now": "N AW", "please": "P L IY Z", "soon": "S UW N",
    }.items()
}  # fmt: skip


class Phone(NamedTuple):
    """A speech sound and about when it is said.

    Attributes
    ----------
    symbol : of ARPAbet, without stress
    start_s, end_s : on the clock of the words
    """

    symbol: str
    start_s: float
    end_s: float


def spread_phones(words: Iterable[tuple[str, float, float]]) -> list[Phone]:
    """Spread the sounds of words over the time in which each word is said.

    Within a word a vowel is taken to last `VOWEL_LENGTH` times as long as a consonant; nothing is listened to. On 12
    clips of s1 lengths of 1 to 3 gave nearly the same contrast of the mouth's opening, and earlier times gave less.

    Parameters
    ----------
    words : text, start and end in seconds, as `speech.transcript.Word`

    Returns
    -------
    the sounds in order

    Raises
    ------
    KeyError : a word is not one of GRID's 51; its argument is the word
    """
    phones = []
    for text, start_s, end_s in words:
        symbols = PRONUNCIATIONS[text]
        lengths = [VOWEL_LENGTH if symbol in VOWELS else 1.0 for symbol in symbols]
        unit = (end_s - start_s) / sum(lengths)
        for symbol, length in zip(symbols, lengths, strict=True):
            phones.append(Phone(symbol, start_s, start_s + length * unit))
            start_s += length * unit
    return phones
