"""A film beside the film that shows, on every frame, what the program knew and did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import UsageError
from lipsync_cli.faces.alignment import Aligner, invert
from lipsync_cli.faces.mask import lower_face_mask
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.runtime.atomic_files import atomic_output, check_output
from lipsync_cli.synthesis.compositing.crop_sampler import CropSampler
from lipsync_cli.synthesis.rendering.film_output import check_film_name

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.faces.occlusion import OcclusionMask
    from lipsync_cli.synthesis.job import Job
    from lipsync_cli.synthesis.rendering.marking import Marking
    from lipsync_cli.synthesis.rendering.renderer import Face, View
    from lipsync_cli.synthesis.rendering.scene import Scene

SMALL, LARGEST_FACTOR = 540, 4  # frames of fewer rows are enlarged, by this at most
LINES = 36  # of text that fit into a frame's height
COLUMN = 24  # lines of text that the panel of one speaker is wide
PANEL = 7  # lines that it is high
COLOURS = ((255, 210, 0), (0, 220, 255), (255, 110, 200), (140, 255, 90), (255, 150, 60), (190, 160, 255))
EDGES = (0.02, 0.5)  # of the mask: where it begins, and where half is replaced


def check_debug(path: Path, job: Job, force: bool, resume: bool = False) -> None:
    """Raise before anything is made if the film of `debug` cannot be written to `path`, or not of a resumed film."""
    if resume:
        raise UsageError("--debug-video does not go with --resume", hint="what an earlier run has drawn is not seen")
    check_film_name(path)
    if path.absolute() == job.output.path.absolute():
        raise UsageError(f"{path}: is the video itself", hint="name another file for --debug-video")
    check_output(path, force, [job.source.path, *(voice.path for voice in job.voices)])


@contextmanager
def debug(
    path: Path, job: Job, scene: Scene, marking: Marking, force: bool = False
) -> Iterator[Callable[[int, View], None]]:
    """Write the film that explains another one; give what takes its frames, by their numbers."""
    with atomic_output(path, force) as temporary:
        inspector = Inspector(job, scene)
        writer = VideoWriter(
            temporary,
            *inspector.size,
            job.schedule.timeline,
            job.output.sound,
            job.schedule.sound_s,
            tags=marking.tags(job.generator.header, job.source.info.tags),
            color_tags=job.source.picture.color_tags,
            sample_aspect=job.source.sample_aspect,
            change_sound=marking.change_sound,
            least_rate=marking.least_rate,
        )
        with writer:
            yield lambda number, view: writer.write(inspector.draw(number, view))


class Inspector:
    """Draws over a frame and below it.

    On the picture: the face's box, the crop of the rest frame where it lies in this frame, where the mask begins
    and where half is replaced, the points by which the pose was found, and, hatched, what lies over the face. Below:
    number and time of the frame and of the source's; for each speaker the state, and the mel window with the frame's
    middle.

    Parameters
    ----------
    job, scene : of the film

    Attributes
    ----------
    size : width and height of what `draw` returns
    """

    def __init__(self, job: Job, scene: Scene) -> None:
        self._source, self._voices, self._timeline = job.source, job.voices, job.schedule.timeline
        self._references, self._boxes = scene.references, scene.boxes
        self._renderer = renderer = scene.renderer
        width, height = scene.video.width, scene.video.height
        self._factor = min(LARGEST_FACTOR, -(-SMALL // height)) if height < SMALL else 1
        self._width, self._height = width * self._factor, height * self._factor
        self._line = max(10, self._height // LINES)
        self._columns = max(1, min(len(renderer.speakers), self._width // (COLUMN * self._line)))
        rows = -(-len(renderer.speakers) // self._columns)
        self.size = self._width, self._height + (2 + PANEL * rows) * self._line
        self._outlines = _outlines(lower_face_mask(renderer.rule), renderer.rule.size)
        self._points = Aligner(renderer.rule).points()

    def draw(self, number: int, view: View) -> np.ndarray:
        """Return a frame of the film, (height, width, 3) uint8, that explains frame `number`."""
        import cv2
        import numpy as np

        canvas = np.full((self.size[1], self.size[0], 3), 24, np.uint8)
        size = self._width, self._height
        canvas[: self._height] = cv2.resize(np.asarray(view.pixels), size, interpolation=cv2.INTER_CUBIC)
        shown, faces = self._timeline.time(number), {face.speaker: face for face in reversed(view.faces)}
        source = view.number + self._source.first_frame
        source_s = self._source.start_s + self._source.timeline.time(view.number)
        text = f"frame {number}  {float(shown):.3f} s    source {source}  {float(source_s):.3f} s"
        self._write(canvas, text, self._line // 2, self._height + self._line // 2, (255, 255, 255))
        for place in range(len(self._renderer.speakers)):
            face, colour = faces.get(place), COLOURS[place % len(COLOURS)]
            if face is not None:
                self._mark(canvas[: self._height], face, colour)
            row, column = divmod(place, self._columns)
            left = self._line // 2 + column * self._width // self._columns
            self._tell(canvas, left, self._height + (2 + PANEL * row) * self._line, place, view, face)
        return canvas

    def _mark(self, picture: np.ndarray, face: Face, colour: tuple[int, int, int]) -> None:
        """Draw box, crop, mask and points of a face."""
        import cv2
        import numpy as np

        side, thick = self._renderer.rule.size, max(1, self._line // 8)
        back = invert(face.matrix)
        x0, y0, x1, y1 = self._boxes[face.speaker, face.number]
        box = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        crop = np.array([[0, 0], [side, 0], [side, side], [0, side]]) - 0.5
        if face.covered is not None:
            self._hatch(picture, face, face.covered, colour)
        self._line_through(picture, box - 0.5, colour, 2 * thick)
        self._line_through(picture, crop @ back[:, :2].T + back[:, 2], colour, 1)
        for outline, width in zip(self._outlines, (1, thick), strict=True):
            self._line_through(picture, outline @ back[:, :2].T + back[:, 2], (255, 255, 255), width)
        if not self._renderer.speakers[face.speaker].trackers:
            return
        for x, y in (self._points @ back[:, :2].T + back[:, 2] + 0.5) * self._factor:
            cv2.circle(picture, (round(x), round(y)), max(1, thick // 2), colour, -1)

    def _hatch(self, picture: np.ndarray, face: Face, covered: OcclusionMask, colour: tuple[int, int, int]) -> None:
        """Hatch what lies over a face."""
        import numpy as np

        side, factor = self._renderer.rule.size, self._factor
        seen = CropSampler(covered.opacity, covered.opacity.shape[1] / side, top=side // 2, cubic=False)
        height, width = picture.shape[:2]
        matrix = face.matrix @ np.array(
            [[1 / factor, 0, 0.5 / factor - 0.5], [0, 1 / factor, 0.5 / factor - 0.5], [0, 0, 1]]
        )
        inside = seen.sample(matrix, (height, width)) > 0.5
        rows, columns = np.indices((height, width), sparse=True)
        stripes = (rows + columns) // max(1, self._line // 4) % 3 == 0
        picture[inside & stripes] = colour

    def _line_through(self, picture: np.ndarray, points: np.ndarray, colour: tuple[int, ...], width: int) -> None:
        """Draw a closed line through points (n, 2) of the frame, in pixel indices."""
        import cv2
        import numpy as np

        places = np.rint(((points + 0.5) * self._factor - 0.5) * 16).astype(np.int32)
        cv2.polylines(picture, [places], True, colour, width, cv2.LINE_AA, shift=4)

    def _tell(self, canvas: np.ndarray, left: int, top: int, place: int, view: View, face: Face | None) -> None:
        """Write a speaker's state beside the mel window."""
        import cv2
        import numpy as np

        line, colour = self._line, COLOURS[place % len(COLOURS)]
        voice, speaker = self._voices[place], self._renderer.speakers[place]
        middle = np.array([view.middle_s])
        size = min(3 * PANEL * line // 4, self._width - left), (PANEL - 1) * line
        mel = (np.clip(voice.windows(middle, self._renderer.runner.encode)[0].T[::-1] / 8 + 0.5, 0, 1) * 255).astype(
            np.uint8
        )
        image = cv2.applyColorMap(cv2.resize(mel, size, interpolation=cv2.INTER_NEAREST), cv2.COLORMAP_INFERNO)
        canvas[top : top + size[1], left : left + size[0]] = image[:, :, ::-1]
        centre = left + size[0] // 2
        cv2.line(canvas, (centre, top), (centre, top + size[1] - 1), (255, 255, 255), 1)
        lines = [
            f"{speaker.name}: {voice.path.name}",
            self._state(place, view, face),
            self._open_reference(place, face),
            f"voice {float(voice.speech(middle)[0]):.2f}  drawn {0.0 if face is None else face.drawn:.2f}",
        ]
        for row, text in enumerate(lines):
            self._write(canvas, text, left + size[0] + line // 2, top + round(1.4 * row * line), colour)

    def _open_reference(self, place: int, face: Face | None) -> str:
        """Say which frames are the reference, of a head that turns in this frame."""
        views, first = self._references[place], self._source.first_frame
        if views is None:
            return "pixels of each frame"
        references = views[0 if face is None else face.view]
        mouths = sorted({number + first for each in views for number in each.mouths})
        inside = f", inside of {' '.join(map(str, mouths))}" if mouths else ""
        return f"pixels of frame {references.rest + first}{inside}"

    def _state(self, place: int, view: View, face: Face | None) -> str:
        import numpy as np

        if face is None:
            return "no face: passes through"
        voice = self._voices[place]
        if view.middle_s >= voice.duration_s:
            what = "the voice has ended"
        elif voice.speech(np.array([view.middle_s]))[0] > 0.5:
            return "speech"
        else:
            what = "pause"
        return f"{what}: --silence {voice.silence}"

    def _write(self, canvas: np.ndarray, text: str, left: int, top: int, colour: tuple[int, ...]) -> None:
        """Write a line of text whose upper left corner is given."""
        import cv2

        plain = text.encode("ascii", "replace").decode()
        scale = 0.62 * self._line / 21  # OpenCV's capital letters measure 21 pixels at scale 1
        place = left, top + round(0.8 * self._line)
        cv2.putText(
            canvas, plain, place, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, max(1, self._line // 14), cv2.LINE_AA
        )


def _outlines(mask: np.ndarray, size: int) -> list[np.ndarray]:
    """Return where a mask (K, K) passes some values, as points (n, 2) in pixel indices of a crop of a size."""
    import cv2
    import numpy as np

    outlines = []
    for edge in EDGES:
        found, _ = cv2.findContours((mask > edge).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        longest = max(found, key=len)[:, 0].astype(np.float64)
        outlines.append((longest + 0.5) * size / len(mask) - 0.5)
    return outlines
