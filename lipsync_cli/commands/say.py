"""lipsync say: a text to a voice, by a speech synthesiser that is installed."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from lipsync_cli.commands.options import common
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.errors import UsageError


class Engine(str, Enum):
    """The speech synthesisers."""

    auto = "auto"
    espeak_ng = "espeak-ng"
    piper = "piper"


def say(
    text: Annotated[str, typer.Argument(help="What to say; - reads it from stdin.", show_default=False)],
    speech: Annotated[Path, typer.Argument(help="WAV file to write.", show_default=False)],
    engine: Annotated[
        Engine, typer.Option("--engine", help="auto takes espeak-ng, or piper where only that is on PATH.")
    ] = Engine.auto,
    voice: Annotated[
        str | None,
        typer.Option("--voice", help="Voice of espeak-ng, such as en-gb; .onnx file of piper.", show_default=False),
    ] = None,
    force: common.Force = False,
    dry_run: common.DryRun = False,
    json: common.Json = False,
    quiet: common.Quiet = False,
    verbose: common.Verbose = False,
) -> None:
    r"""Speak a text into a sound file, for infer.

    espeak-ng or piper does it, whichever is installed; nothing is sent anywhere.

    \b
    Example:
      lipsync say "Good morning, Ada." ada.wav
    """
    from lipsync_cli.runtime.atomic_files import atomic_output, check_output
    from lipsync_cli.runtime.run_inputs import keep_inputs
    from lipsync_cli.speech.tts import find_engine
    from lipsync_cli.speech.tts import say as speak

    if speech.suffix.lower() != ".wav":
        raise UsageError(f"{speech}: speech is written as WAV", hint="give a name that ends in .wav")
    with keep_inputs([Path(voice)] if voice else []):
        check_output(speech, force)
        if dry_run:
            name, _ = find_engine(engine.value, voice)
            print_result({"output": str(speech), "engine": name}, json)
            return
        words = sys.stdin.read() if text == "-" else text
        with atomic_output(speech, force) as temporary:
            name = speak(words, temporary, engine.value, voice)
    print_result({"output": str(speech), "engine": name, "voice": voice}, json, speech)
