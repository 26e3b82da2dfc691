"""piper: neural voices, each a file."""

from __future__ import annotations

import shutil
from pathlib import Path

from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.runtime.json_values import read_json
from lipsync_cli.speech.synthesisers.scripts import normalise_tag, primary
from lipsync_cli.speech.synthesisers.synthesiser import NotInstalledError, Voice, run_program

INSTALL = "pip install piper-tts"
VOICE_SUFFIX = ".onnx"


class Piper:
    """The program piper on PATH; a voice is an .onnx file, beside it FILE.onnx.json.

    Raises
    ------
    NotInstalledError : it is not there
    """

    name = "piper"

    def __init__(self) -> None:
        path = shutil.which(self.name)
        if path is None:
            raise NotInstalledError("the speech synthesiser piper is not installed", hint=INSTALL)
        self._program = path

    def examine(self) -> str:
        """Start it; without a voice it cannot say a word."""
        run_program(self.name, [self._program, "--help"])
        return f"{self._program}; needs a voice, an .onnx file"

    def language_of(self, voice: Voice) -> str | None:
        """Return the language that the voice's file tells."""
        if voice.name is None:
            return None
        try:
            code = read_json(Path(voice.name + ".json"))["language"]["code"]
        except (InputError, KeyError, TypeError):
            return voice.language
        return normalise_tag(str(code))

    def speak(self, text: str, path: Path, voice: Voice) -> None:
        """Write a text, which it reads from stdin, as a WAV file; see `Synthesiser.speak`."""
        if voice.name is None:
            raise UsageError("piper needs a voice", hint="give its .onnx file with --voice")
        language = self.language_of(voice)
        if voice.language and language and primary(language) != primary(voice.language):
            raise InputError(f"speaks {language}, not {voice.language}", voice.name, "give another --voice")
        text = " ".join(text.split())  # piper takes each line for a file of its own
        arguments = ["--model", voice.name, "--output_file", str(path)]
        run_program(self.name, [self._program, *arguments], text, "try another --voice")
