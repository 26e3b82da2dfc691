"""`live`: frames while the sound comes in, by a clock that waits for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from fractions import Fraction

import numpy as np
import pytest
from fixtures.fakes import FakeClock

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.mask import fading_masks
from lipsync_cli.media.sound.live_sound import Piece
from lipsync_cli.synthesis.compositing.compositor import Compositor, reference_face
from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput
from lipsync_cli.synthesis.live.live_film import LiveFilm, LiveReport
from lipsync_cli.synthesis.live.live_frames import show_endlessly
from lipsync_cli.synthesis.live.live_speech import AHEAD_S, LiveSpeech
from lipsync_cli.synthesis.live.mouth_rate import MOST, MouthRate, SparseRunner
from lipsync_cli.synthesis.rendering.renderer import Renderer, Speaker
from lipsync_cli.synthesis.rendering.scene import Scene

RULE = CropRule(size=32)
BOX = np.array([24.0, 16.0, 72.0, 64.0], np.float32)
HEIGHT, WIDTH, RATE = 80, 96, Fraction(25)
SOUND_RATE = 16000
PIECE = SOUND_RATE // 50


class FakeFeed:
    """Sound in pieces that arrive at given times."""

    sample_rate, channels = SOUND_RATE, 1

    def __init__(self, clock: FakeClock, pieces: list[tuple[float, np.ndarray]]) -> None:
        self._clock, self._pieces, self._place = clock, pieces, 0
        self._start_s = clock.now()

    def read(self, wait_s: float) -> Piece | None:
        if self._place == len(self._pieces):
            return None
        after_s, samples = self._pieces[self._place]
        arrives_s = self._start_s + after_s
        if arrives_s > self._clock.now() + wait_s:
            self._clock.wait(wait_s)
            return Piece(self._clock.now(), np.zeros((0, 1), np.float32))
        self._clock.wait(arrives_s - self._clock.now())
        self._place += 1
        return Piece(arrives_s, samples[:, None])

    def close(self) -> None:
        pass


def in_real_time(sound: np.ndarray, speed: float = 1.0, start_s: float = 0.0) -> list[tuple[float, np.ndarray]]:
    """Pieces of 20 ms, each there when it has been spoken."""
    ends = range(PIECE, len(sound) + 1, PIECE)
    return [(start_s + end / SOUND_RATE / speed, sound[end - PIECE : end]) for end in ends]


class Source:
    """Grey frames, each with its number in a corner."""

    width, height, matrix, num_frames = WIDTH, HEIGHT, None, 10
    frame_bytes = HEIGHT * WIDTH * 3

    def __init__(self) -> None:
        self.num_given = 0

    def frames(self, order: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        for number in order:
            self.num_given += 1
            frame = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
            frame[:6, :6] = 10 + 20 * number
            yield int(number), frame

    def frame(self, number: int) -> np.ndarray:
        return next(self.frames(np.array([number])))[1]

    def scan(self) -> Iterator[np.ndarray]:
        return (self.frame(n) for n in range(self.num_frames))

    def at_hand(self) -> list[int]:
        return list(range(self.num_frames))


class Runner:
    """Paints a patch as bright as the sound is loud in the middle of the window, and takes its time on the clock."""

    device, num_at_once, sees_occlusion = "cpu", 1, False

    def __init__(self, clock: FakeClock, takes_s: float = 0.0) -> None:
        self._clock, self.takes_s = clock, takes_s
        self.num_drawn = 0

    def submit(self, face: np.ndarray, mel: np.ndarray) -> Future[GeneratorOutput]:
        self._clock.wait(self.takes_s * len(mel))
        self.num_drawn += len(mel)
        size = RULE.size
        level = np.clip((mel[:, 13].mean(1) + 4) / 8, 0, 1)[:, None, None, None]
        patch = np.broadcast_to(level, (len(mel), size, size, 3)).astype(np.float32)
        flow, mask = np.zeros((len(mel), size, size, 2), np.float32), np.zeros((len(mel), size, size), np.float32)
        future: Future[GeneratorOutput] = Future()
        future.set_result(GeneratorOutput(None, flow, mask, patch))
        return future

    def encode(self, mel: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def silence(self, count: int) -> np.ndarray:
        return np.full((count, 27, 80), -4, np.float32)

    def fingerprint(self) -> str:
        return ""

    def generate(self, *args: object) -> GeneratorOutput:
        raise NotImplementedError

    def predict_occlusion(self, *args: object) -> Future[np.ndarray]:
        raise NotImplementedError


class Output:
    """Keeps what it is given, with the time."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.frames: list[np.ndarray] = []
        self.times: list[float] = []
        self.sound: list[np.ndarray] = []

    def write(self, frame: np.ndarray) -> None:
        self.frames.append(frame)
        self.times.append(self._clock.now())

    def write_sound(self, samples: np.ndarray) -> None:
        self.sound.append(samples)

    def mouths(self) -> np.ndarray:
        """Brightness in the mouth of each frame: dark in silence, whatever the frame is."""
        return np.array([float(frame[54, 48].mean()) for frame in self.frames])

    def backgrounds(self) -> list[int]:
        return [int(frame[2, 2, 0]) for frame in self.frames]


