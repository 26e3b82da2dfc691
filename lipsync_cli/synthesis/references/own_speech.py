"""A video's own speech: the face while its own sound speaks, posed as it is drawn, and the mels of that sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.faces.alignment import Aligner, to_grey, warp_crop
from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.speech.mel import window_start
from lipsync_cli.speech.speech_features import RATE, FeatureParameters, encode_silence
from lipsync_cli.speech.speech_features import WINDOW as FEATURE_WINDOW
from lipsync_cli.speech.speech_windows import FeatureStore

if TYPE_CHECKING:
    from lipsync_cli.formats.weights import WeightsHeader
    from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver
    from lipsync_cli.synthesis.generation.generator_runner import GeneratorRunner
    from lipsync_cli.synthesis.rendering.scene import SceneBuilder
    from lipsync_cli.synthesis.sources.source_clip import SourceClip

LOOK_S = 120  # of the video are looked through
REST_S = 0.4  # before and after speech, in which the mouth comes to rest
MAX_BYTES = 96 << 20  # of crops that are kept

Progress = Callable[[int, "int | None", str], None]
Notify = Callable[[str], None]


class OwnSpeech(NamedTuple):
    """What a face says in its own video.

    Attributes
    ----------
    crops : shape (n, S, S, 3), uint8 RGB, in order of time; in the reference's pose, where there is one
    frame_middle : shape (n,), float64, s: when each is shown, as the mels count time
    mel : shape (T, 80), float32, as they would drive the mouth
    features : the same sound as speech features, where the generator hears them
    reference : shape (S, S, 3), uint8 RGB, the reference face when this video is drawn; None: each its own
    """

    crops: np.ndarray
    frame_middle: np.ndarray
    mel: np.ndarray
    reference: np.ndarray | None
    features: FeatureStore | None = None


def collect_own_speech(
    source: SourceClip,
    voice: SpeechDriver,
    header: WeightsHeader,
    builder: SceneBuilder,
    runner: GeneratorRunner,
    min_s: float,
    *,
    most_bytes: int = MAX_BYTES,
    progress: Progress | None = None,
    notify: Notify = lambda text: None,
) -> OwnSpeech:
    """Collect the talking in the first two minutes of a video.

    Parameters
    ----------
    source : the video
    voice : its own sound
    header : of the generator's weights
    builder : knows whose face is meant, and what is known of it; of several, the first counts
    runner : of the generator that is to draw the video
    min_s : how much there must be
    most_bytes : of crops that are kept

    Raises
    ------
    NothingToDoError : nothing is said, or the face is seen in too few frames of it
    InputError : the video turns out to be damaged
    """
    rule, rate = header.crop_rule, source.timeline.rate
    num_frames = min(source.timeline.num_frames, int(LOOK_S * rate))
    middles = float(source.start_s) + source.timeline.middles()[:num_frames]
    if not voice.has_speech:
        raise NothingToDoError("no speech stands out in its own sound", source.path)
    near = _widen(voice.speech(middles) > 0, round(REST_S * float(rate)))
    with source.open(num_frames) as video:
        boxes = builder.find(source, rule, video, progress, notify)[0]
        wanted = np.flatnonzero(near & ~np.isnan(boxes[:, 0]))
        if len(wanted) < min_s * rate:
            seen = f"a face is seen in {float(len(wanted) / rate):.1f} s of its own speech"
            raise NothingToDoError(f"{seen}, {min_s:g} s are needed", source.path)
        most = most_bytes // (3 * rule.size**2)
        wanted = wanted[:: -(-len(wanted) // most)]
        references = builder.choose(source, header, video, boxes, runner, notify=lambda text: None)
        rest = references[0].rest if references is not None and len(references) == 1 else None
        reference = None if rest is None else crop_face(video.frame(rest), boxes[rest], rule)
        bring = _make_warp(reference, rule)
        crops = np.empty((len(wanted), rule.size, rule.size, 3), np.uint8)
        place = {int(number): index for index, number in enumerate(wanted)}
        for number, frame in video.frames(np.arange(wanted[0], wanted[-1] + 1)):
            if number in place:
                crops[place[number]] = bring(crop_face(frame, boxes[number], rule))
    window = header.mel_window
    mel = voice.mel(0, int(window_start(middles[-1], window)) + window)
    features = None
    if voice.hears != "mel":
        stop = int(middles[-1] * RATE) + FEATURE_WINDOW
        heard = voice.features(runner.encode, 0, stop)
        features = FeatureStore(heard[None], encode_silence(runner.encode), FeatureParameters())
    return OwnSpeech(crops, middles[wanted], mel, reference, features)


def _make_warp(reference: np.ndarray | None, rule: CropRule) -> Callable[[np.ndarray], np.ndarray]:
    """Return what brings one crop after the other into the pose of the reference, as it is done for the generator."""
    if reference is None:
        return lambda crop: crop
    aligner, face = Aligner(rule), to_grey(reference)
    pose: np.ndarray | None = None

    def bring(crop: np.ndarray) -> np.ndarray:
        nonlocal pose
        pose = aligner.align(to_grey(crop), face, pose)
        return warp_crop(crop, pose)

    return bring


def _widen(mask: np.ndarray, reach: int) -> np.ndarray:
    """Return where a mask is true within `reach` places."""
    return np.convolve(mask, np.ones(2 * reach + 1), "same") > 0.5 if reach else mask
