"""Voices of which the words are known: files of text in place of a sound, or beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError, UsageError
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.speech.mel import WINDOW

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from lipsync_cli.speech.phones.ipa import Phone
    from lipsync_cli.speech.phones.pronunciation import Pronouncer
    from lipsync_cli.speech.phones.timed_phones import TimedPhone
    from lipsync_cli.synthesis.drivers.driver import OpenVoice, Voice
    from lipsync_cli.synthesis.drivers.phone_encoding import PhoneEncoding
    from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver
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

    def __call__(
        self,
        path: Path,
        parameters: Any,
        silence: str,
        known: Any,
        vtln: float | None,
        hears: str,
        *,
        window: int = WINDOW,
    ) -> Voice:
        """Open a file.

        Raises
        ------
        LipsyncError : it cannot be read, spoken, or be heard by the generator
        """
        from lipsync_cli.speech.timed_text.files import is_text
        from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver

        if is_text(path):
            if self.words is not None:
                raise UsageError("--words says what a sound says, and the speech is a text", hint="leave out --words")
            _check_hears(path, hears)
            text = self._open_text(path, silence)
            self._tell_of_new(path, path, text.symbols)
            return text
        sound = SpeechDriver(path, parameters, silence, known, vtln, hears, window=window)
        if self.words is None:
            return sound
        try:
            _check_hears(self.words, hears)
            return self._blend(sound, self.words)
        except BaseException:
            sound.close()
            raise

    def _blend(self, sound: SpeechDriver, path: Path) -> Voice:
        """Return what drives by a sound and its words; words without times are found in the sound."""
        from lipsync_cli.speech.phones.alignment import align
        from lipsync_cli.speech.timed_text.files import has_times
        from lipsync_cli.synthesis.drivers.blended_driver import BlendedDriver

        if has_times(path):
            text = self._open_text(path, sound.silence)
            self._tell_of_new(sound.path, path, text.symbols)
            return BlendedDriver(sound, lambda features: text, text.facts)
        encode, words = self._encoding, self._pronounce(path)
        self._tell_of_new(sound.path, path, [phone.symbol for word in words for phone in word])

        def find(features: np.ndarray) -> TextDriver:
            try:
                return self._drive(path, align(words, features, encode, encode.margin, encode.scale), sound.silence)
            except LipsyncError as error:
                raise type(error)(error.fact, path, error.hint) from error

        return BlendedDriver(sound, find, (encode.header.sha256, repr(words)))

    def _open_text(self, path: Path, silence: str) -> TextDriver:
        from lipsync_cli.speech.phones.script import time_spans, time_text
        from lipsync_cli.speech.timed_text.files import has_times, read_spans
        from lipsync_cli.speech.timed_text.span import read_text

        pronouncer = self._make_pronouncer(path)
        try:
            if has_times(path):
                return self._drive(path, time_spans(read_spans(path), pronouncer), silence)
            return self._drive(path, time_text(read_text(path), pronouncer), silence)
        except LipsyncError as error:
            raise type(error)(error.fact, error.path or path, error.hint) from error

    def _drive(self, path: Path, phones: Sequence[TimedPhone], silence: str) -> TextDriver:
        from lipsync_cli.synthesis.drivers.text_driver import TextDriver

        encode = self._encoding
        if not phones:
            raise NothingToDoError("holds no words", path)
        return TextDriver(path, phones, encode, encode.margin, silence=silence, weights=encode.header.sha256)

    def _pronounce(self, path: Path) -> tuple[tuple[Phone, ...], ...]:
        """Return the sounds of the words of a text without times."""
        from lipsync_cli.speech.timed_text.span import read_text

        try:
            return self._make_pronouncer(path).pronounce_words(read_text(path))
        except LipsyncError as error:
            raise type(error)(error.fact, error.path or path, error.hint) from error

    def _make_pronouncer(self, path: Path) -> Pronouncer:
        from lipsync_cli.speech.phones.pronunciation import Pronouncer
        from lipsync_cli.speech.timed_text.files import ALIGN

        return Pronouncer(self._find_transcriber(), path.suffix.lower() == ALIGN)

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
        from lipsync_cli.synthesis.drivers.phone_encoding import PhoneEncoding

        return PhoneEncoding(self.weights)

    def _tell_of_new(self, opened: Path, path: Path, symbols: Sequence[str]) -> None:
        """Note at the file that is opened which sounds of a text were never seen in training."""
        from lipsync_cli.media.reading import note

        known = self._encoding.known
        new = list(dict.fromkeys(symbol for symbol in symbols if symbol not in known))
        if new and known:
            named = " ".join(new[:_MOST_NAMED]) + (" ..." if len(new) > _MOST_NAMED else "")
            whose = "" if opened == path else f"the words in {path} have "
            fact = f"{whose}speech sounds that the weights never saw, drawn as those that are made most alike: {named}"
            note(opened, fact)


def _check_hears(path: Path, hears: str) -> None:
    """Raise InputError unless the generator hears speech features, which words are turned into."""
    if hears != "encoder":
        raise InputError(
            "has words, and the generator hears mels alone", path, "leave out --weights for those of the package"
        )
