"""The speech sounds of the International Phonetic Alphabet by how they are made, so that a language is data.

A sound that was never seen in training has the features of sounds that were: a bilabial fricative closes the lips as a
bilabial plosive does (International Phonetic Association 1999, "Handbook of the International Phonetic Association").
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

SILENCE = ""  # the symbol of a pause
VOWEL_LENGTH = 2.0  # consonants that a vowel is as long as: about what it is in citation speech
LONG_LENGTH = 2.5  # the same of a long vowel
GLIDE_SHARE = 0.4  # of a diphthong's length that belongs to its second half

PLACES = ("bilabial", "labiodental", "dental", "alveolar", "postalveolar", "palatal", "velar", "back")
MANNERS = ("plosive", "nasal", "fricative", "approximant", "lateral", "trill")
FEATURES = ("silence", "vowel", "open", "front", "rounded", "voiced", "long", *PLACES, *MANNERS)

# Consonants by place and manner: the voiceless, then the voiced; "back" is uvular, pharyngeal and glottal.
_CONSONANTS = {
    ("bilabial", "plosive"): ("p", "b"),
    ("bilabial", "nasal"): ("", "m"),
    ("bilabial", "fricative"): ("ɸ", "β"),
    ("bilabial", "trill"): ("", "ʙ"),
    ("bilabial", "approximant"): ("ʍ", "wɥ"),
    ("labiodental", "nasal"): ("", "ɱ"),
    ("labiodental", "fricative"): ("f", "v"),
    ("labiodental", "approximant"): ("", "ʋ"),
    ("dental", "fricative"): ("θ", "ð"),
    ("alveolar", "plosive"): ("t", "d"),
    ("alveolar", "nasal"): ("", "n"),
    ("alveolar", "fricative"): ("s", "z"),
    ("alveolar", "approximant"): ("", "ɹ"),
    ("alveolar", "lateral"): ("ɬ", "lɮɫ"),
    ("alveolar", "trill"): ("", "rɾ"),
    ("postalveolar", "plosive"): ("ʈ", "ɖ"),
    ("postalveolar", "nasal"): ("", "ɳ"),
    ("postalveolar", "fricative"): ("ʃʂɕ", "ʒʐʑ"),
    ("postalveolar", "approximant"): ("", "ɻ"),
    ("postalveolar", "lateral"): ("", "ɭ"),
    ("postalveolar", "trill"): ("", "ɽ"),
    ("palatal", "plosive"): ("c", "ɟ"),
    ("palatal", "nasal"): ("", "ɲ"),
    ("palatal", "fricative"): ("ç", "ʝ"),
    ("palatal", "approximant"): ("", "j"),
    ("palatal", "lateral"): ("", "ʎ"),
    ("velar", "plosive"): ("k", "gɡ"),
    ("velar", "nasal"): ("", "ŋ"),
    ("velar", "fricative"): ("xɧ", "ɣ"),
    ("velar", "approximant"): ("", "ɰ"),
    ("velar", "lateral"): ("", "ʟ"),
    ("back", "plosive"): ("qʔ", "ɢ"),
    ("back", "nasal"): ("", "ɴ"),
    ("back", "fricative"): ("χħhʜ", "ʁʕɦʢ"),
    ("back", "trill"): ("", "ʀ"),
}
_ROUNDED = frozenset("wɥʍʃʒɹ")  # consonants that round the lips
# Vowels: how open, and how far in front, from 0 to 1; the unrounded, then the rounded.
_VOWELS = {
    (0.0, 1.0): ("i", "y"),
    (0.0, 0.5): ("ɨ", "ʉ"),
    (0.0, 0.0): ("ɯ", "u"),
    (0.15, 0.8): ("ɪᵻ", "ʏ"),
    (0.15, 0.2): ("", "ʊᵿ"),
    (0.35, 0.9): ("e", "ø"),
    (0.35, 0.5): ("ɘ", "ɵ"),
    (0.35, 0.0): ("ɤ", "o"),
    (0.5, 0.5): ("əɚ", ""),
    (0.65, 0.8): ("ɛ", "œ"),
    (0.65, 0.5): ("ɜɝ", "ɞ"),
    (0.65, 0.0): ("ʌ", "ɔ"),
    (0.85, 0.8): ("æ", ""),
    (0.85, 0.5): ("ɐ", ""),
    (1.0, 0.7): ("a", "ɶ"),
    (1.0, 0.0): ("ɑ", "ɒ"),
}
_STRESSES = {"ˈ": 1.0, "'": 1.0, "ˌ": 0.5}
_LONG, _HALF_LONG = "ː", "ˑ"
_IGNORED = "ʰʲʷˠˤˀ˞ʼʱⁿˡ‿͜͡.|‖↗↘-"  # secondary articulations, ties and breaks, which change the lips little


class Phone(NamedTuple):
    """A speech sound.

    Attributes
    ----------
    symbol : of the alphabet, perhaps with a length mark
    stress : of a vowel, 0, 0.5 for secondary or 1 for primary
    weight : its length in lengths of a consonant
    """

    symbol: str
    stress: float = 0.0
    weight: float = 1.0


class Parsed(NamedTuple):
    """Speech sounds, and the characters among them that are no symbols of the alphabet."""

    phones: list[Phone]
    unknown: list[str]


def is_vowel(symbol: str) -> bool:
    """Tell whether a sound is a vowel."""
    return bool(symbol) and symbol[0] in _VOWEL_OF


def closes_lips(symbol: str) -> bool:
    """Tell whether both lips are pressed together for a sound: p, b, m and their like."""
    return _CONSONANT_OF.get(symbol[:1], ("", "", False))[:2] in (("bilabial", "plosive"), ("bilabial", "nasal"))


def parse_ipa(text: str) -> Parsed:
    """Read the sounds of a word.

    A stress mark holds up to the next vowel. Neighbouring vowels without a space or an underscore between them are a
    diphthong, which is two sounds of which the second is shorter. Tones, ties and secondary articulations are left out.

    Parameters
    ----------
    text : in the alphabet, its sounds beside each other or parted by spaces or underscores
    """
    phones: list[Phone] = []
    unknown: list[str] = []
    stress, is_new = 0.0, True  # the mark that holds, and whether a vowel begins a sound of its own
    for letter in unicodedata.normalize("NFD", text):
        if letter in " _":
            is_new = True
        elif letter in _STRESSES:
            stress = _STRESSES[letter]
            is_new = True
        elif letter in (_LONG, _HALF_LONG) and phones:
            last = phones[-1]
            weight = LONG_LENGTH / VOWEL_LENGTH * last.weight
            phones[-1] = Phone(last.symbol if letter == _HALF_LONG else last.symbol + _LONG, last.stress, weight)
        elif letter in _VOWEL_OF:
            if not is_new and phones and is_vowel(phones[-1].symbol):
                first = phones[-1]
                phones[-1] = first._replace(weight=(1 - GLIDE_SHARE) * first.weight)
                phones.append(Phone(letter, first.stress, GLIDE_SHARE * first.weight))
            else:
                phones.append(Phone(letter, stress, VOWEL_LENGTH))
            stress, is_new = 0.0, False
        elif letter in _CONSONANT_OF:
            phones.append(Phone(letter))
            is_new = True
        elif letter == "\u0327" and phones and phones[-1].symbol == "c":  # the cedilla of a decomposed c
            phones[-1] = phones[-1]._replace(symbol="ç")
        elif not (unicodedata.combining(letter) or letter in _IGNORED or unicodedata.category(letter) in ("Sk", "Nd")):
            unknown.append(letter)
    return Parsed(phones, unknown)


@lru_cache(maxsize=256)
def describe(symbol: str) -> np.ndarray:
    """Give the features of a sound by `FEATURES`, shape (len(FEATURES),), float32 in [0, 1].

    Raises
    ------
    KeyError : the symbol is none of the alphabet; its argument is the symbol
    """
    import numpy as np

    values = dict.fromkeys(FEATURES, 0.0)
    base = symbol[:1]
    if symbol == SILENCE:
        values["silence"] = 1.0
    elif base in _VOWEL_OF:
        height, front, is_rounded = _VOWEL_OF[base]
        values |= {"vowel": 1.0, "open": height, "front": front, "rounded": float(is_rounded), "voiced": 1.0}
    elif base in _CONSONANT_OF:
        place, manner, is_voiced = _CONSONANT_OF[base]
        values |= {place: 1.0, manner: 1.0, "voiced": float(is_voiced), "rounded": float(base in _ROUNDED)}
    else:
        raise KeyError(symbol)
    values["long"] = float(symbol.endswith(_LONG))
    found = np.array([values[name] for name in FEATURES], np.float32)
    found.setflags(write=False)
    return found


_CONSONANT_OF = {
    symbol: (place, manner, is_voiced)
    for (place, manner), rows in _CONSONANTS.items()
    for is_voiced, symbols in zip((False, True), rows, strict=True)
    for symbol in symbols
}
_VOWEL_OF = {
    symbol: (height, front, is_rounded)
    for (height, front), rows in _VOWELS.items()
    for is_rounded, symbols in zip((False, True), rows, strict=True)
    for symbol in symbols
}
