"""The second pass: frames of the source, with the lower faces that go with the speech, as a stream."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from lipsync_cli.faces.alignment import compose_affine
from lipsync_cli.faces.depth import depth_map
from lipsync_cli.runtime.stopwatch import Stopwatch
from lipsync_cli.synthesis.compositing.compositor import Compositor, ReferenceFace, Shown, reference_face
from lipsync_cli.synthesis.compositing.head_turn_warp import turn_occlusion, turn_output
from lipsync_cli.synthesis.generation.local_runner import BATCH_SIZE
from lipsync_cli.synthesis.references.reference_tracker import ReferenceTracker
from lipsync_cli.synthesis.rendering.concurrent_stages import pipeline
from lipsync_cli.synthesis.rendering.occlusion_tracker import Look, OcclusionTracker

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.faces.occlusion import OcclusionMask
    from lipsync_cli.media.video.yuv_frame import Frame
    from lipsync_cli.synthesis.drivers.driver import Driver
    from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput, GeneratorRunner
    from lipsync_cli.synthesis.references.reference_tracker import BoxesByFrame
    from lipsync_cli.synthesis.sources.frame_schedule import FrameSchedule
    from lipsync_cli.synthesis.sources.frame_source import FrameSource

CLEARLY = 0.08  # by so much less unlike another reference has to be if it is to take over
FITTING, LOOKS_EVERY = 0.6, 3  # while one fits so well, the others are compared with it in each third frame only
FLIGHT_BYTES = 256 << 20  # frames on their way through the stages
BATCHES_IN_FLIGHT = 8  # two queues of one, two stages with one in hand, and what the generator works on


class Face(NamedTuple):
    """A face to be drawn.

    Attributes
    ----------
    speaker : place of whose it is, among the renderer's speakers
    view : which of the speaker's rest frames it is
    number : of its source frame
    matrix : shape (2, 3), from pixel indices of the frame to those of its crop
    reference : whose pixels are moved
    turn : shape (2,), of its head beside the reference's, see `Pose`; None: there is none
    firm : how much of the firm mask is used, see `Shown`
    near : how much of what is generated may show, as far as the head is turned from the reference, 0 ... 1
    generated : what to draw; None: nothing
    shown : how much of the source's own mouth is replaced
    covered : what lies over it; None: nothing does, or it was not looked for
    """

    speaker: int
    view: int
    number: int
    matrix: np.ndarray
    reference: ReferenceFace
    turn: np.ndarray | None = None
    firm: float = 0.0
    near: float = 1.0
    generated: GeneratorOutput | None = None
    covered: OcclusionMask | None = None
    shown: float = 1.0

    @property
    def drawn(self) -> float:
        """How much of the source's own mouth is replaced, 0 ... 1."""
        return self.shown if self.generated is not None else 0.0


class View(NamedTuple):
    """A frame of the output on its way.

    Attributes
    ----------
    middle_s : when its middle is shown
    number : of the source's frame
    pixels : shape (H, W, 3)
    faces : of the speakers who are in it
    """

    middle_s: float
    number: int
    pixels: Frame
    faces: tuple[Face, ...]


class _Begun(NamedTuple):
    """Faces of one view of a speaker by their places in a batch, what will be drawn of them, and found over them."""

    faces: dict[int, Face]
    drawn: Future[GeneratorOutput]
    look: Look | None


@dataclass(frozen=True)
class Speaker:
    """One whose mouth is moved.

    Attributes
    ----------
    boxes : by frame index, shape (4,), NaN where there is no face; of a video an array (N, 4)
    name : as the user gave it
    trackers : of the faces whose pixels are moved, brought into each frame's pose; of one, or of several of a head that
        turns; none: each frame's own
    """

    boxes: BoxesByFrame
    name: str = ""
    trackers: tuple[ReferenceTracker, ...] = ()

    @classmethod
    def with_rest_frames(
        cls, boxes: BoxesByFrame, references: Sequence[ReferenceFace], rule: CropRule, name: str = ""
    ) -> Speaker:
        """Return a speaker with references."""
        return cls(boxes, name, tuple(ReferenceTracker(boxes, reference, rule) for reference in references))

    def without_cache(self) -> Speaker:
        """Return the same speaker, of whom no pose is known yet."""
        return replace(self, trackers=tuple(tracker.without_cache() for tracker in self.trackers))

    def view(self, number: int, frame: Frame, before: int | None = None) -> int:
        """Return which of the references is used for the face of a frame: the one that fits best.

        Parameters
        ----------
        before : which one was used in the frame before; it stays unless another one fits clearly better
        """
        if len(self.trackers) == 1:
            return 0
        if before is not None and number % LOOKS_EVERY and self.trackers[before].unlikeness(number, frame) < FITTING:
            return before
        unlike = [tracker.unlikeness(number, frame) for tracker in self.trackers]
        best = min(range(len(unlike)), key=unlike.__getitem__)
        return best if before is None or unlike[before] - unlike[best] > CLEARLY else before


