"""Subtitles spoken for a film: each line in its time, as the voice that moves the lips."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import LipsyncError, UsageError
from lipsync_cli.pipelines.callbacks import Notify
from lipsync_cli.pipelines.configs.infer import InferConfig
from lipsync_cli.runtime.temporary import temporary_folder

if TYPE_CHECKING:
    import numpy as np


@contextmanager
def dubbed(config: InferConfig, notify: Notify) -> Iterator[InferConfig]:
    """Give the configuration with a sound in place of the subtitles, if they are to be spoken.

    Parameters
    ----------
    notify : told which lines are spoken faster or end late

    Raises
    ------
    UsageError : there is nothing to be spoken
    LipsyncError : a line cannot be spoken, or does not fit into its time; by its line
    """
    if not config.voice.dub:
        yield config
        return
    from lipsync_cli.speech.dubbing import describe_fit, dub
    from lipsync_cli.speech.timed_text.files import has_times, read_spans

    if len(config.files.speech) != 1 or not has_times(config.files.speech[0]):
        raise UsageError("--dub speaks one file of words with times", hint="give an .srt file after the face")
    path = config.files.speech[0]
    with temporary_folder() as folder:
        try:
            samples, fitted = dub(read_spans(path), _speaker(config, folder))
        except LipsyncError as error:
            raise type(error)(error.fact, error.path or path, error.hint) from error
        for text in describe_fit(fitted):
            notify(f"{path}: {text}")
        sound = folder / f"{path.stem}.wav"
        write_sound(sound, samples)
        yield replace(config, files=replace(config.files, speech=(sound,), output=_name_output(config)))


def _speaker(config: InferConfig, folder: Path) -> Callable[[str], np.ndarray]:
    """Return what gives the samples of a text."""
    from lipsync_cli.media.sound.audio import read_speech
    from lipsync_cli.speech.dubbing import RATE
    from lipsync_cli.speech.synthesisers.registry import find_synthesiser
    from lipsync_cli.speech.synthesisers.synthesiser import Voice, speak

    voice = Voice(config.message.voice, config.message.lang)
    synthesiser = find_synthesiser(config.message.tts, voice)
    count = 0

    def give(text: str) -> np.ndarray:
        nonlocal count
        count += 1
        spoken = folder / f"line-{count}.wav"
        speak(synthesiser, text, spoken, voice)
        samples = read_speech(spoken, RATE)
        spoken.unlink()
        return samples

    return give


def _name_output(config: InferConfig) -> Path:
    from lipsync_cli.synthesis.rendering.film_output import name_film

    return config.files.output or name_film(config.files.face, config.files.speech)


def write_sound(path: Path, samples: np.ndarray) -> None:
    """Write samples (n,) in -1 ... 1 as a WAV file of 16 bits, quieter where they would clip."""
    import numpy as np

    from lipsync_cli.speech.dubbing import RATE

    loudest = float(np.abs(samples).max(initial=0.0))
    scaled = samples / max(1.0, loudest) * 32767
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(scaled.round().astype("<i2").tobytes())
