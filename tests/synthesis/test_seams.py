"""The renderer's seams: frames from memory, live frames without an end, and a mouth that no sound drives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from fractions import Fraction
from itertools import count, islice
from pathlib import Path

import numpy as np
from fixtures.jobs import known_face, make_film, open_scene, prepare

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.mask import lower_face_mask
from lipsync_cli.media.probe import probe
from lipsync_cli.media.timeline import Timeline
from lipsync_cli.speech.speech_features import Encode
from lipsync_cli.synthesis.compositing.compositor import Compositor, reference_face
from lipsync_cli.synthesis.drivers.driver import Driver
from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput
from lipsync_cli.synthesis.rendering.fingerprint import fingerprint_of
from lipsync_cli.synthesis.rendering.marking import Marking
from lipsync_cli.synthesis.rendering.renderer import Renderer, Speaker
from lipsync_cli.synthesis.rendering.scene import SceneBuilder
from lipsync_cli.synthesis.sources.frame_schedule import plan_frames
from lipsync_cli.synthesis.sources.frame_source import FrameSource

RULE = CropRule(size=32)
BOX = np.array([24.0, 16.0, 72.0, 64.0], np.float32)
HEIGHT, WIDTH, RATE = 80, 96, 25


def grey_frame(number: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), 10 * (number % 20), np.uint8)


class MemorySource:
    """Frames that are made when they are asked for; it has nothing but what `FrameSource` asks for."""

    width, height, matrix = WIDTH, HEIGHT, None
    frame_bytes = HEIGHT * WIDTH * 3

    def frames(self, order: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        return ((int(number), grey_frame(int(number))) for number in order)


class TextDriver:
    """Opens the mouth wider from syllable to syllable, and rests between words: text, and no sound."""

    def __init__(self, text: str, syllable_s: float = 0.2) -> None:
        self._text, self._syllable_s = text, syllable_s

    def _letters(self, middles_s: np.ndarray) -> list[str]:
        return [self._text[int(middle_s / self._syllable_s) % len(self._text)] for middle_s in middles_s]

    def windows(self, middles_s: np.ndarray, encode: Encode | None = None) -> np.ndarray:
        levels = np.array([ord(letter) for letter in self._letters(middles_s)], np.float32) / 255
        return np.broadcast_to(levels[:, None, None], (len(levels), 27, 80))

    def shown(self, middles_s: np.ndarray) -> np.ndarray:
        return np.array([letter != " " for letter in self._letters(middles_s)], np.float32)


class TextVoice(TextDriver):
    """The same from a file, as `prepare` opens it."""

    silence, vtln, is_silent, has_speech, has_sound = "rest", 1.0, False, True, False
    facts = ("TextVoice",)

    def __init__(self, path: Path, *_: object, window: int) -> None:
        super().__init__(path.read_text())
        self.path, self.duration_s = path, Fraction(len(path.read_text()), 5)

    def speech(self, middles_s: np.ndarray) -> np.ndarray:
        return self.shown(middles_s)

    def close(self) -> None:
        pass


class LevelRunner:
    """Generates lower faces in the grey of what it hears."""

    device, num_at_once, sees_occlusion = "cpu", 1, False

    def fingerprint(self) -> str:
        return ""

    def encode(self, mel: np.ndarray) -> np.ndarray:
        raise AssertionError("it hears mels")

    def silence(self, number: int) -> np.ndarray:
        return np.zeros((number, 27, 80), np.float32)

    def generate(
        self, reference: np.ndarray, target: np.ndarray, mel: np.ndarray, articulation: float | None = None
    ) -> GeneratorOutput:
        image = np.zeros((len(mel), 32, 32, 3), np.float32) + mel.mean((1, 2))[:, None, None, None]
        still = np.zeros((len(mel), 32, 32), np.float32)
        return GeneratorOutput(image, np.zeros((len(mel), 32, 32, 2), np.float32), still, image)

    def submit(self, face: np.ndarray, mel: np.ndarray) -> Future[GeneratorOutput]:
        done: Future[GeneratorOutput] = Future()
        done.set_result(self.generate(face, face, mel))
        return done

    def predict_occlusion(self, face: np.ndarray, reference: np.ndarray, other: np.ndarray) -> Future[np.ndarray]:
        raise AssertionError("it has no occlusion network")


class SameBox:
    """Where the face is, whichever frame is asked for: not an array, and of no length."""

    def __getitem__(self, number: int, /) -> np.ndarray:
        return BOX


def make_renderer(source: FrameSource, speaker: Speaker) -> Renderer:
    return Renderer(source, (speaker,), RULE, LevelRunner(), Compositor(RULE, lower_face_mask(RULE)), 4)


def changed(frames: list[np.ndarray]) -> list[bool]:
    return [bool((frame != grey_frame(number)).any()) for number, frame in enumerate(frames)]


def test_frames_from_memory_are_drawn_as_a_text_says() -> None:
    driver: Driver = TextDriver("A z")
    schedule = plan_frames(Timeline.constant(RATE, 15), Fraction(15, RATE))
    renderer = make_renderer(MemorySource(), Speaker(np.tile(BOX, (15, 1))))
    with renderer.views(schedule, [driver]) as views:
        frames = [np.asarray(view.pixels) for view in views]
    assert changed(frames) == [True] * 5 + [False] * 5 + [True] * 5
    first, last = (int(frames[number][48, 48, 0]) for number in (2, 12))
    assert abs(first - ord("A")) <= 1
    assert abs(last - ord("z")) <= 1


def test_live_frames_come_one_after_the_other_without_an_end() -> None:
    live = ((float((number + 0.5) / RATE), number, grey_frame(number)) for number in count())
    speaker = Speaker.with_rest_frames(SameBox(), [reference_face(grey_frame(3), BOX, RULE)], RULE)
    with make_renderer(MemorySource(), speaker).stream(live, [TextDriver("a b")]) as views:
        frames = [np.asarray(view.pixels) for view in islice(views, 20)]
    assert len(frames) == 20
    assert changed(frames) == ([True] * 5 + [False] * 5 + [True] * 5 + [True] * 5)


def test_prepare_opens_what_reads_a_text(
    face_clip: Path, voice_file: Callable[[float], Path], weights: Path, tmp_path: Path
) -> None:
    text, sound = tmp_path / "words.txt", voice_file(0.6)
    text.write_text("a b")
    with (
        prepare(face_clip, text, tmp_path / "out.mp4", weights, open_voice=TextVoice, final_audio=sound) as job,
        SceneBuilder("current", search=known_face) as builder,
    ):
        assert make_film(job, "current").num_frames == 18
        scene = open_scene(builder, job)
        with scene.renderer.views(job.schedule, job.voices) as views:
            drawn = [any(face.drawn > 0 for face in view.faces) for view in views]
        facts = fingerprint_of(job, scene, Marking(), {})
    assert drawn == [True] * 6 + [False] * 6 + [True] * 6
    assert facts["voices"][0][2:] == ("rest", 1.0, "TextVoice")
    assert job.inputs() == {"face": face_clip, "speech": text, "final_audio": sound}


def test_a_film_of_a_text_without_a_sound_is_silent(face_clip, weights, tmp_path):
    text = tmp_path / "words.txt"
    text.write_text("a b")
    with prepare(face_clip, text, tmp_path / "out.mp4", weights, open_voice=TextVoice) as job:
        made = make_film(job, "current")
    assert made.num_frames == 18
    assert made.marks == ["metadata"]
    assert probe(made.output).audio is None
    assert job.inputs() == {"face": face_clip, "speech": text}
