"""The inputs of `lipsync infer`, looked at and laid out before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import TracebackType

from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError, UsageError
from lipsync_cli.faces.crop import check_same
from lipsync_cli.formats.weights import WeightsHeader, check_kind, find_weights, load_weights, read_header
from lipsync_cli.media.probe import MediaInfo, probe
from lipsync_cli.media.sound.mix import Mix, mix
from lipsync_cli.media.timeline import Timeline, read_timeline
from lipsync_cli.media.video.picture_format import Conversion, plan_conversion
from lipsync_cli.runtime.atomic_files import check_output
from lipsync_cli.speech.mel import MelParameters
from lipsync_cli.speech.speech_features import FeatureParameters
from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver, sound_duration
from lipsync_cli.synthesis.generation.generator_runner import GeneratorRunner
from lipsync_cli.synthesis.generation.local_runner import LocalRunner, num_cores
from lipsync_cli.synthesis.generation.process_runner import ProcessRunner
from lipsync_cli.synthesis.sources.frame_schedule import FrameSchedule, plan_frames, span, steady

ASIDE_FRAMES = 200  # so many frames are worth a process of the generator's own, which begins with loading torch
FILMS = (".mp4", ".mov", ".mkv", ".m4v")


@dataclass(frozen=True)
class Job:
    """Inputs that fit together; a context manager.

    Attributes
    ----------
    face, speech, output : the files
    sound : what is heard; `speech`, or the mix of the voices if there are several, unless a file was named
    header : what the weights say about themselves
    info : of the face's file
    voices : what moves the lips: one, or one for each of several speakers
    plan : what the output will be
    extend : how a source that is shorter than the speech goes on
    loading : the generator, which is loaded in the background; None if nothing is to be drawn
    first_frame, start_s : number and time of the source's frame that is the plan's frame 0
    picture : what is done to the source's frames
    timeline : when the source's frames are shown, from `first_frame` on
    occlusion : whether what lies over the face is to stay over it, see `prepare`
    """

    face: Path
    speech: Path
    output: Path
    header: WeightsHeader
    info: MediaInfo
    voices: tuple[SpeechDriver, ...]
    plan: FrameSchedule
    extend: str
    loading: Future[GeneratorRunner] | None
    sound: Path | Mix
    first_frame: int
    start_s: Fraction
    picture: Conversion
    timeline: Timeline
    occlusion: bool | Path

    def __enter__(self) -> Job:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for voice in self.voices:
            voice.close()


def prepare(
    face: Path,
    speech: Path,
    output: Path | None = None,
    weights: Path | None = None,
    extend: str = "bounce",
    photo_fps: Fraction = Fraction(25),
    force: bool = False,
    device: str | Callable[[], str] | None = "cpu",
    silence: str = "close",
    drive_audio: Path | None = None,
    final_audio: Path | None = None,
    start_s: Fraction = Fraction(0),
    end_s: Fraction | None = None,
    deinterlace: bool | None = None,
    tonemap: bool = False,
    like: Job | None = None,
    others: Sequence[Path] = (),
    articulation: float | None = None,
    vtln: float | None = None,
    occlusion: bool | Path = True,
) -> Job:
    """Look at the inputs and plan the output; nothing is written.

    Parameters
    ----------
    face : a video or a photo
    speech : a sound file, or a video with sound
    output : the film; None: beside the face, `face.speech.mp4`
    weights : a run folder or a .safetensors file; None: the embedded ones
    extend : how a source that is shorter than the speech goes on, see `plan_frames`
    photo_fps : frames per second if the face is a photo
    force : whether the output may exist
    device : torch device, or what returns it, called in the background; None loads no generator
    silence : what the mouth does in the pauses of the speech, see `SpeechDriver`
    drive_audio : file whose sound moves the lips; None: the speech
    final_audio : file whose sound is heard and sets the length; None: the speech
    start_s, end_s : the part of the source that is used, in seconds from its first frame; None: to its end
    deinterlace, tonemap : see `plan_conversion`
    like : a task of the same face and weights, with the same part and conversion of it: what was read for it is not
        read again
    articulation : how much the mouth moves, beside what the generator learned; None: nearly as much as real ones
    vtln : by how much the voices' formants lie higher than those that the weights know; None: as is heard of each
    occlusion : whether what lies over the face stays over it, as far as a network finds it; or the weights of another
        such network than that of the package
    others : the voices of further speakers; then `speech` is that of the first, and all are heard together

    Raises
    ------
    InputError : a file is missing, unreadable or does not fit, or the output exists
    NothingToDoError : the speech or the video has no length, or the sound is silent (unless `silence` is "model")
    """
    face, speeches = Path(face), [Path(speech), *map(Path, others)]
    if output is None:
        output = face.with_name(".".join([face.stem, *(each.stem for each in speeches), "mp4"]))
    output = Path(output)
    if output.suffix.lower() not in FILMS:
        kind = output.suffix or "no suffix"
        raise UsageError(f"{output}: {kind} is no kind of film", hint=f"choose from {', '.join(FILMS)}")
    info = probe(face) if like is None else like.info  # first: the output's folder may be that of a face that is not
    check_output(output, force, [each for each in (face, *speeches, drive_audio, final_audio) if each is not None])
    if info.video is None:
        raise InputError("has no picture", face, "give a video or a photo with a face first, then the speech")
    if like is None:
        picture = plan_conversion(info, deinterlace, tonemap)
        found = find_weights(weights)
        header = read_header(found)
        check_kind(header, found)
        _check_sound(header, found)
        loading = (
            None
            if device is None
            else _load(
                found,
                device,
                articulation,
                _find_occlusion(occlusion, header),
                partial(_is_long, final_audio or speech, photo_fps if info.is_image else info.video.rate),
            )
        )
    else:
        picture, header, loading = like.picture, like.header, like.loading
    drives = [Path(drive_audio), *speeches[1:]] if drive_audio is not None else speeches
    voices: list[SpeechDriver] = []
    try:
        for drive in drives:
            voices.append(SpeechDriver(drive, header.mel_parameters, silence, header.known_voices, vtln, header.hears))
        if all(voice.is_silent for voice in voices) and silence != "model":
            raise NothingToDoError("is silent throughout", drives[0], "--silence model goes on all the same")
        sound, sound_s = _heard(final_audio, speeches, voices)
        first_frame, first_s = 0, Fraction(0)
        if info.is_image and (start_s or end_s is not None):
            raise UsageError(f"{face}: a photo has no --start and no --end")
        if info.is_image:
            timeline, extend = Timeline.constant(photo_fps, 1), "hold"
        elif like is not None:
            timeline, first_frame, first_s = like.timeline, like.first_frame, like.start_s
        else:
            timeline = steady(read_timeline(face), info.video.rate)
            first_frame, stop = span(timeline, start_s, end_s)
            first_s, timeline = timeline.time(first_frame), timeline.cut(first_frame, stop)
        plan = plan_frames(timeline, sound_s, extend)
    except BaseException:
        for voice in voices:
            voice.close()
        raise
    part = first_frame, first_s, picture, timeline, occlusion
    return Job(face, speeches[0], output, header, info, tuple(voices), plan, extend, loading, sound, *part)


def _heard(final_audio: Path | None, speeches: list[Path], voices: list[SpeechDriver]) -> tuple[Path | Mix, Fraction]:
    """Return what is heard, and how long it lasts."""
    if final_audio is None and len(speeches) > 1:
        return mix(speeches), max(voice.duration_s for voice in voices)
    sound = Path(final_audio or speeches[0])
    return sound, voices[0].duration_s if sound == voices[0].path else sound_duration(sound)


def _check_sound(header: WeightsHeader, path: Path) -> None:
    """Raise InputError if weights hear other mels or speech features than this program makes."""
    try:
        MelParameters().check_same(header.mel_parameters)
    except InputError as error:
        raise InputError(f"were trained on other mels ({error.fact})", path, "train them again") from error
    if header.feature_parameters is not None:
        try:
            FeatureParameters().check_same(header.feature_parameters)
        except InputError as error:
            raise InputError(f"hear other speech features ({error.fact})", path, "train them again") from error


def _is_long(sound: Path, rate: Fraction) -> bool:
    """Tell whether a film with this sound will be long enough for a process of the generator's own."""
    try:
        return num_cores() > 1 and sound_duration(sound) * rate >= ASIDE_FRAMES
    except LipsyncError:
        return False  # it is said when the sound is read


