"""The voices of a film: opened as what drives the mouths, and what is heard of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.formats.weights import WeightsHeader
from lipsync_cli.media.sound.mix import Mix, mix
from lipsync_cli.synthesis.drivers.driver import OpenVoice, Voice
from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver, sound_duration


@dataclass(frozen=True)
class VoiceSettings:
    """What moves the lips, how, and what is heard.

    Attributes
    ----------
    silence : what the mouth does in the pauses of the speech, see `SpeechDriver`
    vtln : by how much the voices' formants lie higher than those that the weights know; None: as is heard of each
    driving_audio : file whose sound moves the lips; None: the speech
    final_audio : file whose sound is heard and sets the length; None: the speech
    open_voice : opens the file that drives a mouth; what reads a text takes `final_audio`, too
    """

    silence: str = "close"
    vtln: float | None = None
    driving_audio: Path | None = None
    final_audio: Path | None = None
    open_voice: OpenVoice = SpeechDriver


def open_voices(
    speeches: Sequence[Path], header: WeightsHeader, settings: VoiceSettings
) -> tuple[tuple[Voice, ...], Path | Mix | None, Fraction]:
    """Open what drives each mouth.

    Parameters
    ----------
    speeches : the speakers' voices; the driving audio stands for the first
    header : of the weights that hear them

    Returns
    -------
    the drivers, to be closed; what is heard, None for nothing; how long that lasts in seconds

    Raises
    ------
    InputError : a file is missing, damaged, or has no sound
    NothingToDoError : a sound has no length, or all are silent (unless `silence` is "model")
    """
    first = speeches[0] if settings.driving_audio is None else Path(settings.driving_audio)
    voices: list[Voice] = []
    try:
        for path in (first, *speeches[1:]):
            heard = header.mel_parameters, settings.silence, header.known_voices, settings.vtln, header.hears
            voices.append(settings.open_voice(path, *heard, window=header.mel_window))
        if all(voice.is_silent for voice in voices) and settings.silence != "model":
            raise NothingToDoError("is silent throughout", first, "--silence model goes on all the same")
        sound, sound_s = _find_sound(settings.final_audio, speeches, voices)
        if sound_s <= 0:
            raise NothingToDoError("has no length", settings.final_audio or speeches[0], "give another sound")
    except BaseException:
        close_voices(voices)
        raise
    return tuple(voices), sound, sound_s


def close_voices(voices: Sequence[Voice]) -> None:
    """Give the room on disk back."""
    for voice in voices:
        voice.close()


def _find_sound(
    final_audio: Path | None, speeches: Sequence[Path], voices: Sequence[Voice]
) -> tuple[Path | Mix | None, Fraction]:
    """Return what is heard, and how long it lasts."""
    heard = [path for path, voice in zip(speeches, voices, strict=True) if voice.has_sound or path != voice.path]
    if final_audio is None and len(speeches) > 1 and heard:
        sound = mix(heard) if len(heard) > 1 else heard[0]
        return sound, max(voice.duration_s for voice in voices)
    if final_audio is None and not heard:
        return None, max(voice.duration_s for voice in voices)
    sound = Path(final_audio or speeches[0])
    return sound, voices[0].duration_s if sound == voices[0].path else sound_duration(sound)
