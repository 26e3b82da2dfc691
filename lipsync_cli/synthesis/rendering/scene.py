"""Those whose faces speak: found, chosen and computed once, however many messages there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from lipsync_cli.errors import NothingToDoError, UsageError
from lipsync_cli.faces.mask import lower_face_mask
from lipsync_cli.faces.selection import FaceSelection, find_faces
from lipsync_cli.runtime.stopwatch import Stopwatch
from lipsync_cli.synthesis.compositing.compositor import Compositor, reference_face
from lipsync_cli.synthesis.generation.local_runner import BATCH_SIZE
from lipsync_cli.synthesis.references.pose_clusters import choose_reference
from lipsync_cli.synthesis.references.reference_selection import ReferenceFrames, bring_open
from lipsync_cli.synthesis.rendering.renderer import Renderer, Speaker
from lipsync_cli.synthesis.sources.video_source import VideoSource

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.synthesis.compositing.compositor import ReferenceFace
    from lipsync_cli.synthesis.generation.generator_runner import GeneratorRunner
    from lipsync_cli.synthesis.job import Job

Progress = Callable[[int, "int | None", str], None]
Say = Callable[[str], None]

REFERENCES = ("auto", "neutral", "current")


class ReferenceCache(Protocol):
    """Where a face is, and which frame lends its pixels, as known from an earlier time.

    `who` says which face it is, among several, and how it is found; it is empty for the largest, found as usual.
    """

    def boxes(self, task: Job, who: str, num_frames: int) -> np.ndarray | None:
        """Return the boxes (num_frames, 4) of the first frames, or None if they are not known."""

    def keep_boxes(self, task: Job, who: str, boxes: np.ndarray) -> None:
        """Keep what `boxes` is to return."""

    def reference(self, task: Job, who: str, mode: str, num_frames: int) -> tuple[ReferenceFrames, ...] | None:
        """Return the frames that lend their pixels, or None if they are not known."""

    def keep_reference(
        self, task: Job, who: str, mode: str, num_frames: int, lenders: tuple[ReferenceFrames, ...]
    ) -> None:
        """Keep what `reference` is to return."""


# A face that is found in a smaller share of the frames, and never for so long, is taken for a false one.
FEW_FACES, FEW_S = 0.25, 0.5


@dataclass(frozen=True)
class Scene:
    """A source, ready to be drawn.

    Attributes
    ----------
    renderer : of its frames
    lenders : for each speaker, the frames that lend their pixels, counted from the task's first frame, two for each way
        in which the head is held; None: each frame its own
    """

    renderer: Renderer
    lenders: tuple[tuple[ReferenceFrames, ...] | None, ...]

    @property
    def reference_frames(self) -> tuple[tuple[int, ...], ...]:
        """For each speaker the frames whose pixels are moved, none: each frame's own."""
        return tuple(tuple(lent.resting for lent in each or ()) for each in self.lenders)


