"""The second pass: frames of the source, with the lower face that goes with the speech, as a stream."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.synthesis.composite import Compositor, ReferenceFace, reference_face
from lipsync_cli.synthesis.stream import pipeline

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.synthesis.footage import Footage
    from lipsync_cli.synthesis.plan import Plan
    from lipsync_cli.synthesis.sketch import Sketch, Sketcher
    from lipsync_cli.synthesis.voice import Voice

BATCH_SIZE = 16
FLIGHT_BYTES = 256 << 20  # frames on their way through the stages
BATCHES_IN_FLIGHT = 5  # two queues of one, three stages with one in hand


class _Batch(NamedTuple):
    """Frames on their way: `crops` (m, S, S, 3) and `middles_s` (m,) belong to those frames that have a face."""

    frames: list[tuple[int, np.ndarray]]
    faces: list[int]  # positions in `frames`
    crops: np.ndarray | None
    middles_s: np.ndarray | None
    sketch: Sketch | None = None


@dataclass(frozen=True)
class Renderer:
    """Draws the frames of a plan.

    Attributes
    ----------
    footage : scanned
    boxes : shape (N, 4), of the source's frames, NaN where there is no face
    rule : of the crop that the generator was trained on
    sketcher, compositor : the generator, and what puts its work into the frames
    reference : the face whose pixels are moved, or None: each frame is its own
    batch_size : frames that the generator draws at once, at most
    """

    footage: Footage
    boxes: np.ndarray
    rule: CropRule
    sketcher: Sketcher
    compositor: Compositor
    reference: ReferenceFace | None = None
    batch_size: int = BATCH_SIZE

    @contextmanager
    def frames(self, plan: Plan, voice: Voice) -> Generator[Iterator[np.ndarray], None, None]:
        """Give the output's frames, (H, W, 3) uint8 RGB, in order; frames without a face are the source's own."""
        with pipeline(self._crop(plan), lambda batches: self._sketch(batches, voice), self._compose, depth=1) as frames:
            yield frames

    def _crop(self, plan: Plan) -> Iterator[_Batch]:
        import numpy as np

        middles_s = plan.timeline.middles()
        size = max(1, min(self.batch_size, FLIGHT_BYTES // (BATCHES_IN_FLIGHT * self.footage.frame_bytes)))
        frames: list[tuple[int, np.ndarray]] = []
        faces: list[int] = []
        crops: list[np.ndarray] = []
        last = -1
        for position, (number, frame) in enumerate(self.footage.frames(plan.order)):
            if not np.isnan(self.boxes[number, 0]):
                again = number == last and faces and faces[-1] == len(frames) - 1
                crops.append(crops[-1] if again else crop_face(frame, self.boxes[number], self.rule))
                faces.append(len(frames))
            frames.append((number, frame))
            last = number
            if len(frames) == size or position == plan.num_frames - 1:
                first = position + 1 - len(frames)
                yield _Batch(
                    frames,
                    faces,
                    np.stack(crops) if crops else None,
                    middles_s[first + np.array(faces)] if faces else None,
                )
                frames, faces, crops, last = [], [], [], -1

    def _sketch(self, batches: Iterator[_Batch], voice: Voice) -> Iterator[_Batch]:
        for batch in batches:
            if batch.crops is None or batch.middles_s is None:
                yield batch
                continue
            reference = batch.crops if self.reference is None else self.reference.crop[None]
            yield batch._replace(sketch=self.sketcher.sketch(reference, batch.crops, voice.windows(batch.middles_s)))

    def _compose(self, batches: Iterator[_Batch]) -> Iterator[np.ndarray]:
        for batch in batches:
            which = {position: index for index, position in enumerate(batch.faces)}
            for position, (number, frame) in enumerate(batch.frames):
                if position not in which or batch.sketch is None:
                    yield frame
                    continue
                box = self.boxes[number]
                reference = self.reference or reference_face(frame, box, self.rule)
                yield self.compositor.compose(frame, box, batch.sketch.one(which[position]), reference)
