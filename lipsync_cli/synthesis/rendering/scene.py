"""Those whose faces speak: found, chosen and computed once, however many messages there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from lipsync_cli.errors import NothingToDoError, UsageError
from lipsync_cli.faces.mask import fading_masks
from lipsync_cli.faces.selection import FaceSelection, find_faces
from lipsync_cli.runtime.stopwatch import Stopwatch
from lipsync_cli.synthesis.compositing.compositor import Compositor
from lipsync_cli.synthesis.generation.local_runner import BATCH_SIZE
from lipsync_cli.synthesis.references.calibration import calibrate
from lipsync_cli.synthesis.references.mouth_reference import rest_faces, rest_photo
from lipsync_cli.synthesis.references.pose_clusters import choose_reference
from lipsync_cli.synthesis.references.reference_selection import ReferenceFrames
from lipsync_cli.synthesis.rendering.renderer import Renderer, Speaker

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.faces.tracking.face_track import Track
    from lipsync_cli.formats.weights import WeightsHeader
    from lipsync_cli.synthesis.generation.generator_choice import GeneratorChoice
    from lipsync_cli.synthesis.generation.generator_runner import GeneratorRunner
    from lipsync_cli.synthesis.sources.frame_source import ScannedSource
    from lipsync_cli.synthesis.sources.source_clip import SourceClip

Progress = Callable[[int, "int | None", str], None]
Notify = Callable[[str], None]
Search = Callable[..., "list[Track]"]

REFERENCES = ("auto", "neutral", "current")


class ReferenceCache(Protocol):
    """Where a face is, and which frame's pixels are the reference, as known from an earlier time.

    `who` says which face it is, among several, and how it is found; it is empty for the largest, found as usual.
    """

    def boxes(self, source: SourceClip, rule: CropRule, who: str, num_frames: int) -> np.ndarray | None:
        """Return the boxes (num_frames, 4) of the first frames, or None if they are not known."""

    def keep_boxes(self, source: SourceClip, rule: CropRule, who: str, boxes: np.ndarray) -> None:
        """Keep what `boxes` is to return."""

    def reference(
        self, source: SourceClip, header: WeightsHeader, who: str, mode: str, num_frames: int
    ) -> tuple[ReferenceFrames, ...] | None:
        """Return the frames whose pixels are used as reference, or None if they are not known."""

    def keep_reference(
        self,
        source: SourceClip,
        header: WeightsHeader,
        who: str,
        mode: str,
        num_frames: int,
        references: tuple[ReferenceFrames, ...],
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
    video : the frames
    boxes : shape (number of speakers, N, 4), where their faces are, NaN where there is none
    references : for each speaker, the reference frames, counted from the source's first frame, two for each way in
        which the head is held; None: each frame its own
    """

    renderer: Renderer
    video: ScannedSource
    boxes: np.ndarray
    references: tuple[tuple[ReferenceFrames, ...] | None, ...]

    @property
    def reference_frames(self) -> tuple[tuple[int, ...], ...]:
        """For each speaker the frames whose pixels are moved, none: each frame's own."""
        return tuple(tuple(frames.rest for frames in each or ()) for each in self.references)