Play = Callable[..., tuple[LiveReport, Output, Runner]]


@pytest.fixture
def play() -> Play:
    """Make a live film of pieces of sound."""

    def run(
        pieces: list[tuple[float, np.ndarray]],
        takes_s: float = 0.0,
        notes: list[str] | None = None,
        give_up_s: float = 60.0,
    ) -> tuple[LiveReport, Output, Runner]:
        source, drawn = Source(), list[int]()
        # Of the frames that were asked for, the last one waits for its sound, and another one for its batch.
        clock = FakeClock(lambda: len(drawn) >= (source.num_given - 1) // 2 * 2, give_up_s)
        runner = Runner(clock, takes_s)
        boxes = np.tile(BOX, (source.num_frames, 1))
        reference = reference_face(source.frame(0), BOX, RULE)
        source.num_given = 0
        speaker = Speaker.with_rest_frames(boxes, [reference], RULE)
        compositor = Compositor(RULE, *fading_masks(RULE))
        renderer = Renderer(source, (speaker,), RULE, runner, compositor, 2)
        scene = Scene(renderer, source, boxes[None], (None,))
        output = Output(clock)
        say = (notes if notes is not None else []).append
        film = LiveFilm(
            scene,
            RATE,
            LiveSpeech(),
            clock,
            notify=say,
            progress=lambda done, total, label: drawn.append(done),
        )
        return film.run(FakeFeed(clock, pieces), output), output, runner

    return run


def tone(seconds: float, loudness: float = 0.2) -> np.ndarray:
    """A sound like a voice: pulses that come and go."""
    time_s = np.arange(round(SOUND_RATE * seconds)) / SOUND_RATE
    return (loudness * np.sign(np.sin(2 * np.pi * 120 * time_s)) * (np.sin(2 * np.pi * 3 * time_s) > 0)).astype(
        np.float32
    )


def test_film_follows_the_sound(play: Play) -> None:
    sound = np.concatenate([np.zeros(2 * SOUND_RATE, np.float32), tone(2), np.zeros(2 * SOUND_RATE, np.float32)])
    report, output, runner = play(in_real_time(sound))
    assert (report.num_frames, report.repeated, report.mouth_changes) == (150, 0, 0)
    assert np.array_equal(np.concatenate(output.sound)[:, 0], sound)
    mouths = output.mouths()
    assert mouths[5:40].max() < 8
    assert mouths[55:95].max() > 40  # it moves while something is said
    assert mouths[110:145].max() < 8  # and rests after
    shown = [10 + 20 * n for n, _ in zip(_bounce(10), range(150), strict=False)]
    assert output.backgrounds() == shown
    half_a_frame_s, batch_s, piece_s = 0.02, 0.04, 0.02
    assert report.latency_p99_s == pytest.approx(AHEAD_S + half_a_frame_s + batch_s + piece_s, abs=0.03)
    assert runner.num_drawn == 150


def _bounce(count: int) -> Iterator[int]:
    while True:
        yield from range(count)
        yield from range(count - 2, 0, -1)


def test_mouths_do_not_depend_on_how_the_sound_comes(play: Play) -> None:
    sound = tone(3)
    _, one, _ = play(in_real_time(sound))
    _, other, _ = play([(0.0, sound)])
    assert all(np.array_equal(a, b) for a, b in zip(one.frames, other.frames, strict=True))


def test_sound_that_comes_at_once_is_shown_in_real_time(play: Play) -> None:
    _, output, _ = play([(0.0, tone(5))])
    assert output.times[-1] - output.times[0] == pytest.approx((5 - 1) / 1.02, abs=0.1)  # a second may be ahead


def test_clocks_that_differ_do_not_drift_apart(play: Play) -> None:
    for speed in (0.998, 1.002):
        report, _, _ = play(in_real_time(tone(16), speed))
        assert report.silent_s == 0
        assert 0 <= report.drift_s < 0.04
        assert report.num_frames == 400
        assert report.latency_most_s == pytest.approx(AHEAD_S + 0.07, abs=0.04)


def test_no_sound_is_silence_in_real_time(play: Play) -> None:
    sound = tone(2)
    report, output, _ = play(in_real_time(sound) + in_real_time(sound, start_s=7.0))
    assert report.silent_s == pytest.approx(5, abs=0.2)
    assert report.num_frames == pytest.approx(9 * 25, abs=6)
    gaps = np.diff(output.times)
    assert gaps.max() < 0.5
    heard = np.concatenate(output.sound)[:, 0]
    assert np.array_equal(heard[: len(sound)], sound)
    assert np.array_equal(heard[-len(sound) :], sound)


def test_slow_machine_has_fewer_mouths_and_all_frames(play: Play) -> None:
    notes: list[str] = []
    report, output, runner = play(in_real_time(tone(20)), takes_s=0.06, notes=notes)  # 17 mouths a second
    assert report.num_frames == 500
    assert report.mouth_changes >= 1
    assert "too slow" in notes[0]
    assert runner.num_drawn < 400
    assert report.repeated == 0
    assert output.backgrounds()[:50] == [10 + 20 * n for n, _ in zip(_bounce(10), range(50), strict=False)]
    assert output.times[-1] - output.times[0] < 20.6


def test_hopelessly_slow_machine_repeats_frames(play: Play) -> None:
    report, output, _ = play(in_real_time(tone(20)), takes_s=0.25, give_up_s=0.005)
    assert report.num_frames == 500
    assert report.repeated > 30
    assert output.times[-1] - output.times[0] < 25  # of 31 that drawing every fourth mouth would take


def test_frames_are_shown_back_and_forth() -> None:
    shown = [number for (number, _), _ in zip(show_endlessly(Source()), range(25), strict=False)]
    assert shown == [n for n, _ in zip(_bounce(10), range(25), strict=False)]


def test_rate_of_mouths_recovers_and_tries_less_often() -> None:
    notes: list[str] = []
    rate = MouthRate(25, 0.08, notes.append)
    trials, before = [], 1
    for step in range(4000):
        moment_s = step / 25
        rate.observe(moment_s, 0.01 if rate.stride > 1 else 0.2)
        if rate.stride == 1 and before > 1:
            trials.append(moment_s)
        before = rate.stride
    gaps = np.diff(trials)
    assert len(gaps) >= 2
    assert (gaps[1:] > 1.5 * gaps[:-1]).all()
    assert notes[0] == "the machine is too slow: 12.5 mouths a second now, 25 frames"


@pytest.mark.parametrize("stride", range(1, MOST + 1))
def test_sparse_runner_generates_one_of_so_many(stride: int) -> None:
    clock = FakeClock()
    runner, rate = Runner(clock), MouthRate(25, 0.08)
    rate.stride = stride
    sparse, face = SparseRunner(runner, rate), np.zeros((1, 32, 32, 3), np.uint8)
    mels = np.broadcast_to(np.linspace(-4, 4, 24)[:, None, None], (24, 27, 80)).astype(np.float32)
    outputs = [sparse.submit(face, mels[first : first + 2]).result() for first in range(0, 24, 2)]
    levels = np.concatenate([output.patch[:, 0, 0, 0] for output in outputs])  # type: ignore[index]
    wanted = np.clip((mels[:, 0, 0] + 4) / 8, 0, 1)[np.arange(24) // stride * stride]
    assert np.allclose(levels, wanted)
    assert runner.num_drawn == -(-24 // stride)