@dataclass(frozen=True)
class Renderer:
    """Draws the frames of a plan.

    Attributes
    ----------
    video : whose frames are drawn on
    speakers : whose mouths are moved
    rule : of the crop that the generator was trained on
    runner, compositor : the generator, and what puts its work into the frames
    batch_size : frames that the generator draws at once, at most
    """

    video: FrameSource
    speakers: tuple[Speaker, ...]
    rule: CropRule
    runner: GeneratorRunner
    compositor: Compositor
    batch_size: int = BATCH_SIZE

    def without_cache(self) -> Renderer:
        """Return a renderer like this that knows no poses yet, so that what it draws depends on its own frames only."""
        return replace(self, speakers=tuple(speaker.without_cache() for speaker in self.speakers))

    @contextmanager
    def views(
        self,
        plan: FrameSchedule,
        voices: Sequence[Driver],
        stopwatch: Stopwatch | None = None,
        span: tuple[int, int] | None = None,
        frames: Iterator[tuple[int, Frame]] | None = None,
    ) -> Generator[Iterator[View], None, None]:
        """Give the frames of a planned output in order, see `stream`.

        Parameters
        ----------
        plan : of the output
        voices, stopwatch : as for `stream`
        span : first of the output's frames, and the one after the last; None: all
        frames : numbers and pixels of the source's frames that these show, as from the video; None: from there
        """
        start, stop = span or (0, plan.num_frames)
        frames = self.video.frames(plan.order[start:stop]) if frames is None else frames
        middles_s = plan.timeline.middles()[start:stop]
        timed = ((middle_s, *frame) for middle_s, frame in zip(middles_s, frames, strict=True))
        with self.stream(timed, voices, stopwatch) as views:
            yield views

    @contextmanager
    def stream(
        self,
        frames: Iterable[tuple[float, int, Frame]],
        voices: Sequence[Driver],
        stopwatch: Stopwatch | None = None,
    ) -> Generator[Iterator[View], None, None]:
        """Give frames, in order, with what was drawn on them; those without a face are the source's own.

        Nothing is asked of what comes later, so that the frames may be live, and without an end.

        Parameters
        ----------
        frames : mid-time in seconds, frame index in the source, and pixels of each
        voices : what drives each speaker's mouth
        stopwatch : counts the time of the stages decode, crop, generate and composite
        """
        stopwatch = stopwatch or Stopwatch()
        with pipeline(
            self._crop(frames, stopwatch),
            lambda batches: self._generate(batches, voices, stopwatch),
            lambda batches: self._compose(batches, stopwatch),
            depth=1,
        ) as views:
            yield views

    def _crop(self, frames: Iterable[tuple[float, int, Frame]], stopwatch: Stopwatch) -> Iterator[list[View]]:
        """Read the frames and cut the faces out."""
        size = max(1, min(self.batch_size, FLIGHT_BYTES // (BATCHES_IN_FLIGHT * self.video.frame_bytes)))
        finders = [self._faces(place) for place in range(len(self.speakers))]
        batch: list[View] = []
        for middle_s, number, pixels in stopwatch.count("decode", frames):
            with stopwatch.stage("crop"):
                found = tuple(face for find in finders for face in find(number, pixels))
                batch.append(View(middle_s, number, pixels, found))
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch

    def _faces(self, place: int) -> Callable[[int, Frame], tuple[Face, ...]]:
        """Return what makes a speaker's faces of a frame of the source; asked twice for one frame, it works once."""
        import numpy as np

        speaker = self.speakers[place]
        last: tuple[int, tuple[Face, ...]] = (-1, ())

        def find(number: int, pixels: Frame) -> tuple[Face, ...]:
            nonlocal last
            if number == last[0]:
                return last[1]
            box = speaker.boxes[number]
            if np.isnan(box[0]):
                last = number, ()
            elif not speaker.trackers:
                own = reference_face(pixels, box, self.rule)
                last = number, (Face(place, 0, number, self.rule.matrix(box), own),)
            else:
                view = speaker.view(number, pixels, last[1][0].view if last[1] else None)
                tracker = speaker.trackers[view]
                pose = tracker.find(number, pixels)
                matrix = compose_affine(pose.matrix, self.rule.matrix(box))
                found = Face(place, view, number, matrix, tracker.reference, pose.turn)
                firm, near = tracker.firmness(number, pixels), tracker.nearness(number, pixels)
                last = number, (found._replace(firm=firm, near=near),)
            return last[1]

        return find

    def _generate(
        self, batches: Iterator[list[View]], voices: Sequence[Driver], stopwatch: Stopwatch
    ) -> Iterator[list[View]]:
        """Let the generator draw all faces of a speaker in a batch at once, and meanwhile begin with the next."""
        most = self.runner.num_at_once
        begun: deque[tuple[list[View], list[_Begun]]] = deque()
        occlusion_tracker = OcclusionTracker(self.runner, self.rule)
        for batch in batches:
            with stopwatch.stage("generate"):
                begun.append((batch, self._begin(batch, voices, occlusion_tracker)))
            if len(begun) > most or most == 1:
                yield self._finish(*begun.popleft(), occlusion_tracker, stopwatch)
        while begun:
            yield self._finish(*begun.popleft(), occlusion_tracker, stopwatch)

    def _begin(self, batch: list[View], voices: Sequence[Driver], occlusion_tracker: OcclusionTracker) -> list[_Begun]:
        """Begin to draw the faces of a batch."""
        import numpy as np

        middles_s, begun = np.array([view.middle_s for view in batch]), []
        for speaker, voice in zip(range(len(self.speakers)), voices, strict=True):
            shown = voice.shown(middles_s)
            groups: dict[int, dict[int, Face]] = {}
            for place, view in enumerate(batch):
                for face in view.faces:
                    share = float(shown[place]) * face.near
                    if face.speaker == speaker and share > 0:
                        groups.setdefault(face.view, {})[place] = face._replace(shown=share)
            for faces in groups.values():
                mels = voice.windows(middles_s[list(faces)], self.runner.encode)
                drawn, trackers = self._draw(list(faces.values()), mels), self.speakers[speaker].trackers
                look = None
                if trackers:
                    numbers, frames = zip(*((batch[place].number, batch[place].pixels) for place in faces), strict=True)
                    look = occlusion_tracker.begin(trackers[next(iter(faces.values())).view], numbers, frames)
                begun.append(_Begun(faces, drawn, look))
        return begun

    def _finish(
        self, batch: list[View], begun: list[_Begun], occlusion_tracker: OcclusionTracker, stopwatch: Stopwatch
    ) -> list[View]:
        """Put what was drawn beside the frames of its batch."""
        for faces, drawn, look in begun:
            with stopwatch.stage("generate"):
                generated = drawn.result()
                speaker = next(iter(faces.values())).speaker
                over = [None] * len(faces) if look is None else occlusion_tracker.finish(look, speaker)
            for index, (place, face) in enumerate(faces.items()):
                new, others = _turned(face, generated.one(index), over[index], depth_map(self.rule)), batch[place].faces
                batch[place] = batch[place]._replace(
                    faces=tuple(new if other[:2] == new[:2] else other for other in others)
                )
        for place, view in enumerate(batch):
            over = [occlusion_tracker.release(face.speaker, view.middle_s, face.covered) for face in view.faces]
            released = (face._replace(covered=each) for face, each in zip(view.faces, over, strict=True))
            batch[place] = view._replace(faces=tuple(released))
        return batch

    def _draw(self, faces: list[Face], mels: np.ndarray) -> Future[GeneratorOutput]:
        """Begin to draw some faces of one view of a speaker."""
        import numpy as np

        crops = [face.reference.crop for face in faces]
        alike = all(crop is crops[0] for crop in crops)
        return self.runner.submit(np.stack(crops[:1] if alike else crops), mels)

    def _compose(self, batches: Iterator[list[View]], stopwatch: Stopwatch) -> Iterator[View]:
        """Put the drawn faces into the frames."""
        for batch in batches:
            for view in batch:
                pixels = view.pixels
                for face in view.faces:
                    if face.generated is not None:
                        with stopwatch.stage("composite"):
                            shown = Shown(face.shown, face.firm, face.covered)
                            pixels = self.compositor.compose(pixels, face.matrix, face.generated, face.reference, shown)
                yield view._replace(pixels=pixels)


def _turned(face: Face, generated: GeneratorOutput, covered: OcclusionMask | None, depth: np.ndarray) -> Face:
    """Return a face with what is drawn of it and what lies over it, brought to where its head is turned."""
    if face.reference.calibration is not None:
        generated = face.reference.calibration.apply(generated)
    if face.turn is not None:
        generated = turn_output(generated, face.turn, depth)
        covered = None if covered is None else turn_occlusion(covered, face.turn, depth)
    return face._replace(generated=generated, covered=covered)