class SceneBuilder:
    """A context manager over what is known of one source, for any number of jobs that show it.

    Parameters
    ----------
    reference : "neutral" moves the pixels of one frame with a resting mouth; "current" those of each frame itself;
        "auto" is neutral, but of a head that turns it moves those of several such frames, each where it fits
    batch_size : frames that the generator draws at once
    ahead_s : so much of the source is looked through although the first job may need less
    memory : what is known from an earlier time, and where it is kept; not used for a face that a photo names
    choices : whose mouths are moved, from `read_choice`, in the order of the jobs' voices
    search : finds the faces in frames, called as `find_faces` is
    """

    def __init__(
        self,
        reference: str = "auto",
        batch_size: int = BATCH_SIZE,
        ahead_s: Fraction = Fraction(0),
        memory: ReferenceCache | None = None,
        choices: Sequence[FaceSelection] = (FaceSelection(),),
        *,
        search: Search = find_faces,
    ) -> None:
        if reference not in REFERENCES:
            raise UsageError(f"--reference {reference!r} is not known", hint=f"choose from {', '.join(REFERENCES)}")
        self._reference, self._batch_size, self._ahead_s = reference, batch_size, ahead_s
        self._choices, self._memory, self._search = tuple(choices), memory, search
        self._scene: Scene | None = None
        self._open = ExitStack()

    def __enter__(self) -> SceneBuilder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._open.close()

    def open_scene(
        self,
        source: SourceClip,
        generator: GeneratorChoice,
        num_frames: int,
        stopwatch: Stopwatch,
        progress: Progress | None = None,
        notify: Notify = lambda text: None,
    ) -> Scene:
        """Return a source, ready to be drawn; it is looked through again only if more of it is needed.

        Parameters
        ----------
        source, generator : the same in all calls
        num_frames : how many of the source's frames are needed

        Raises
        ------
        NothingToDoError : no frame has a face, or not a chosen one
        UsageError : two choices mean the same person
        InputError : the source turns out to be damaged
        """
        if self._scene is None or self._scene.video.num_frames < num_frames:
            self._scene = None
            self._open.close()
            ahead = 1 if source.is_photo else int(self._ahead_s * source.timeline.rate)
            video = source.open(max(num_frames, min(ahead, source.timeline.num_frames)))
            self._open.enter_context(video)
            for note in source.picture.notes:
                notify(f"{source.path}: {note}")
            self._scene = self._look(source, video, generator, stopwatch, progress, notify)
        return self._scene

    def _look(
        self,
        source: SourceClip,
        video: ScannedSource,
        generator: GeneratorChoice,
        stopwatch: Stopwatch,
        progress: Progress | None,
        notify: Notify,
    ) -> Scene:
        import numpy as np

        header, rule = generator.header, generator.header.crop_rule
        boxes = self.find(source, rule, video, progress, notify)
        for choice, found in zip(self._choices, boxes, strict=True):
            _check_faces(found, source, notify, self._call(choice))
        stopwatch.end("faces")
        runner = generator.result()
        stopwatch.end("load")
        if generator.occlusion and not runner.sees_occlusion and not source.is_photo:
            notify(f"{source.path}: the occlusion network does not know crops of these weights; hands are painted over")
        references = [
            self.choose(source, header, video, found, runner, place, notify=notify) for place, found in enumerate(boxes)
        ]
        rests = [rest_faces(video, found, rule, chosen or ()) for chosen, found in zip(references, boxes, strict=True)]
        if source.is_photo and self._reference != "current":
            original, (video, faces) = video, rest_photo(video, boxes, rule)
            rests = [[face] if face else [] for face in faces]
            if video is not original:
                notify(f"{source.path}: the mouth is open; its lips are brought together before it speaks")
        speakers = [
            Speaker.with_rest_frames(found, [calibrate(face, runner) for face in faces], rule, choice.name)
            for choice, found, faces in zip(self._choices, boxes, rests, strict=True)
        ]
        stopwatch.end("reference")
        compositor = Compositor(rule, *fading_masks(rule))
        renderer = Renderer(video, tuple(speakers), rule, runner, compositor, self._batch_size)
        return Scene(renderer, video, np.stack(boxes), tuple(references))

    def _call(self, choice: FaceSelection) -> str:
        """Return how a choice is named in what is said: not at all if it is the only one."""
        return f" of --speaker {choice.name}" if len(self._choices) > 1 else ""

    def _known(self, choice: FaceSelection) -> tuple[ReferenceCache, str] | None:
        """Return what remembers a choice, and by what name, or None."""
        if self._memory is None or not isinstance(choice.wanted, (str, int)) or choice.place:
            return None
        alone = choice.is_usual and len(self._choices) == 1
        return self._memory, "" if alone else f"{choice.name}, {choice.detector}"

    def find(
        self, source: SourceClip, rule: CropRule, video: ScannedSource, progress: Progress | None, notify: Notify
    ) -> list[np.ndarray]:
        """Return the boxes (N, 4) of every choice; the frames are gone through once, or not at all.

        Parameters
        ----------
        rule : of the crops for which the faces are found
        video : the source's frames

        Raises
        ------
        NothingToDoError : there are faces, but not a chosen one
        UsageError : two choices mean the same person
        """
        import numpy as np

        memories = [self._known(choice) for choice in self._choices]
        known = [m[0].boxes(source, rule, m[1], video.num_frames) if m is not None else None for m in memories]
        if any(boxes is None for boxes in known):
            counted = _counted(progress, video.num_frames)
            choices = [choice.find_in(source.timeline, source.start_s) for choice in self._choices]
            tracks = self._search(video.scan(), rule, choices, counted, notify, source.path)
            for place, (track, memory) in enumerate(zip(tracks, memories, strict=True)):
                if memory is not None and known[place] is None:
                    memory[0].keep_boxes(source, rule, memory[1], track.boxes)
                known[place] = track.boxes
        found = [boxes for boxes in known if boxes is not None]
        for place, boxes in enumerate(found):
            for before in range(place):
                if np.array_equal(found[before], boxes, equal_nan=True) and not np.isnan(boxes).all():
                    names = f"{self._choices[before].name} and {self._choices[place].name}"
                    raise UsageError(
                        f"{source.path}: --speaker {names} are the same face", hint="give one voice a face"
                    )
        return found

    def choose(
        self,
        source: SourceClip,
        header: WeightsHeader,
        video: ScannedSource,
        boxes: np.ndarray,
        runner: GeneratorRunner,
        place: int = 0,
        *,
        notify: Notify,
    ) -> tuple[ReferenceFrames, ...] | None:
        """Return the numbers of the reference frames, None where each frame is its own reference.

        Parameters
        ----------
        header : of the generator's weights
        video : the source's frames
        boxes : shape (N, 4), of the choice at `place`; at least one frame has a face
        """
        choice = self._choices[place]
        if self._reference == "current" or video.num_frames == 1:
            return None
        mode = self._reference + ("" if runner.sees_occlusion else ", whatever lies over the face")
        num_frames, memory = video.num_frames, self._known(choice)
        known = memory[0].reference(source, header, memory[1], mode, num_frames) if memory is not None else None
        if known is None:
            known = choose_reference(self._reference, video, boxes, header.crop_rule, runner)
            if known is not None and memory is not None:
                memory[0].keep_reference(source, header, memory[1], mode, num_frames, known)
        if known is not None and len(known) > 1:
            why = f"the face{self._call(choice)} turns or changes too much for one rest frame"
            notify(f"{source.path}: {why}, {len(known)} are used in turn")
        return known


def _check_faces(boxes: np.ndarray, source: SourceClip, notify: Notify, whose: str = "") -> None:
    """Say how many frames have no face; NothingToDoError if none has one, or so few that it may be none."""
    missing = num_without_face(boxes)
    found = len(boxes) - missing
    if missing == len(boxes):
        what = "the photo" if source.is_photo else f"{len(boxes)} frames"
        raise NothingToDoError(f"no face{whose} in {what}", source.path, "give a face that looks at the camera")
    if is_false_face(boxes, float(source.timeline.rate)):
        fact = f"a face{whose} is found in {found} of {len(boxes)} frames only, too few to be sure that it is one"
        hint = "turn a video that stands upside down; choose a part with --start, --end"
        raise NothingToDoError(fact, source.path, hint)
    if missing:
        notify(f"{source.path}: no face{whose} in {missing} of {len(boxes)} frames; {_passing(whose)}")


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
