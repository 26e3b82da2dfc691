"""Texts of messages, spoken: for the video, or to know beforehand how long they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError, LipsyncError, UsageError
from lipsync_cli.pipelines.callbacks import OnFailure
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.runtime.temporary import temporary_folder

if TYPE_CHECKING:
    from lipsync_cli.speech.synthesisers.synthesiser import Synthesiser
    from lipsync_cli.synthesis.messages import Message, Spoken

# docs/experiments/030-speed-of-many-messages.md: messages of 10 s, 360x288, two cores
START_S = 2.4
PER_SECOND_S = 0.08


@dataclass(frozen=True)
class Rehearsed:
    """A message as it would be spoken.

    Attributes
    ----------
    output : the video
    text : what it says
    duration_s : of its speech
    is_ready : whether the video is there already
    """

    output: Path
    text: str
    duration_s: float
    is_ready: bool


class Speaker:
    """Speaks the texts of messages into sound files that last as long as they are needed."""

    def __init__(self, synthesiser: Synthesiser) -> None:
        self._synthesiser = synthesiser

    @contextmanager
    def speak(self, spoken: Spoken) -> Iterator[Path]:
        """Give a sound file of a text.

        Raises
        ------
        UsageError, NotInstalledError : no text can be spoken
        LipsyncError : this text cannot be spoken; no path is named
        """
        from lipsync_cli.speech.synthesisers.synthesiser import NotInstalledError, Voice, speak

        voice = Voice(spoken.voice, spoken.language)
        with temporary_folder() as folder:
            path = folder / "speech.wav"
            try:
                speak(self._synthesiser, spoken.text, path, voice)
            except (UsageError, NotInstalledError):
                raise
            except LipsyncError as error:
                where = f"{error.path}: " if error.path is not None else ""
                raise InputError(where + error.fact, hint=error.hint) from error
            yield path


def open_speaker(config: InferConfig, messages: Iterable[Message]) -> Speaker | None:
    """Return who speaks the messages; None if all of them are sound files.

    Raises
    ------
    UsageError, ToolError : there is no such speech synthesiser
    """
    from lipsync_cli.speech.synthesisers.registry import find_synthesiser
    from lipsync_cli.speech.synthesisers.synthesiser import Voice

    if all(message.spoken is None for message in messages):
        return None
    voice = Voice(config.message.voice, config.message.lang)
    return Speaker(find_synthesiser(config.message.tts, voice))


def rehearse(messages: Iterable[Message], speaker: Speaker, force: bool, on_failure: OnFailure) -> list[Rehearsed]:
    """Speak the texts of messages and say how long they are.

    Parameters
    ----------
    force : whether videos that are there would be made again
    on_failure : told of each text that cannot be spoken
    """
    from lipsync_cli.media.probe import probe

    found: list[Rehearsed] = []
    for message in messages:
        if message.spoken is None:
            continue
        try:
            with speaker.speak(message.spoken) as path:
                sound = probe(path).audio
                if sound is None or sound.duration_s is None:
                    raise InputError("what was spoken is no sound file", hint="look at the command of --tts")
                duration_s = float(sound.duration_s)
        except UsageError:
            raise
        except LipsyncError as error:
            on_failure(message.locate(error))
            continue
        found.append(Rehearsed(message.output, message.spoken.text, duration_s, message.output.exists() and not force))
    return found


def estimate(texts: Iterable[Rehearsed]) -> float:
    """Return about how many seconds the missing videos take on two cores at 360x288, the start of the program too."""
    left = [each.duration_s for each in texts if not each.is_ready]
    return round(START_S + PER_SECOND_S * sum(left), 1) if left else 0.0