class SceneBuilder:
    """A context manager over what is known of one source, for any number of tasks that show it.

    Parameters
    ----------
    reference : "neutral" moves the pixels of one frame with a resting mouth; "current" those of each frame itself;
        "auto" is neutral, but of a head that turns it moves those of several such frames, each where it fits
    batch_size : frames that the generator draws at once
    ahead_s : so much of the source is looked through although the first task may need less
    memory : what is known from an earlier time, and where it is kept; not used for a face that a photo names
    choices : whose mouths are moved, from `read_choice`, in the order of the tasks' voices
    """

    def __init__(
        self,
        reference: str = "auto",
        batch_size: int = BATCH_SIZE,
        ahead_s: Fraction = Fraction(0),
        memory: ReferenceCache | None = None,
        choices: Sequence[FaceSelection] = (FaceSelection(),),
    ) -> None:
        if reference not in REFERENCES:
            raise UsageError(f"--reference {reference!r} is not known", hint=f"choose from {', '.join(REFERENCES)}")
        self._reference, self._batch_size, self._ahead_s = reference, batch_size, ahead_s
        self._choices, self._memory = tuple(choices), memory
        self._scene: Scene | None = None
        self._open = ExitStack()

    def __enter__(self) -> SceneBuilder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._open.close()

    def open_scene(
        self, task: Job, laps: Stopwatch, progress: Progress | None = None, say: Say = lambda text: None
    ) -> Scene:
        """Return the task's source, ready to be drawn; it is looked through again only if more of it is needed.

        Raises
        ------
        NothingToDoError : no frame has a face, or not a chosen one
        UsageError : two choices mean the same person
        InputError : the source turns out to be damaged
        """
        if self._scene is None or self._scene.renderer.footage.num_frames < task.plan.num_source_frames:
            self._open.close()
            self._scene = self._look(task, laps, progress, say)
        return self._scene

    def _look(self, task: Job, laps: Stopwatch, progress: Progress | None, say: Say) -> Scene:
        rule, picture, num_frames = task.header.crop_rule, task.picture, self._num_frames(task)
        assert task.loading is not None
        footage = VideoSource(
            task.info, num_frames, first=task.first_frame, filters=picture.filters, matrix=picture.matrix
        )
        self._open.enter_context(footage)
        for note in picture.notes:
            say(f"{task.face}: {note}")
        boxes = self.find(task, footage, progress, say)
        for choice, found in zip(self._choices, boxes, strict=True):
            _check_faces(found, task, say, self._call(choice))
        laps.end("faces")
        sketcher = task.loading.result()
        laps.end("load")
        if task.occlusion and not sketcher.sees_occlusion and not task.info.is_image:
            say(f"{task.face}: the occlusion network does not know crops of these weights; hands are painted over")
        lenders = [self.choose(task, footage, found, sketcher, say, place) for place, found in enumerate(boxes)]
        speakers = []
        for choice, chosen, found in zip(self._choices, lenders, boxes, strict=True):
            if chosen is None:
                speakers.append(Speaker(found, name=choice.name))
            else:
                faces = [_lent(footage, found, rule, each) for each in chosen]
                speakers.append(Speaker.resting(found, faces, rule, choice.name))
        laps.end("reference")
        compositor = Compositor(rule, lower_face_mask(rule))
        renderer = Renderer(footage, tuple(speakers), rule, sketcher, compositor, self._batch_size)
        return Scene(renderer, tuple(lenders))

    def _call(self, choice: FaceSelection) -> str:
        """Return how a choice is named in what is said: not at all if it is the only one."""
        return f" of --speaker {choice.name}" if len(self._choices) > 1 else ""

    def _known(self, choice: FaceSelection) -> tuple[ReferenceCache, str] | None:
        """Return what remembers a choice, and by what name, or None."""
        if self._memory is None or not isinstance(choice.wanted, (str, int)):
            return None
        alone = choice.is_usual and len(self._choices) == 1
        return self._memory, "" if alone else f"{choice.name}, {choice.detector}"

    def _num_frames(self, task: Job) -> int:
        """Return how many frames are looked through."""
        ahead = 1 if task.info.is_image else int(self._ahead_s * task.timeline.rate)
        return max(task.plan.num_source_frames, min(ahead, task.timeline.num_frames))

    def find(self, task: Job, footage: VideoSource, progress: Progress | None, say: Say) -> list[np.ndarray]:
        """Return the boxes (N, 4) of every choice; the frames are gone through once, or not at all.

        Raises
        ------
        NothingToDoError : there are faces, but not a chosen one
        UsageError : two choices mean the same person
        """
        import numpy as np

        memories = [self._known(choice) for choice in self._choices]
        known = [m[0].boxes(task, m[1], footage.num_frames) if m is not None else None for m in memories]
        if any(boxes is None for boxes in known):
            counted = _counted(progress, footage.num_frames)
            tracks = find_faces(footage.scan(), task.header.crop_rule, self._choices, counted, say, task.face)
            for place, (track, memory) in enumerate(zip(tracks, memories, strict=True)):
                if memory is not None and known[place] is None:
                    memory[0].keep_boxes(task, memory[1], track.boxes)
                known[place] = track.boxes
        found = [boxes for boxes in known if boxes is not None]
        for place, boxes in enumerate(found):
            for before in range(place):
                if np.array_equal(found[before], boxes, equal_nan=True) and not np.isnan(boxes).all():
                    names = f"{self._choices[before].name} and {self._choices[place].name}"
                    raise UsageError(f"{task.face}: --speaker {names} are the same face", hint="give one voice a face")
        return found

    def choose(
        self, task: Job, footage: VideoSource, boxes: np.ndarray, sketcher: GeneratorRunner, say: Say, place: int = 0
    ) -> tuple[ReferenceFrames, ...] | None:
        """Return the numbers of the frames that lend their pixels, None where each frame lends its own.

        Parameters
        ----------
        boxes : shape (N, 4), of the choice at `place`; at least one frame has a face
        """
        choice = self._choices[place]
        if self._reference == "current" or footage.num_frames == 1:
            return None
        mode = self._reference + ("" if sketcher.sees_occlusion else ", whatever lies over the face")
        num_frames, memory = footage.num_frames, self._known(choice)
        known = memory[0].reference(task, memory[1], mode, num_frames) if memory is not None else None
        if known is None:
            known = choose_reference(self._reference, footage, boxes, task.header.crop_rule, sketcher)
            if known is None:
                return None
            if memory is not None:
                memory[0].keep_reference(task, memory[1], mode, num_frames, known)
        if len(known) > 1:
            why = f"the face{self._call(choice)} turns or changes too much for one resting face"
            say(f"{task.face}: {why}, {len(known)} are used in turn")
        return known


