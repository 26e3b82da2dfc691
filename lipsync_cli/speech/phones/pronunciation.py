"""How words are said: a table of GRID's words, and the symbols of ARPAbet in those of the international alphabet."""

from __future__ import annotations

from functools import cache

from lipsync_cli.speech.phones.ipa import Phone, parse_ipa
from lipsync_cli.speech.phonemes import PRONUNCIATIONS

# British, as GRID's speakers; the letters of a symbol's stress are left out.
ARPABET = {
    "AA": "ɑː", "AE": "æ", "AH": "ʌ", "AO": "ɔː", "AW": "aʊ", "AX": "ə", "AY": "aɪ", "EH": "ɛ", "ER": "ɜː", "EY": "eɪ",
    "IH": "ɪ", "IY": "iː", "OW": "əʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "uː",
    "B": "b", "CH": "tʃ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "dʒ", "K": "k", "L": "l", "M": "m",
    "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "V": "v", "W": "w", "Y": "j",
    "Z": "z", "ZH": "ʒ",
}  # fmt: skip
_VOWELS = frozenset("AA AE AH AO AW AX AY EH ER EY IH IY OW OY UH UW".split())


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
