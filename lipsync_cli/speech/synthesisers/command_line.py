"""Any command that writes a sound file is a speech synthesiser."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from lipsync_cli.config.placeholders import parse_template
from lipsync_cli.errors import UsageError
from lipsync_cli.speech.synthesisers.synthesiser import NotInstalledError, Voice, run_program

OUT, TEXT, VOICE, LANGUAGE = FIELDS = ("out", "text", "voice", "lang")


class CommandLine:
    """A command with fields, such as `mytts --lang {lang} {text} {out}`.

    It is split into words as a shell would, but no shell runs it: a value is one argument, or a part of one. Without
    {text} the text is given on stdin. A text that begins with a dash is given with a space before it, so that no
    command takes it for an option.

    Raises
    ------
    UsageError : a quote is not closed, a field is unknown, or {out} is missing
    NotInstalledError : there is no such program
    """

    def __init__(self, command: str) -> None:
        try:
            words = shlex.split(command)
        except ValueError:
            raise UsageError(f"--tts {command!r} has a quote that is not closed") from None
        self._words = [parse_template(word, "--tts") for word in words]
        for word in self._words:
            word.check(FIELDS, "--tts")
        self._fields = {name for word in self._words for name in word.fields}
        if OUT not in self._fields:
            raise UsageError(
                f"--tts {command!r} does not say where the sound goes",
                hint="put {out} where the command takes its file",
            )
        path = shutil.which(words[0])
        if path is None:
            raise NotInstalledError(f"the command {words[0]!r} of --tts is not there", hint="name a program on PATH")
        self.name, self._program = Path(words[0]).name, path

    def examine(self) -> str:
        """Return where the program is."""
        return self._program

    def language_of(self, voice: Voice) -> str | None:
        """Return the language that was asked for."""
        return voice.language

    def speak(self, text: str, path: Path, voice: Voice) -> None:
        """Run the command; see `Synthesiser.speak`."""
        values = {OUT: str(path), TEXT: f" {text}" if text.startswith("-") else text}
        for field, value in ((VOICE, voice.name), (LANGUAGE, voice.language)):
            if value is None and field in self._fields:
                raise UsageError(f"--tts has {{{field}}}, and none is given", hint=f"give one with --{field}")
            values[field] = value or ""
        _, *arguments = [word.fill(values) for word in self._words]
        run_program(self.name, [self._program, *arguments], "" if TEXT in self._fields else text)
