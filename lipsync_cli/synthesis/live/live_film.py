"""Frames and sound of a live film on their way out, and what is said of them at the end."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, Protocol

from lipsync_cli.runtime.wall_clock import Clock
from lipsync_cli.synthesis.live.live_frames import LiveFrames, LiveSound
from lipsync_cli.synthesis.live.live_speech import LiveSpeech
from lipsync_cli.synthesis.live.mouth_rate import MouthRate, SparseRunner

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.media.sound.live_sound import SoundFeed
    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.provenance.visible_label import Label
    from lipsync_cli.runtime.stopwatch import Stopwatch
    from lipsync_cli.synthesis.rendering.renderer import View
    from lipsync_cli.synthesis.rendering.scene import Scene

BATCH_SIZE = 2  # frames generated at once: each more makes all of them wait for one more frame's sound
SETTLED_S = 2.0  # at the beginning, whose delays count for nothing: programs and caches warm up
Progress = Callable[[int, "int | None", str], None]


class LiveOutput(Protocol):
    """Takes frames and sound as they are ready; `LiveWriter` is one."""

    def write(self, frame: Frame) -> None:
        """Take the next frame."""
        ...

    def write_sound(self, samples: np.ndarray) -> None:
        """Take the next samples (n, channels) float32."""
        ...


@dataclass(frozen=True)
class LiveReport:
    """What was made.

    Attributes
    ----------
    num_frames, duration_s, sound_s : of the film
    silent_s : how much of its sound is silence that was put in where none came
    repeated : frames that show the one before, because the machine was too slow to draw them
    mouth_changes : how often the number of mouths a second was changed
    latency_p50_s, latency_p99_s, latency_most_s : from the moment when the sound in the middle of a frame was there to
        the moment when the frame was handed to the encoder; None of a film that is too short
    drift_s : end of the picture after the end of the sound: less than a frame
    """

    num_frames: int
    duration_s: float
    sound_s: float
    silent_s: float
    repeated: int
    mouth_changes: int
    latency_p50_s: float | None
    latency_p99_s: float | None
    latency_most_s: float | None
    drift_s: float

    def to_text(self) -> str:
        """Say it in one line."""
        parts = [f"{self.num_frames} frames, {self.duration_s:.2f} s"]
        if self.latency_p50_s is not None and self.latency_p99_s is not None:
            parts.append(f"latency {1000 * self.latency_p50_s:.0f} ms (p99 {1000 * self.latency_p99_s:.0f} ms)")
        parts.append(f"{self.repeated} frames repeated, drift {1000 * self.drift_s:.0f} ms")
        if self.mouth_changes:
            parts.append(f"{self.mouth_changes} changes of the mouth's rate")
        return ", ".join(parts)


@dataclass(frozen=True)
class LiveFilm:
    """A presenter, ready to speak.

    Attributes
    ----------
    scene : the presenter
    rate : frames a second
    speech : what drives the mouth
    label : burnt into every frame; None: none
    clock : of the sound
    batch_size : frames that are generated at once
    notify, progress : told in words, and how many frames are done
    """

    scene: Scene
    rate: Fraction
    speech: LiveSpeech
    clock: Clock
    label: Label | None = None
    batch_size: int = BATCH_SIZE
    notify: Callable[[str], None] = lambda text: None
    progress: Progress | None = None

    @property
    def latency_s(self) -> float:
        """How long a frame waits for sound, at most: that after its middle, and that of the rest of its batch."""
        return self.speech.ahead_s + float((self.batch_size - 1) / self.rate)

    def run(self, feed: SoundFeed, output: LiveOutput, stopwatch: Stopwatch | None = None) -> LiveReport:
        """Make the film, until the sound ends.

        Raises
        ------
        LipsyncError : what the feed and the output raise
        """
        batch_s = float(self.batch_size / self.rate)
        mouths = MouthRate(float(self.rate), batch_s, self.notify)
        sound = LiveSound(feed, self.speech, self.clock, batch_s)
        frames = LiveFrames(
            self.scene.video,
            self.rate,
            sound,
            self.clock,
            self.speech.ahead_s,
            skips=mouths.is_hopeless,
        )
        renderer = replace(
            self.scene.renderer, runner=SparseRunner(self.scene.renderer.runner, mouths), batch_size=self.batch_size
        )
        with renderer.stream(frames, [self.speech], stopwatch) as views:
            return self._write(views, sound, mouths, output)

    def _write(self, views: Iterator[View], sound: LiveSound, mouths: MouthRate, output: LiveOutput) -> LiveReport:
        """Hand frames out; those that were not drawn are copies of the one before."""
        latencies, written, drawn = array("d"), 0, 0
        before: Frame | None = None

        def put(pixels: Frame, until: int) -> None:
            nonlocal written
            while written < until:
                written += 1
                output.write(pixels)
                output.write_sound(sound.take(written / self.rate))

        for view in views:
            pixels = view.pixels if self.label is None else self.label.draw(view.pixels)
            number = int(view.middle_s * self.rate)
            put(pixels if before is None else before, number)
            put(pixels, number + 1)
            before, drawn, now = pixels, drawn + 1, self.clock.now()
            rest_s = float((self.batch_size - 1 - number % self.batch_size) / self.rate)
            mouths.observe(now, now - sound.due_s(view.middle_s + self.speech.ahead_s + rest_s))
            if view.middle_s >= SETTLED_S:
                latencies.append(now - sound.due_s(view.middle_s))
            if self.progress is not None:
                self.progress(written, None, "live")
        sound_s = Fraction(sound.num_heard, sound.sample_rate)
        if before is not None:
            put(before, ceil(sound_s * self.rate))
        output.write_sound(sound.take(sound_s))
        repeated = written - drawn
        return _report(written, repeated, sound, self.rate, mouths.num_changes, latencies=latencies)


def _report(
    num_frames: int, repeated: int, sound: LiveSound, rate: Fraction, changes: int, *, latencies: Sequence[float]
) -> LiveReport:
    import numpy as np

    duration_s, sound_s = num_frames / rate, Fraction(sound.num_heard, sound.sample_rate)
    most: list[float | None] = [None, None, None]
    if len(latencies):
        most = [round(float(each), 3) for each in np.percentile(latencies, [50, 99, 100])]
    return LiveReport(
        num_frames=num_frames,
        duration_s=float(duration_s),
        sound_s=float(sound_s),
        silent_s=sound.silent_s,
        repeated=repeated,
        mouth_changes=changes,
        latency_p50_s=most[0],
        latency_p99_s=most[1],
        latency_most_s=most[2],
        drift_s=float(duration_s - sound_s),
    )
