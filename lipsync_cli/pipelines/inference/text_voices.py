"""Voices of which the words are known: files of text in place of a sound, or beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError, LipsyncError, UsageError
from lipsync_cli.pipelines.configs.infer import InferConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lipsync_cli.formats.phone_encoder_weights import PhoneEncoding
    from lipsync_cli.speech.phones.timed_phones import TimedPhone
    from lipsync_cli.synthesis.drivers.driver import OpenVoice, Voice
    from lipsync_cli.synthesis.drivers.text_driver import TextDriver

_MOST_NAMED = 8  # sounds that are named of those which were never seen


def chosen_voice(config: InferConfig) -> OpenVoice:
    """Return what opens the voices that the options name: sounds, texts, or sounds with their words."""
    return Voices(config.voice.words, config.voice.phone_weights, config.message.lang)


@dataclass(frozen=True)
class Voices:
    """Opens voices, as `synthesis.drivers.driver.OpenVoice`.

    Attributes
    ----------
    words : file of what a sound says; None: not known
    weights : of the phone encoder; None: the package's
    language : of the texts, as a tag; None: English
    """

    words: Path | None
    weights: Path | None
    language: str | None

    def __call__(self, path: Path, parameters: Any, silence: str, known: Any, vtln: float | None, hears: str) -> Voice:
        """Open a file.

        Raises
        ------
        LipsyncError : it cannot be read, spoken, or be heard by the generator
        """
        from lipsync_cli.speech.timed_text.files import is_text
        from lipsync_cli.synthesis.drivers.blended_driver import BlendedDriver
        from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver

        if is_text(path):
            if self.words is not None:
                raise UsageError("--words says what a sound says, and the speech is a text", hint="leave out --words")
            return self._open_text(path, silence, hears)
        sound = SpeechDriver(path, parameters, silence, known, vtln, hears)
        if self.words is None:
            return sound
        try:
            return BlendedDriver(sound, self._open_text(self.words, silence, hears))
        except BaseException:
            sound.close()
            raise

    def _open_text(self, path: Path, silence: str, hears: str) -> TextDriver:
        from lipsync_cli.synthesis.drivers.text_driver import TextDriver

        if hears != "encoder":
            raise InputError(
                "has words, and the generator hears mels alone", path, "leave out --weights for those of the package"
            )
        encode = self._encoding
        phones = self._read(path)
        _tell_of_new(path, phones, encode.known)
        return TextDriver(path, phones, encode, encode.margin, silence, weights=encode.header.sha256)

    def _read(self, path: Path) -> list[TimedPhone]:
        """Read what a text says when."""
        from lipsync_cli.speech.phones.pronunciation import Pronouncer
        from lipsync_cli.speech.phones.script import time_spans, time_text
        from lipsync_cli.speech.timed_text.files import ALIGN, has_times, read_spans
        from lipsync_cli.speech.timed_text.span import read_text

        pronouncer = Pronouncer(self._find_transcriber(), path.suffix.lower() == ALIGN)
        try:
            if has_times(path):
                return time_spans(read_spans(path), pronouncer)
            return time_text(read_text(path), pronouncer)
        except LipsyncError as error:
            raise type(error)(error.fact, error.path or path, error.hint) from error

    def _find_transcriber(self) -> Callable[[str], str] | None:
        """Return what gives texts in the phonetic alphabet, if it is installed."""
        from lipsync_cli.speech.synthesisers.espeak_ng import EspeakNg
        from lipsync_cli.speech.synthesisers.synthesiser import NotInstalledError, Voice

        voice = Voice(language=self.language)
        try:
            program = EspeakNg()
        except NotInstalledError:
            if self.language is not None and not self.language.lower().startswith("en"):
                raise
            return None
        return lambda text: program.transcribe(text, voice)

    @cached_property
    def _encoding(self) -> PhoneEncoding:
        from lipsync_cli.formats.phone_encoder_weights import PhoneEncoding

        return PhoneEncoding(self.weights)


def _tell_of_new(path: Path, phones: Sequence[TimedPhone], known: frozenset[str]) -> None:
    """Note which sounds of a text were never seen in training."""
    from lipsync_cli.media.reading import note

    new = list(dict.fromkeys(phone.symbol for phone in phones if phone.symbol not in known))
    if new and known:
        named = " ".join(new[:_MOST_NAMED]) + (" ..." if len(new) > _MOST_NAMED else "")
        note(path, f"speech sounds that the weights never saw, which are drawn as those most like them: {named}")
