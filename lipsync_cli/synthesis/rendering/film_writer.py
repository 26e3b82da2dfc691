"""The frames of a film on their way into its file: at once, or in pieces that are joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lipsync_cli.faces.occlusion import TOLD
from lipsync_cli.media.video.encode import VideoWriter, constant_rate
from lipsync_cli.media.video.join import join
from lipsync_cli.synthesis.drivers.time_span_driver import within

if TYPE_CHECKING:
    from lipsync_cli.media.timeline import Timeline
    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.provenance.visible_label import Label
    from lipsync_cli.runtime.stopwatch import Stopwatch
    from lipsync_cli.synthesis.job import Job
    from lipsync_cli.synthesis.rendering.marking import Marking
    from lipsync_cli.synthesis.rendering.renderer import Renderer, View
    from lipsync_cli.synthesis.rendering.scene import Scene
    from lipsync_cli.synthesis.rendering.segments import Segments

Progress = Callable[[int, "int | None", str], None]

MOST_RUNS = 6  # of frame numbers that are named


@dataclass(frozen=True)
class Noticed:
    """What was noticed while a film was drawn.

    Attributes
    ----------
    covered : numbers of its frames in which something lies over a drawn face
    turned : numbers of those in which a head is turned too far for what is generated
    """

    covered: tuple[int, ...] = ()
    turned: tuple[int, ...] = ()

    def __add__(self, other: Noticed) -> Noticed:
        return Noticed(self.covered + other.covered, self.turned + other.turned)


def name_frames(numbers: Sequence[int]) -> str:
    """Return ascending frame numbers in words: "12 frames (3, 40-50)"; of many runs the first ones."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    named = [f"{first}" if first == last else f"{first}-{last}" for first, last in runs[:MOST_RUNS]]
    more = ", ..." if len(runs) > MOST_RUNS else ""
    return f"{len(numbers)} frame{'s' if len(numbers) != 1 else ''} ({', '.join(named)}{more})"


class Span(Protocol):
    """Frames `start` ... `stop - 1` of a film."""

    start: int
    stop: int


class Shared(Protocol):
    """The frames of a film, of which some were drawn for another one.

    Attributes
    ----------
    spans : from the film's first frame to its last
    """

    spans: list[Any]

    def read(self, span: Any, matrix: str | None) -> Iterator[Frame] | None:
        """Give the frames of a span, if all of them are there; `matrix` as that of the source."""

    def keep(self, span: Any, number: int, frame: Frame) -> None:
        """Keep frame `number` of the film, if its span is shared."""


@dataclass(frozen=True)
class FilmWriter:
    """How one film is drawn and written.

    Attributes
    ----------
    job, scene, marking : the film, what it shows, and its marks
    crf : quality, 0 ... 51, lower is better
    stopwatch : counts the time of the stages
    progress : told how many frames are done
    watch : shown every frame, by its number
    """

    job: Job
    scene: Scene
    marking: Marking
    crf: int
    stopwatch: Stopwatch
    progress: Progress | None = None
    watch: Callable[[int, View], None] | None = None

    def write(self, path: Path) -> Noticed:
        """Write the film, with its sound and marks; return what was noticed of its frames."""
        plan = self.job.schedule
        with self._writer(path, plan.timeline, True) as writer:
            return self._draw(writer, self.scene.renderer, (0, plan.num_frames), None, self._label())

    def write_shared(self, shared: Shared, path: Path) -> Noticed:
        """Write a film of which some frames are there, and keep those that others share; see `write`.

        Poses of the face are remembered from film to film; the picture is coded as a whole, so that no seam shows.
        """
        plan, label, noticed = self.job.schedule, self._label(), Noticed()
        with self._writer(path, plan.timeline, True) as writer:
            for span in shared.spans:
                kept = shared.read(span, self.scene.video.matrix)
                if kept is None:
                    keep = partial(shared.keep, span)
                    bounds = span.start, span.stop
                    noticed += self._draw(writer, self.scene.renderer, bounds, None, label, keep)
                    continue
                for number, frame in enumerate(kept, span.start):
                    writer.write(frame)
                    if self.progress is not None:
                        self.progress(number + 1, plan.num_frames, "drawing the mouth")
        return noticed

    def write_in_pieces(self, pieces: Segments, path: Path) -> Noticed:
        """Draw the pieces that are not there yet, each as if it were alone, and join all to the film; see `write`."""
        plan, label, noticed = self.job.schedule, self._label(), Noticed()
        for row in pieces.missing():
            order = plan.order[row[0].start : row[-1].stop]
            with closing(self.scene.video.frames(order)) as frames:  # type: ignore[type-var]
                for piece in row:
                    span = piece.start, piece.stop
                    part = islice(frames, piece.stop - piece.start)
                    cut, renderer = plan.timeline.cut(*span), self.scene.renderer.without_cache()
                    with pieces.writing(piece) as temporary, self._writer(temporary, cut, False) as writer:
                        noticed += self._draw(writer, renderer, span, part, label)
        with self.stopwatch.stage("join"):
            join(
                [piece.path for piece in pieces.all],
                [piece.start for piece in pieces.all],
                plan.timeline,
                path,
                self.job.output.sound,
                plan.sound_s,
                tags=self.marking.tags(self.job.generator.header, self.job.source.info.tags),
                change_sound=self.marking.change_sound,
                least_rate=self.marking.least_rate,
            )
        return noticed

    def _label(self) -> Label | None:
        video = self.scene.video
        return self.marking.draw(video.width, video.height, self.scene.boxes.reshape(-1, 4))

    def _writer(self, path: Path, timeline: Timeline, with_sound: bool) -> VideoWriter:
        job, video = self.job, self.scene.video
        return VideoWriter(
            path,
            video.width,
            video.height,
            timeline,
            job.output.sound if with_sound else None,
            job.schedule.sound_s if with_sound else None,
            crf=self.crf,
            tags=self.marking.tags(job.generator.header, job.source.info.tags),
            color_tags=job.source.picture.color_tags,
            sample_aspect=job.source.sample_aspect,
            change_sound=self.marking.change_sound if with_sound else None,
            least_rate=self.marking.least_rate,
            keep_clock=constant_rate(job.schedule.timeline) is None,
            is_yuv=video.matrix is not None,
            stream=job.output.stream if with_sound else None,
        )

    def _draw(
        self,
        writer: VideoWriter,
        renderer: Renderer,
        span: tuple[int, int],
        frames: Iterator[tuple[int, Frame]] | None,
        label: Label | None,
        keep: Callable[[int, Frame], None] = lambda number, frame: None,
    ) -> Noticed:
        """Write frames `span[0]` ... `span[1] - 1` of the film, and hand them on; return what was noticed of them."""
        plan, stopwatch = self.job.schedule, self.stopwatch
        covered: list[int] = []
        turned: list[int] = []
        voices = [within(voice, plan.spans) for voice in self.job.voices]
        with renderer.views(plan, voices, stopwatch, span, frames) as views:
            for number, view in enumerate(views, span[0]):
                if any(face.covered is not None and face.covered.share > TOLD for face in view.faces):
                    covered.append(number)
                if any(face.near < 1 for face in view.faces):
                    turned.append(number)
                if label is not None:
                    view = view._replace(pixels=label.draw(view.pixels))
                with stopwatch.stage("encode"):
                    writer.write(view.pixels)
                keep(number, view.pixels)
                if self.watch is not None:
                    with stopwatch.stage("debug video"):
                        self.watch(number, view)
                if self.progress is not None:
                    self.progress(number + 1, plan.num_frames, "drawing the mouth")
        return Noticed(tuple(covered), tuple(turned))
