"""A still and a voice to a film of a talking head: the whole of `lipsync animate` as one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lipsync_cli.media.reading import notes_of
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.media.video.lengths import check_lengths
from lipsync_cli.runtime.atomic_files import atomic_output, check_output
from lipsync_cli.synthesis.animation.still import Placer, Still, read_still
from lipsync_cli.synthesis.drivers.voices import VoiceSettings, close_voices, open_voices
from lipsync_cli.synthesis.rendering.film_output import check_film_name, name_film
from lipsync_cli.synthesis.sources.frame_schedule import FrameSchedule, plan_frames
from lipsync_cli.synthesis.sources.source_clip import SourceClip

if TYPE_CHECKING:
    from lipsync_cli.faces.selection import FaceSelection
    from lipsync_cli.formats.weights import WeightsHeader
    from lipsync_cli.speech.speech_features import Encode
    from lipsync_cli.synthesis.drivers.driver import Voice
    from lipsync_cli.synthesis.rendering.marking import Marking

Progress = Callable[[int, "int | None", str], None]
Notify = Callable[[str], None]

RATE = Fraction(25)  # frames a second that talking heads are trained on
INTO = ("face", "frame")
TOGETHER = 25  # frames drawn at once


@dataclass(frozen=True)
class Portrayal:
    """What is made, and how.

    Attributes
    ----------
    source : the still
    speech : the sound file
    output : the film; None: beside the still
    choice : whose face
    into : "face" writes the face, 96 x 128 pixels; "frame" puts it back into the still
    silence : what the mouth does in pauses: "close" or "model", see `SpeechDriver`
    seed : of the noise
    crf : quality of the film
    force : whether the output may exist
    """

    source: SourceClip
    speech: Path
    output: Path | None
    choice: FaceSelection
    into: Literal["face", "frame"] = "face"
    silence: str = "close"
    seed: int = 10
    crf: int = 18
    force: bool = False

    @property
    def path(self) -> Path:
        """The film."""
        return name_film(self.source.path, [self.speech]) if self.output is None else self.output

    def check(self) -> None:
        """Raise InputError or UsageError if the film cannot be written there."""
        check_film_name(self.path)
        check_output(self.path, self.force, [self.source.path, self.speech])


@dataclass(frozen=True)
class HeadResult:
    """What was made.

    Attributes
    ----------
    output : the film
    num_frames, duration_s, sound_s : of the film
    width, height : of its pictures, pixels
    face_pixels : width of the still's face
    weights, weights_sha256 : the generator's
    marks, no_mark_reason, sidecar : as of `synthesis.film.Result`
    """

    output: Path
    num_frames: int
    duration_s: float
    sound_s: float
    width: int
    height: int
    face_pixels: float
    weights: str
    weights_sha256: str
    marks: list[str]
    no_mark_reason: str | None
    sidecar: Path | None


def animate(
    work: Portrayal,
    network: Any,
    header: WeightsHeader,
    marking: Marking,
    *,
    device: str = "cpu",
    encode: Encode | None = None,
    progress: Progress | None = None,
    notify: Notify = lambda text: None,
) -> HeadResult:
    """Make the film, as a stream in constant memory.

    Parameters
    ----------
    network, header : from `load_weights`, of a talking head
    marking : what says that the film is synthetic
    encode : the speech encoder, where speech features are heard
    progress, notify : told how many frames are done, and in words what a user should know

    Raises
    ------
    NothingToDoError : the still shows no such face, or the sound is empty or silent throughout
    InputError : an input is damaged, or the output cannot be written
    """
    work.check()
    marking.check(work.path, work.force)
    still = read_still(work.source, work.choice, network.mean_face.cpu().double().numpy(), notify)
    settings = VoiceSettings(work.silence)
    voices, sound, sound_s = open_voices([work.speech], header, settings)
    try:
        plan = plan_frames(work.source.timeline, sound_s, "hold")
        for path in (work.source.path, work.speech):
            for text in notes_of(path):
                notify(f"{path}: {text}")
        place = Placer(still) if work.into == "frame" else None
        shape = (still.picture if place is not None else still.face).shape
        with atomic_output(work.path, work.force) as temporary:
            writer = VideoWriter(
                temporary,
                shape[1],
                shape[0],
                plan.timeline,
                sound,
                plan.sound_s,
                crf=work.crf,
                tags=marking.tags(header, work.source.info.tags),
                change_sound=marking.change_sound,
                least_rate=marking.least_rate,
            )
            label = marking.draw(shape[1], shape[0], still.box[None] if place is not None else np.zeros((0, 4)))
            faces = draw_faces(still, network, voices[0], plan, work.seed, device=device, encode=encode)
            with writer:
                for number, face in enumerate(faces):
                    frame = face if place is None else place(face)
                    writer.write(frame if label is None else label.draw(frame))
                    if progress is not None:
                        progress(number + 1, plan.num_frames, "drawing the face")
            check_lengths(temporary, plan.num_frames, plan.timeline.duration_s, plan.sound_s, work.speech)
            marking.sign(temporary, work.path)
            inputs = {"still": work.source.path, "speech": work.speech}
            sidecar = marking.record(temporary, work.path, inputs, header, work.force)
    finally:
        close_voices(voices)
    return HeadResult(
        output=work.path,
        num_frames=plan.num_frames,
        duration_s=float(plan.timeline.duration_s),
        sound_s=float(plan.sound_s),
        width=shape[1],
        height=shape[0],
        face_pixels=round(float(still.box[2] - still.box[0]), 1),
        weights=header.name,
        weights_sha256=header.sha256,
        marks=marking.names(),
        no_mark_reason=marking.no_mark,
        sidecar=sidecar,
    )


def draw_faces(
    still: Still,
    network: Any,
    voice: Voice,
    plan: FrameSchedule,
    seed: int,
    *,
    device: str = "cpu",
    encode: Encode | None = None,
) -> Iterator[np.ndarray]:
    """Draw the frames of a film one by one, (128, 96, 3) uint8; the noise of a frame depends on seed and number."""
    import torch

    from lipsync_cli.models.generators.temporal import NOISE_DEVIATION, NOISE_DIM

    generator = torch.Generator().manual_seed(seed)
    face = torch.from_numpy(still.face).to(device).permute(2, 0, 1)[None].float() / 255
    state = None
    with torch.inference_mode():
        identity = network.identify(face)
        for first in range(0, plan.num_frames, TOGETHER):
            numbers = np.arange(first, min(first + TOGETHER, plan.num_frames))
            heard = voice.windows((numbers + 0.5) / float(plan.timeline.rate), encode)
            noise = NOISE_DEVIATION * torch.randn(len(numbers), NOISE_DIM, generator=generator)
            drawn, state = network.draw(identity, torch.from_numpy(heard).to(device), noise.to(device), state)
            yield from (drawn * 255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()