def _find_occlusion(wanted: bool | Path, header: WeightsHeader) -> Path | None:
    """Return the file of the occlusion network that looks at the generator's crops, None if none is to, or none fits.

    Raises
    ------
    InputError : the one that is named is missing, or was trained on other crops
    """
    if wanted is False:
        return None
    path = find_weights(None if wanted is True else wanted, "occlusion network")
    known = read_header(path)
    check_kind(known, path, "occlusion network")
    try:
        check_same(known.crop_rule, header.crop_rule)
    except InputError as error:
        if wanted is True:
            return None
        raise InputError(f"was trained on other crops ({error.fact})", path, "train it from the same pack") from error
    return path


def _load(
    weights: Path,
    device: str | Callable[[], str],
    articulation: float | None,
    occlusion: Path | None,
    is_long: Callable[[], bool],
) -> Future[GeneratorRunner]:
    """Load the generator in the background: torch alone takes seconds, and meanwhile the files are read."""

    def load() -> GeneratorRunner:
        if is_long():
            return ProcessRunner(weights, device, articulation, occlusion)
        name = device if isinstance(device, str) else device()
        found = load_weights(occlusion, name, "occlusion network")[0] if occlusion else None
        return LocalRunner(load_weights(weights, name)[0], name, articulation, occlusion=found)

    loader = ThreadPoolExecutor(1, "lipsync-load")
    loading = loader.submit(load)
    loader.shutdown(wait=False)
    return loading
