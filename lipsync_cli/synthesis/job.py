"""The inputs of `lipsync infer`, looked at and laid out before anything is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, TypeVar

from lipsync_cli.errors import InputError, naming
from lipsync_cli.media.probe import probe
from lipsync_cli.media.video.picture_format import plan_conversion
from lipsync_cli.media.video.pipe_output import PipeOutput
from lipsync_cli.runtime.atomic_files import check_output
from lipsync_cli.synthesis.drivers.driver import Voice
from lipsync_cli.synthesis.drivers.voices import VoiceSettings, close_voices, open_voices
from lipsync_cli.synthesis.generation.generator_choice import GeneratorChoice, GeneratorSettings, choose_generator
from lipsync_cli.synthesis.rendering.film_output import FilmOutput, check_film_name, name_film
from lipsync_cli.synthesis.sources.frame_schedule import FrameSchedule, plan_frames
from lipsync_cli.synthesis.sources.source_clip import SourceClip, SourceSettings, read_clip

S = TypeVar("S", SourceSettings, VoiceSettings, GeneratorSettings)


@dataclass(frozen=True)
class JobSettings:
    """Everything that decides a film beside its files.

    Attributes
    ----------
    source, voice, generator : of the job's parts
    extend : how a source that is shorter than the speech goes on, see `plan_frames`
    spans : of the output, in seconds, in which the mouth is moved; none: everywhere
    force : whether the output may exist
    stream : where the film goes if it is no file
    """

    source: SourceSettings = field(default_factory=SourceSettings)
    voice: VoiceSettings = field(default_factory=VoiceSettings)
    generator: GeneratorSettings = field(default_factory=GeneratorSettings)
    extend: str = "bounce"
    spans: tuple[tuple[Fraction, Fraction], ...] = ()
    force: bool = False
    stream: PipeOutput | None = None

    def with_options(self, **options: Any) -> JobSettings:
        """Return settings in which some options differ, by their names, in whichever part they belong.

        Raises
        ------
        TypeError : there is no such option

        Examples
        --------
        JobSettings().with_options(silence="keep", weights=Path("mine.safetensors"))
        """
        left = dict(options)

        def part(settings: S) -> S:
            names = {each.name for each in fields(settings)} & left.keys()
            return replace(settings, **{name: left.pop(name) for name in names})

        parts: dict[str, Any] = {
            "source": part(self.source),
            "voice": part(self.voice),
            "generator": part(self.generator),
        }
        return replace(self, **parts, **left)


@dataclass(frozen=True)
class Job:
    """Inputs that fit together; a context manager.

    Attributes
    ----------
    source : the frames on which the mouth is drawn
    generator : what draws it
    voices : what moves the lips: one, or one for each of several speakers
    schedule : which frames are shown when
    output : the film
    speech : file of the speech, of several speakers the first one's
    """

    source: SourceClip
    generator: GeneratorChoice
    voices: tuple[Voice, ...]
    schedule: FrameSchedule
    output: FilmOutput
    speech: Path

    def __enter__(self) -> Job:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        close_voices(self.voices)

    def inputs(self) -> dict[str, Path]:
        """Return the files that the film is made of, by their role."""
        inputs = {"face": self.source.path, "speech": self.speech}
        if len(self.voices) > 1:
            voices = {f"speech_{place}": voice.path for place, voice in enumerate(self.voices)}
            inputs = {"face": self.source.path} | voices
        elif self.voices[0].path != self.speech:
            inputs["drive_audio"] = self.voices[0].path
        if isinstance(self.output.sound, Path) and self.output.sound != self.speech:
            inputs["final_audio"] = self.output.sound
        return inputs


class Prepare(Protocol):
    """`prepare` with the face and its settings filled in."""

    def __call__(
        self, speech: Path | Sequence[Path], output: Path | None = None, *, like: Job | None = None, **options: Any
    ) -> Job:
        """Prepare a job; `options` are those of `JobSettings.with_options`."""


def prepare(
    face: Path,
    speech: Path | Sequence[Path],
    output: Path | None = None,
    settings: JobSettings = JobSettings(),
    like: Job | None = None,
) -> Job:
    """Look at the inputs and plan the output; nothing is written.

    Parameters
    ----------
    face : a video or a photo
    speech : a sound file, or a video with sound; several are the voices of as many speakers, heard together; with
        another `open_voice` whatever that opens, and `final_audio` is heard
    output : the film; None: beside the face, `face.speech.mp4`; of a stream what the user calls it
    like : a job of the same face and weights, with the same part and conversion of it: what was read for it is not
        read again

    Raises
    ------
    InputError : a file is missing, unreadable or does not fit, or the output exists
    NothingToDoError : the speech or the video has no length, or the sound is silent (unless `silence` is "model")
    UsageError : an option makes no sense with these files
    """
    face = Path(face)
    speeches = [Path(speech)] if isinstance(speech, (str, Path)) else [Path(each) for each in speech]
    voice = settings.voice
    output = name_film(face, speeches) if output is None else Path(output)
    if settings.stream is None:
        check_film_name(output)
    info = probe(face) if like is None else like.source.info  # before the output, whose folder may be a missing face's
    named = [each for each in (voice.driving_audio, voice.final_audio) if each is not None]
    if settings.stream is None:
        check_output(output, settings.force, [face, *speeches, *named])
    if info.video is None:
        raise InputError("has no picture", face, "give a video or a photo with a face first, then the speech")
    if like is None:
        picture = plan_conversion(info, settings.source.deinterlace, settings.source.tonemap)
        rate: Fraction = settings.source.photo_fps if info.is_image else info.video.rate
        generator = choose_generator(settings.generator, voice.final_audio or speeches[0], rate)
    else:
        picture, generator = like.source.picture, like.generator
    voices, sound, sound_s = open_voices(speeches, generator.header, voice)
    try:
        source = read_clip(face, info, picture, settings.source) if like is None else like.source
        extend = "hold" if source.is_photo else settings.extend
        with naming(face):
            schedule = replace(plan_frames(source.timeline, sound_s, extend), spans=settings.spans)
    except BaseException:
        close_voices(voices)
        raise
    return Job(source, generator, voices, schedule, FilmOutput(output, sound, settings.stream), speeches[0])
