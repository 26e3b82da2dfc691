"""Which letters a language is written in: a text in others is not what its voice can read."""

from __future__ import annotations

import unicodedata
from collections import Counter

from lipsync_cli.errors import InputError

# First word of the letters' names in Unicode: what they are called, and which languages are written in them, of which
# the first is suggested.
SCRIPTS = {
    "ARABIC": ("Arabic", "ar fa ur"),
    "ARMENIAN": ("Armenian", "hy"),
    "BENGALI": ("Bengali", "bn"),
    "CJK": ("Chinese", "cmn zh yue ja ko"),
    "CYRILLIC": ("Cyrillic", "ru be bg kk ky mk sr uk"),
    "DEVANAGARI": ("Devanagari", "hi mr ne"),
    "GEORGIAN": ("Georgian", "ka"),
    "GREEK": ("Greek", "el"),
    "HANGUL": ("Korean", "ko"),
    "HEBREW": ("Hebrew", "he yi"),
    "HIRAGANA": ("Japanese", "ja"),
    "KATAKANA": ("Japanese", "ja"),
    "TAMIL": ("Tamil", "ta"),
    "THAI": ("Thai", "th"),
}
LATIN = "af ca cs cy da de en es et eu fi fr ga gl hr hu id is it lt lv ms nb nl nn no pl pt ro sk sl sq sv tr vi"
KNOWN = frozenset(" ".join([LATIN, *(languages for _, languages in SCRIPTS.values())]).split())


def normalise_tag(language: str) -> str:
    """Return a language's tag in small letters, with hyphens: en_GB -> en-gb."""
    return language.strip().lower().replace("_", "-")


def primary(language: str) -> str:
    """Return the language of a tag without its region: en-gb -> en."""
    return normalise_tag(language).split("-")[0]


def check_script(text: str, language: str | None) -> None:
    """Raise InputError if most letters of a text are none that the language is written in.

    Latin letters count as everybody's: names and brands are written in them everywhere. Nothing is said of a language
    whose letters are not known here.
    """
    if language is None:
        return
    tag = primary(language)
    letters = [unicodedata.name(letter, "?").split()[0] for letter in text if letter.isalpha()]
    if tag not in KNOWN or not letters:
        return
    script, _ = Counter(letters).most_common(1)[0]
    name, languages = SCRIPTS.get(script, ("", tag))
    if tag not in languages.split():
        raise InputError(
            f"the text is in {name} letters, and the voice speaks {language}",
            hint=f"name the text's language with lang, such as {languages.split()[0]}",
        )
