"""Options of words that move the lips."""

from __future__ import annotations

from typing import Any

from lipsync_cli.config.option import option


def words_option() -> Any:
    """Declare `--words`."""
    return option(
        "What the speech says, which helps the lips: SRT, VTT, TextGrid, .align or JSON of words with times, or a .txt "
        "file without.",
        None,
    )


def dub_option() -> Any:
    """Declare `--dub`."""
    return option(
        "Speak the words of an .srt file (or another with times) by --tts, each line in its time; else the video of "
        "words has no sound of its own.",
        False,
    )


def phone_weights_option() -> Any:
    """Declare `--phone-weights`."""
    return option(
        "Run folder of train --recipe text, or .safetensors file, by which words move the lips.",
        None,
        shown="embedded weights",
    )
