"""The one whose face speaks: found, chosen and computed once, however many messages there are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from lipsync_cli.errors import NothingToDoError, UsageError
from lipsync_cli.faces.blend import lower_face_mask
from lipsync_cli.synthesis.choice import Choice, find_face
from lipsync_cli.synthesis.codes import face_codes
from lipsync_cli.synthesis.composite import Compositor, reference_face
from lipsync_cli.synthesis.footage import Footage
from lipsync_cli.synthesis.laps import Laps
from lipsync_cli.synthesis.reference import choose_neutral, fits_poses
from lipsync_cli.synthesis.render import BATCH_SIZE, Renderer

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.synthesis.sketch import Sketcher
    from lipsync_cli.synthesis.task import Task

Progress = Callable[[int, "int | None", str], None]
Say = Callable[[str], None]

REFERENCES = ("auto", "neutral", "current")


class Memory(Protocol):
    """Where a face is, and which frame lends its pixels, as known from an earlier time."""

    def boxes(self, task: Task, num_frames: int) -> np.ndarray | None:
        """Return the boxes (num_frames, 4) of the first frames, or None if they are not known."""

    def keep_boxes(self, task: Task, boxes: np.ndarray) -> None:
        """Keep what `boxes` is to return."""

    def reference(self, task: Task, mode: str, num_frames: int) -> int | None:
        """Return the reference's frame, -1 for each frame its own, or None if it is not known."""

    def keep_reference(self, task: Task, mode: str, num_frames: int, number: int) -> None:
        """Keep what `reference` is to return."""


@dataclass(frozen=True)
class Scene:
    """A source, ready to be drawn.

    Attributes
    ----------
    renderer : of its frames
    boxes : shape (N, 4), NaN where there is no face
    reference_frame : whose pixels are moved, counted from the task's first frame; None: each frame's own
    """

    renderer: Renderer
    boxes: np.ndarray
    reference_frame: int | None


