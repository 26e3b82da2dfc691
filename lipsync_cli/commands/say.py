"""lipsync say: a text to a voice, by a speech synthesiser that is installed."""

from __future__ import annotations

import sys
from pathlib import Path

from lipsync_cli.commands.options import shared_flags
from lipsync_cli.commands.options.from_config import takes_config
from lipsync_cli.commands.output.result import print_result
from lipsync_cli.errors import UsageError
from lipsync_cli.pipelines.configs.say import SayConfig


@takes_config(SayConfig)
def say(
    config: SayConfig,
    dry_run: shared_flags.DryRun = False,
    json: shared_flags.Json = False,
    quiet: shared_flags.Quiet = False,
    verbose: shared_flags.Verbose = False,
) -> None:
    r"""Speak a text into a sound file, for infer.

    espeak-ng or piper does it, whichever is installed, or a plug-in, or any command that writes a sound file.
    `lipsync doctor` lists what is there. No shell reads the command.

    \b
    Example:
      lipsync say "Good morning, Ada." ada.wav
      lipsync say "Guten Morgen, Ada." ada.wav --lang de
      lipsync say "Good morning, Ada." ada.wav --tts 'flite -t {text} -o {out}'
    """
    from lipsync_cli.pipelines.inference.standard_streams import STDIN
    from lipsync_cli.runtime.atomic_files import atomic_output, check_output
    from lipsync_cli.runtime.run_inputs import keep_inputs
    from lipsync_cli.speech.synthesisers.registry import find_synthesiser
    from lipsync_cli.speech.synthesisers.synthesiser import Voice, speak
    from lipsync_cli.synthesis.table_reader import read_stream

    speech = config.speech
    if speech.suffix.lower() != ".wav":
        raise UsageError(f"{speech}: speech is written as WAV", hint="give a name that ends in .wav")
    with keep_inputs([Path(config.voice)] if config.voice else []):
        check_output(speech, config.force)
        voice = Voice(config.voice, config.lang)
        synthesiser = find_synthesiser(config.engine, voice)
        if not dry_run:
            words = read_stream(sys.stdin.buffer, STDIN) if config.text == "-" else config.text
            with atomic_output(speech, config.force) as temporary:
                speak(synthesiser, words, temporary, voice)
    result = {"output": str(speech), "engine": synthesiser.name}
    print_result(result if dry_run else result | {"voice": config.voice}, json, None if dry_run else speech)
