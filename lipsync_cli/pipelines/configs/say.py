"""The options of `lipsync say`: one field each, from which the command line, files and the docs are made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync_cli.config.option import argument, option
from lipsync_cli.config.shared_options import force_option


@dataclass(frozen=True)
class SayConfig:
    """What is said, and by which voice."""

    text: str = argument("What to say; - reads it from stdin.")
    speech: Path = argument("WAV file to write.")
    engine: str = option(
        "auto takes espeak-ng, or piper where only that is on PATH.",
        "auto",
        panel="voice",
        choices=("auto", "espeak-ng", "piper"),
    )
    voice: str | None = option(
        "Voice of espeak-ng, such as en-gb; .onnx file of piper.", None, panel="voice", example="en-gb"
    )
    force: bool = force_option()
