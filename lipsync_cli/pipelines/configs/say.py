"""The options of `lipsync say`: one field each, from which the command line, files and the docs are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync_cli.config.option import argument
from lipsync_cli.config.shared_options import force_option, lang_option, tts_option, voice_option


@dataclass(frozen=True)
class SayConfig:
    """What is said, and by which voice."""

    text: str = argument("What to say; - reads it from stdin.")
    speech: Path = argument("WAV file to write.")
    engine: str = tts_option("voice", names=("--engine", "--tts"))
    voice: str | None = voice_option("voice")
    lang: str | None = lang_option("voice")
    force: bool = force_option()
