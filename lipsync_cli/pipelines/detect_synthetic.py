"""Whether a mouth looks drawn, without the original: what `lipsync info --detect-synthetic` does.

Examples
--------
detect_synthetic("film.mp4").score
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.media.probe import probe
from lipsync_cli.provenance.trace_model import TraceModel, load_model, name_traces

if TYPE_CHECKING:
    import numpy as np

MOST_FRAMES = 750  # of a video are looked at, from the first
MOMENTS = 8  # of the face, spread over them
LEAST_MOMENTS = 4
LIMITS = (
    "This is a figure and no proof, either way.",
    "Of 129 real clips that it did not learn from, 10 % were called drawn; of 51 with a blurred lower half "
    "of the face 80 %, of 51 with a blurred box round the whole face 49 %.",
    "It does not tell the videos of lipsync from real ones: 19 % of 21 were called drawn.",
)


@dataclass(frozen=True)
class TraceReport:
    """What was found.

    Attributes
    ----------
    path : the video
    score, threshold : suspicious where the score exceeds the threshold
    moments : at which the face was looked at
    face_side : median side of the face's box, pixels
    traces : by name
    """

    path: Path
    score: float
    threshold: float
    moments: int
    face_side: float
    traces: dict[str, float]

    @property
    def is_suspicious(self) -> bool:
        """Whether the score exceeds the threshold."""
        return self.score > self.threshold

    @property
    def verdict(self) -> str:
        """The finding in words."""
        if self.is_suspicious:
            return "the mouth looks drawn"
        return "no traces of a drawn mouth, which says little"

    def to_dict(self) -> dict[str, Any]:
        """Give everything as a JSON-able dictionary."""
        return {
            "path": str(self.path),
            "score": round(self.score, 3),
            "threshold": round(self.threshold, 3),
            "suspicious": self.is_suspicious,
            "verdict": self.verdict,
            "moments": self.moments,
            "face_side": round(self.face_side, 1),
            "traces": {name: round(value, 4) for name, value in self.traces.items()},
            "limits": list(LIMITS),
        }

    def to_text(self) -> str:
        """Write the finding in a few lines."""
        figures = f"score {self.score:.2f}, threshold {self.threshold:.2f}, {self.moments} moments of one face"
        return "\n".join([f"{self.path}: {self.verdict} ({figures})", *LIMITS])


def detect_synthetic(path: str | Path, model: TraceModel | None = None) -> TraceReport:
    """Look for traces of a drawn mouth in a video, without its original.

    Parameters
    ----------
    path : a video
    model : how the traces are weighed; None: as the package does

    Raises
    ------
    InputError : it is missing, damaged, or no video
    NothingToDoError : no face is seen long enough, or it is too small
    """
    from lipsync_cli.provenance.face_traces import measure_traces

    path, model = Path(path), model or load_model()
    info = probe(path)
    if info.video is None or info.is_image:
        raise InputError("is no video", path, "--detect-synthetic compares the frames of one")
    pairs, side, shrink = _views(path)
    traces = name_traces(measure_traces(pairs, side * shrink))
    return TraceReport(path, model.score(traces), model.threshold, len(pairs), side, traces)


def _views(path: Path) -> tuple[list[tuple[np.ndarray, np.ndarray]], float, float]:
    """Return views of the face in pairs of frames, the side of its box, and by what the frames were made smaller."""
    import cv2
    import numpy as np

    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.faces.tracking.face_track import find_face
    from lipsync_cli.media.video.decode import read_frames
    from lipsync_cli.provenance.face_traces import LEAST_SIDE, MOST_SIDE, cut_view

    boxes = find_face(read_frames(path, 0, MOST_FRAMES), CropRule()).boxes
    seen = ~np.isnan(boxes[:, 0])
    first = np.flatnonzero(seen[:-1] & seen[1:])
    if len(first) < LEAST_MOMENTS:
        raise NothingToDoError(f"no face in {len(seen) - int(seen.sum())} of {len(seen)} frames", path)
    side = float(np.median(boxes[seen, 2] - boxes[seen, 0]))
    if side < LEAST_SIDE:
        raise NothingToDoError(f"the face is {side:.0f} pixels wide, {LEAST_SIDE} are needed", path)
    shrink = min(1.0, MOST_SIDE / side)
    chosen = set(first[np.unique(np.linspace(0, len(first) - 1, min(MOMENTS, len(first))).astype(int))].tolist())
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    waiting: tuple[np.ndarray, np.ndarray] | None = None  # of the frame before: its view and its box
    for number, frame in enumerate(read_frames(path, 0, max(chosen) + 2)):
        if waiting is None and number not in chosen:
            continue
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        if shrink < 1:
            grey = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        if waiting is not None:
            pairs.append((waiting[0], cut_view(grey, waiting[1], side * shrink)))
        box = boxes[number] * shrink
        waiting = (cut_view(grey, box, side * shrink), box) if number in chosen else None
    return pairs, side, shrink