class Presenter:
    """A context manager over what is known of one source, for any number of tasks that show it.

    Parameters
    ----------
    reference : "neutral" moves the pixels of one frame with a resting mouth; "current" those of each frame itself;
        "auto" is neutral, but current where the head turns too much for one frame to fit the others
    batch_size : frames that the generator draws at once
    ahead_s : so much of the source is looked through although the first task may need less
    memory : what is known from an earlier time, and where it is kept; not used for a face that a photo names
    choice : whose mouth is moved, from `read_choice`; None: that of the largest steady face
    """

    def __init__(
        self,
        reference: str = "auto",
        batch_size: int = BATCH_SIZE,
        ahead_s: Fraction = Fraction(0),
        memory: Memory | None = None,
        choice: Choice | None = None,
    ) -> None:
        if reference not in REFERENCES:
            raise UsageError(f"--reference {reference!r} is not known", hint=f"choose from {', '.join(REFERENCES)}")
        self._reference, self._batch_size, self._ahead_s = reference, batch_size, ahead_s
        self._choice = choice or Choice()
        self._memory = memory if isinstance(self._choice.wanted, (str, int)) else None
        self._scene: Scene | None = None
        self._open = ExitStack()

    def __enter__(self) -> Presenter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._open.close()

    def meet(self, task: Task, laps: Laps, progress: Progress | None = None, say: Say = lambda text: None) -> Scene:
        """Return the task's source, ready to be drawn; it is looked through again only if more of it is needed.

        Raises
        ------
        NothingToDoError : no frame has a face, or not the chosen one
        InputError : the source turns out to be damaged
        """
        if self._scene is None or self._scene.renderer.footage.num_frames < task.plan.num_source_frames:
            self._open.close()
            self._scene = self._look(task, laps, progress, say)
        return self._scene

    def _look(self, task: Task, laps: Laps, progress: Progress | None, say: Say) -> Scene:
        rule, picture, num_frames = task.header.crop_rule, task.picture, self._num_frames(task)
        assert task.loading is not None
        footage = Footage(task.info, num_frames, first=task.first_frame, filters=picture.filters)
        self._open.enter_context(footage)
        for note in picture.notes:
            say(f"{task.face}: {note}")
        boxes = self._find(task, footage, progress, say)
        _check_faces(boxes, task, say)
        laps.end("faces")
        sketcher = task.loading.result()
        laps.end("load")
        number = self._choose(task, footage, boxes, sketcher, say)
        chosen = None if number is None else reference_face(footage.frame(number), boxes[number], rule)
        laps.end("reference")
        compositor = Compositor(rule, lower_face_mask(rule))
        codes = self._open.enter_context(face_codes(sketcher))
        renderer = Renderer(footage, boxes, rule, sketcher, compositor, chosen, self._batch_size, codes)
        return Scene(renderer, boxes, number)

    def _num_frames(self, task: Task) -> int:
        """Return how many frames are looked through."""
        ahead = 1 if task.info.is_image else int(self._ahead_s * task.timeline.rate)
        return max(task.plan.num_source_frames, min(ahead, task.timeline.num_frames))

    def _find(self, task: Task, footage: Footage, progress: Progress | None, say: Say) -> np.ndarray:
        known = self._memory.boxes(task, footage.num_frames) if self._memory is not None else None
        if known is not None:
            return known
        counted = _counted(progress, footage.num_frames)
        rule, choice = task.header.crop_rule, self._choice
        boxes = find_face(footage.scan(), rule, counted, choice=choice, say=say, path=task.face).boxes
        if self._memory is not None:
            self._memory.keep_boxes(task, boxes)
        return boxes

    def _choose(self, task: Task, footage: Footage, boxes: np.ndarray, sketcher: Sketcher, say: Say) -> int | None:
        if self._reference == "current" or footage.num_frames == 1:
            return None
        num_frames = footage.num_frames
        known = self._memory.reference(task, self._reference, num_frames) if self._memory is not None else None
        if known is None:
            known = _choose_reference(self._reference, footage, boxes, task, sketcher)
            if known is None:
                return None
            if self._memory is not None:
                self._memory.keep_reference(task, self._reference, num_frames, known)
        if known >= 0:
            return known
        say(
            f"{task.face}: the head turns too much for one resting face, each frame's own mouth is moved; one that is "
            "wide open may stay partly open"
        )
        return None


def _check_faces(boxes: np.ndarray, task: Task, say: Say) -> None:
    """Say how many frames have no face; NothingToDoError if none has one."""
    missing = num_without_face(boxes)
    if missing == len(boxes):
        what = "the photo" if task.info.is_image else f"{len(boxes)} frames"
        raise NothingToDoError(f"no face in {what}", task.face, "give a face that looks at the camera")
    if missing:
        say(f"{task.face}: no face in {missing} of {len(boxes)} frames; they pass through as they are")


def num_without_face(boxes: np.ndarray) -> int:
    """Return how many of some boxes (N, 4) are NaN."""
    import numpy as np

    return int(np.isnan(boxes[:, 0]).sum())


def _choose_reference(mode: str, footage: Footage, boxes: np.ndarray, task: Task, sketcher: Sketcher) -> int | None:
    """Return the frame that lends its pixels, -1 where none fits the others, None where none can be looked at."""
    import numpy as np

    if not footage.at_hand():
        for _ in footage.scan():
            pass
    if all(np.isnan(boxes[number, 0]) for number in footage.at_hand()):
        return None  # a face so rarely seen that no frame of it was kept
    rule = task.header.crop_rule
    number = choose_neutral(footage, boxes, rule, sketcher)
    return number if mode == "neutral" or fits_poses(footage, boxes, rule, number) else -1


def _counted(progress: Progress | None, total: int) -> Progress | None:
    if progress is None:
        return None
    return lambda done, _, label: progress(done, total, label)
