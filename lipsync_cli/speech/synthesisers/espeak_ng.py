"""espeak-ng: many languages, a plain voice."""

from __future__ import annotations

import re
import shutil
import sys
from functools import cached_property
from pathlib import Path

from lipsync_cli.config.check_values import join_hints, suggest
from lipsync_cli.errors import InputError, LipsyncError, ToolError
from lipsync_cli.runtime.temporary import temporary_folder
from lipsync_cli.speech.synthesisers import espeak_library
from lipsync_cli.speech.synthesisers.scripts import check_script, normalise_tag, primary
from lipsync_cli.speech.synthesisers.synthesiser import ANY_VOICE, NotInstalledError, Voice, run_program, speak

INSTALL = "install espeak-ng (pip install espeakng-loader; or Debian: apt-get install espeak-ng)"
_SWITCH = re.compile(r"\([a-z][a-z0-9-]*\)")  # how it says that it goes over to the rules of another language
LIST = "espeak-ng --voices lists them"


class EspeakNg:
    """The program espeak-ng on PATH, or else the library of the package espeakng-loader.

    Raises
    ------
    NotInstalledError : neither is there
    """

    name = "espeak-ng"

    def __init__(self) -> None:
        path = shutil.which(self.name)
        if path is not None:
            self._command = [path]
        elif espeak_library.find_library() is not None:
            self._command = [sys.executable, "-I", espeak_library.__file__]
        else:
            raise NotInstalledError("the speech synthesiser espeak-ng is not installed", hint=INSTALL)

    @cached_property
    def languages(self) -> frozenset[str]:
        """Tags of the languages that it has voices for; empty if it does not list them."""
        try:
            lines = run_program(self.name, [*self._command, "--voices"]).decode("utf-8", "replace").splitlines()
        except (InputError, ToolError):
            return frozenset()
        rows = [line for line in lines[1:] if len(line.split()) > 3]
        tags = [tag for row in rows for tag in (row.split()[1], *re.findall(r"\((\S+) \d+\)", row))]
        return frozenset(map(normalise_tag, tags))

    def examine(self) -> str:
        """Speak a word, and return the version."""
        version = run_program(self.name, [*self._command, "--version"]).decode("utf-8", "replace")
        with temporary_folder() as folder:
            try:
                speak(self, "hello", folder / "hello.wav")
            except LipsyncError as error:
                raise ToolError(error.fact, self._command[-1]) from error
        number = next((word for word in version.split() if word[:1].isdigit()), "of unknown version")
        return f"{number}, speaks {len(set(map(primary, self.languages)))} languages"

    def language_of(self, voice: Voice) -> str | None:
        """Return the language of a voice; espeak-ng's own is English."""
        if voice.language is not None:
            return normalise_tag(voice.language)
        if voice.name is None or voice.name.startswith("+"):
            return "en"
        return normalise_tag(voice.name.split("+")[0])

    def speak(self, text: str, path: Path, voice: Voice) -> None:
        """Write a text, which it reads from stdin, as a WAV file; see `Synthesiser.speak`."""
        name = self._choose(voice)
        arguments = [*(("-v", name) if name is not None else ()), "-b", "1", "--stdin", "-w", str(path)]
        run_program(self.name, [*self._command, *arguments], text, "try another --voice")

    def transcribe(self, text: str, voice: Voice = ANY_VOICE) -> str:
        """Give a text in the International Phonetic Alphabet, its sounds parted by underscores or spaces.

        Raises
        ------
        InputError : there is no such voice, the voice has another language, or the text is written in other letters
        ToolError : the program does not work
        """
        check_script(text, self.language_of(voice))
        name = self._choose(voice)
        arguments = [*(("-v", name) if name is not None else ()), "-q", "--ipa", "--sep=_", "-b", "1", "--stdin"]
        printed = run_program(self.name, [*self._command, *arguments], text, "try another --lang")
        return " ".join(_SWITCH.sub(" ", printed.decode("utf-8", "replace")).split())

    def _choose(self, voice: Voice) -> str | None:
        """Return what -v is given: a language, a voice, or a language and a variant of it, such as de+f3."""
        if voice.language is None:
            return voice.name
        language, known = normalise_tag(voice.language), self.languages
        near = sorted(tag for tag in known if primary(tag) == primary(language))
        if known and not near:
            hint = join_hints(suggest(language, known), LIST)
            raise InputError(f"espeak-ng has no voice for the language {voice.language}", hint=hint)
        if known and language not in known:
            language = primary(language) if primary(language) in known else near[0]
        if voice.name is None:
            return language
        if voice.name.startswith("+"):
            return language + voice.name
        spoken = normalise_tag(voice.name.split("+")[0])
        if spoken in known and primary(spoken) != primary(language):
            raise InputError(f"the voice {voice.name} speaks {spoken}, not {voice.language}", hint=f"try {language}")
        return voice.name
