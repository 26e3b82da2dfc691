"""Names of videos made of what people are called: safe on every file system."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import PurePath

from lipsync_cli.config.placeholders import TextTemplate, parse_template
from lipsync_cli.errors import UNSAFE, UsageError
from lipsync_cli.synthesis.rendering.film_output import FILMS

MOST_BYTES = 150  # of a name without its suffix
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)", re.IGNORECASE)  # on Windows
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')


def read_names(text: str) -> tuple[TextTemplate, str]:
    """Read --names: return the template without its suffix, and the suffix.

    Raises
    ------
    UsageError : it is a path, or has a suffix that is no kind of video
    """
    suffix = PurePath(text).suffix
    if "{" in suffix or "}" in suffix or " " in suffix:
        suffix = ""
    template = parse_template(text[: len(text) - len(suffix)], "--names")
    if any(_FORBIDDEN.search(part) for part, is_field in template.parts if not is_field):
        raise UsageError(f"--names {text!r} is more than a name", hint="name the folder with -o")
    if suffix and suffix.lower() not in FILMS:
        raise UsageError(f"--names: {suffix} is no kind of video", hint=f"choose from {', '.join(FILMS)}")
    if not template.parts:
        raise UsageError("--names is empty", hint="such as --names '{name}.mp4'")
    return template, suffix or ".mp4"


def replace_forbidden(text: str) -> str:
    """Return a text without letters that file names cannot hold or that a terminal obeys."""
    return _FORBIDDEN.sub("-", UNSAFE.sub("-", unicodedata.normalize("NFC", text)))


def make_safe(text: str) -> str:
    """Return a text as a name of a file, without suffix; ValueError if nothing is left of it."""
    name = replace_forbidden(text).strip(". -")
    while len(name.encode()) > MOST_BYTES:
        name = name[:-1].rstrip(". -")
    if not name:
        raise ValueError("no name for the video is left of it")
    return f"{name}_" if _RESERVED.fullmatch(name.split(".")[0]) else name


def name_after(*words: str | None) -> str:
    """Return the name of a video of a text and its voice: its first words, and a hash of all."""
    key = hashlib.sha256("\0".join(word or "" for word in words).encode()).hexdigest()[:8]
    first = re.sub(r"\W+", "-", words[0] or "")[:40]
    return make_safe(f"{first}-{key}")
