"""The second pass: frames of the source, with the lower face that goes with the speech, as a stream."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.synthesis.align import Aligner, follow, to_grey, turn
from lipsync_cli.synthesis.composite import Compositor, ReferenceFace, reference_face
from lipsync_cli.synthesis.laps import Laps
from lipsync_cli.synthesis.stream import pipeline

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.synthesis.codes import FaceCodes
    from lipsync_cli.synthesis.footage import Footage
    from lipsync_cli.synthesis.plan import Plan
    from lipsync_cli.synthesis.sketch import Sketch, Sketcher
    from lipsync_cli.synthesis.voice import Voice

BATCH_SIZE = 16
FLIGHT_BYTES = 256 << 20  # frames on their way through the stages
BATCHES_IN_FLIGHT = 5  # two queues of one, three stages with one in hand


class _Face(NamedTuple):
    """A face to be drawn: its frame's number, the map (2, 3) from the frame to its crop, whose pixels are moved.

    The crop (S, S, 3) is None if the face's code is known.
    """

    number: int
    matrix: np.ndarray
    crop: np.ndarray | None
    reference: ReferenceFace


class _Frame(NamedTuple):
    """A frame on its way: when its middle is shown, its pixels (H, W, 3), its face if it has one, what to draw of it.

    `shown` is how much of what is drawn replaces the source's own mouth.
    """

    middle_s: float
    pixels: np.ndarray
    face: _Face | None
    sketch: Sketch | None = None
    shown: float = 1.0


@dataclass(frozen=True)
class Renderer:
    """Draws the frames of a plan.

    Attributes
    ----------
    footage : scanned
    boxes : shape (N, 4), of the source's frames, NaN where there is no face
    rule : of the crop that the generator was trained on
    sketcher, compositor : the generator, and what puts its work into the frames
    reference : the face whose pixels are moved, brought into each frame's pose; None: each frame's own
    batch_size : frames that the generator draws at once, at most
    codes : keeps what the generator computes from the faces alone, for one `reference`; None: it is computed each time
    """

    footage: Footage
    boxes: np.ndarray
    rule: CropRule
    sketcher: Sketcher
    compositor: Compositor
    reference: ReferenceFace | None = None
    batch_size: int = BATCH_SIZE
    codes: FaceCodes | None = None

    @contextmanager
    def frames(self, plan: Plan, voice: Voice, laps: Laps | None = None) -> Generator[Iterator[np.ndarray], None, None]:
        """Give the output's frames, (H, W, 3) uint8 RGB, in order; frames without a face are the source's own.

        `laps` counts the time of the stages decode, crop, generate and composite.
        """
        laps = laps or Laps()
        with pipeline(
            self._crop(plan, laps),
            lambda batches: self._sketch(batches, voice, laps),
            lambda batches: self._compose(batches, laps),
            depth=1,
        ) as frames:
            yield frames

    def _crop(self, plan: Plan, laps: Laps) -> Iterator[list[_Frame]]:
        """Read the frames and cut the faces out."""
        size = max(1, min(self.batch_size, FLIGHT_BYTES // (BATCHES_IN_FLIGHT * self.footage.frame_bytes)))
        find = self._faces()
        batch: list[_Frame] = []
        frames = laps.count("decode", self.footage.frames(plan.order))
        for middle_s, (number, pixels) in zip(plan.timeline.middles(), frames, strict=True):
            with laps.stage("crop"):
                batch.append(_Frame(middle_s, pixels, find(number, pixels)))
            if len(batch) == size:
                yield batch
                batch = []
        if batch:
            yield batch

    def _faces(self) -> Callable[[int, np.ndarray], _Face | None]:
        """Return what makes the face of a frame of the source; asked twice in a row for one frame, it works once."""
        import numpy as np

        neutral, aligner = self.reference, Aligner(self.rule)
        grey = to_grey(neutral.crop) if neutral is not None else None
        last: tuple[int, _Face | None] = (-1, None)

        def find(number: int, pixels: np.ndarray) -> _Face | None:
            nonlocal last
            if number != last[0]:
                box = self.boxes[number]
                if np.isnan(box[0]):
                    last = number, None
                elif neutral is None or grey is None:
                    own = reference_face(pixels, box, self.rule)
                    last = number, _Face(number, self.rule.matrix(box), own.crop, own)
                elif self.codes is not None and (matrix := self.codes.matrix(number)) is not None:
                    last = number, _Face(number, matrix, None, neutral)
                else:
                    crop = crop_face(pixels, box, self.rule)
                    pose = aligner.align(to_grey(crop), grey)
                    last = number, _Face(number, follow(pose, self.rule.matrix(box)), turn(crop, pose), neutral)
            return last[1]

        return find

    def _sketch(self, batches: Iterator[list[_Frame]], voice: Voice, laps: Laps) -> Iterator[list[_Frame]]:
        """Let the generator draw all faces of a batch at once."""
        import numpy as np

        for batch in batches:
            shown = voice.shown(np.array([frame.middle_s for frame in batch]))
            places = [place for place, frame in enumerate(batch) if frame.face is not None and shown[place] > 0]
            faces = [face for face in (batch[place].face for place in places) if face is not None]
            if faces:
                mels = voice.windows(np.array([batch[place].middle_s for place in places]))
                with laps.stage("generate"):
                    sketch = self._draw(faces, mels)
                for index, place in enumerate(places):
                    batch[place] = batch[place]._replace(sketch=sketch.one(index), shown=float(shown[place]))
            yield batch

    def _draw(self, faces: list[_Face], mels: np.ndarray) -> Sketch:
        import numpy as np

        references = [face.reference.crop for face in faces]
        if self.codes is not None:
            numbers, matrices = [face.number for face in faces], [face.matrix for face in faces]
            codes = self.codes.of(numbers, matrices, references, [face.crop for face in faces])
            return self.sketcher.draw(codes, mels)
        alike = all(reference is references[0] for reference in references)
        crops = [face.crop for face in faces if face.crop is not None]
        return self.sketcher.sketch(np.stack(references[:1] if alike else references), np.stack(crops), mels)

    def _compose(self, batches: Iterator[list[_Frame]], laps: Laps) -> Iterator[np.ndarray]:
        """Put the drawn faces into the frames."""
        for batch in batches:
            for _, pixels, face, sketch, shown in batch:
                if face is None or sketch is None:
                    yield pixels
                else:
                    with laps.stage("composite"):
                        pixels = self.compositor.compose(pixels, face.matrix, sketch, face.reference, shown)
                    yield pixels
