"""How words are said: a table of GRID's words, and the symbols of ARPAbet in those of the international alphabet."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from lipsync_cli.errors import InputError
from lipsync_cli.speech.phonemes import PRONUNCIATIONS
from lipsync_cli.speech.phones.ipa import Phone, is_vowel, parse_ipa
from lipsync_cli.speech.synthesisers.espeak_ng import INSTALL

# British, as GRID's speakers; the letters of a symbol's stress are left out.
ARPABET = {
    "AA": "ɑː", "AE": "æ", "AH": "ʌ", "AO": "ɔː", "AW": "aʊ", "AX": "ə", "AY": "aɪ", "EH": "ɛ", "ER": "ɜː", "EY": "eɪ",
    "IH": "ɪ", "IY": "iː", "OW": "əʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "uː",
    "B": "b", "CH": "tʃ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "dʒ", "K": "k", "L": "l", "M": "m",
    "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "V": "v", "W": "w", "Y": "j",
    "Z": "z", "ZH": "ʒ",
}  # fmt: skip
_VOWELS = frozenset(symbol for symbol, letters in ARPABET.items() if is_vowel(letters))


@cache
def pronounce_grid(word: str) -> tuple[Phone, ...] | None:
    """Give the sounds of one of GRID's 51 words; None for any other."""
    symbols = PRONUNCIATIONS.get(word)
    if symbols is None:
        return None
    is_late = word == "again"
    vowels = [place for place, symbol in enumerate(symbols) if symbol in _VOWELS]
    stressed = vowels[-1 if is_late else 0]
    letters = ["ə" if symbol == "AH" and place != stressed else ARPABET[symbol] for place, symbol in enumerate(symbols)]
    letters[stressed] = "ˈ" + letters[stressed]
    return tuple(parse_ipa(" ".join(letters)).phones)


class Pronouncer:
    """Says of which sounds a text consists.

    Parameters
    ----------
    transcribe : gives a text in the international alphabet, such as `EspeakNg.transcribe`; None: there is nobody who
        can, and only GRID's words are known
    is_grid : whether the texts are GRID's, where "a" is the letter; its words are looked up first then

    Attributes
    ----------
    unknown : characters of transcriptions that are no symbols of the alphabet
    """

    def __init__(self, transcribe: Callable[[str], str] | None, is_grid: bool = False) -> None:
        self._transcribe, self._is_grid = transcribe, is_grid
        self._known: dict[str, tuple[tuple[Phone, ...], ...]] = {}
        self.unknown: set[str] = set()

    def pronounce(self, text: str) -> tuple[Phone, ...]:
        """Give the sounds of one or more words; see `pronounce_words`."""
        return tuple(phone for word in self.pronounce_words(text) for phone in word)

    def pronounce_words(self, text: str) -> tuple[tuple[Phone, ...], ...]:
        """Give the sounds of each word of a text.

        Raises
        ------
        InputError : nobody can say a word
        LipsyncError : as `transcribe` raises
        """
        if text not in self._known:
            self._known[text] = self._find(text)
        return self._known[text]

    def _find(self, text: str) -> tuple[tuple[Phone, ...], ...]:
        words = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())
        table = [pronounce_grid(word) for word in words]
        if self._transcribe is None or (self._is_grid and None not in table):
            for word, found in zip(words, table, strict=True):
                if found is None:
                    raise InputError(f"nobody here can pronounce {word!r}", hint=INSTALL)
            if not table:
                raise InputError(f"nobody here can pronounce {text!r}", hint=INSTALL)
            return tuple(found for found in table if found is not None)
        parsed = [parse_ipa(word) for word in self._transcribe(text).split()]
        self.unknown.update(letter for word in parsed for letter in word.unknown)
        return tuple(tuple(word.phones) for word in parsed if word.phones)