def _lent(footage: VideoSource, boxes: np.ndarray, rule: CropRule, lenders: ReferenceFrames) -> ReferenceFace:
    """Return the face that lends its pixels."""
    face = reference_face(footage.frame(lenders.resting), boxes[lenders.resting], rule)
    return face._replace(opened=bring_open(footage, boxes, rule, lenders, face))


def _check_faces(boxes: np.ndarray, task: Job, say: Say, whose: str = "") -> None:
    """Say how many frames have no face; NothingToDoError if none has one, or so few that it may be none."""
    missing = num_without_face(boxes)
    found = len(boxes) - missing
    if missing == len(boxes):
        what = "the photo" if task.info.is_image else f"{len(boxes)} frames"
        raise NothingToDoError(f"no face{whose} in {what}", task.face, "give a face that looks at the camera")
    if is_false_face(boxes, float(task.timeline.rate)):
        fact = f"a face{whose} is found in {found} of {len(boxes)} frames only, too few to be sure that it is one"
        raise NothingToDoError(
            fact, task.face, "turn a video that stands upside down; choose a part with --start, --end"
        )
    if missing:
        say(f"{task.face}: no face{whose} in {missing} of {len(boxes)} frames; {_passing(whose)}")


def _passing(whose: str) -> str:
    return "it passes through as it is there" if whose else "they pass through as they are"


def num_without_face(boxes: np.ndarray) -> int:
    """Return how many of some boxes (N, 4) are NaN."""
    import numpy as np

    return int(np.isnan(boxes[:, 0]).sum())


def is_false_face(boxes: np.ndarray, rate: float) -> bool:
    """Tell whether boxes (N, 4) at so many frames a second are so few, and never long on end, that they are no face's.

    So is what a detector finds in a video that stands upside down.
    """
    import numpy as np

    gaps = np.flatnonzero(np.isnan(np.pad(boxes[:, 0], 1, constant_values=np.nan)))
    longest = int(np.diff(gaps).max()) - 1
    return len(boxes) - num_without_face(boxes) < FEW_FACES * len(boxes) and longest < FEW_S * rate


def _counted(progress: Progress | None, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, _, label: progress(done, total, label)
