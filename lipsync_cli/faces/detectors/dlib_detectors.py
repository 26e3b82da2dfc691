"""Face detectors: a frame in, boxes and scores out. One of each kind a process, made when first used."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.errors import InputError, ToolError, UsageError
from lipsync_cli.faces.detectors.combined_detector import AutoDetector, InHogGeometry
from lipsync_cli.faces.detectors.image_pyramid import RATIO, TEMPLATE, Pyramid
from lipsync_cli.faces.detectors.mtcnn_detector import MtcnnDetector
from lipsync_cli.faces.dlib_models import DETECTOR, HINT, LANDMARKS, find_pretrained
from lipsync_cli.faces.embedding import need_embedder
from lipsync_cli.media.video.resampling import shrunk

if TYPE_CHECKING:
    from lipsync_cli.faces.detectors.detector import Detector
    from lipsync_cli.media.video.yuv_frame import Frame

DETECTORS = ("hog", "mmod", "auto", "mtcnn")
AUTO_SIDE, AUTO_NEAR_SIDE = 320, 180  # pixels: what the slow network searches when HOG has found nothing
_REACH = 11  # pixels of a level, 15 % of the box: how far a face is looked for around where it should be
NEAR_THRESHOLD = -0.4  # lowest score of a face that was there a moment ago
FRONTAL_FACE = "dlib_frontal_face_hog.svm"  # what dlib unpacks from its own code in half a second, unpacked
# Where that file says, as dlib writes numbers, into how many levels images are shrunk: up to 1000, and 1.
_LEVELS, _ONE_LEVEL = b"\x01\x50\x01\x50\x02\xe8\x03", b"\x01\x50\x01\x50\x02\x01\x00"


class HogDetector:
    """Histograms of oriented gradients: dlib's frontal face detector (King, Max-Margin Object Detection, 2015).

    Parameters
    ----------
    max_side : frames with a longer side than this, in pixels, are searched on a smaller copy; there a face must
        measure 40 pixels to be found
    """

    name = "hog"

    def __init__(self, max_side: int = 720) -> None:
        self._max_side = max_side
        self._detector: Any = None
        self._near: Any = None
        self._pyramid: Pyramid | None = None

    def detect(self, frame: Frame, small: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Find the faces of a frame; see `Detector.detect`."""
        image, factor = shrink(frame, self._max_side)
        found, scores, _ = self.load().run(image, int(small), 0.0)
        return _arrays(found, scores, factor)

    def detect_near(self, frame: Frame, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find a face again; see `Detector.detect_near`. The box is one that dlib gives for the doubled whole frame."""
        height, width = frame.shape[:2]
        if self._pyramid is None or self._pyramid.frame_size != (width, height):
            self._pyramid = Pyramid(width, height)
        centre = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        level = self._pyramid.level_of(float(box[2] - box[0] + box[3] - box[1]) / 2)
        boxes, scores = [], []
        for one in range(max(level - 1, 0), min(level + 2, self._pyramid.num_levels)):
            window, corner = self._pyramid.window(frame, one, centre, _REACH)
            found, values, _ = self.load_near().run(window, 0, NEAR_THRESHOLD)
            for place, score in zip(found, values, strict=True):
                if place.width() <= TEMPLATE:  # not one of the next level, which does not begin with a cell
                    corners = np.array([place.left(), place.top(), place.right(), place.bottom()])
                    boxes.append(self._pyramid.to_frame(corners + np.tile(corner, 2), one))
                    scores.append(score)
        best = np.argsort(scores)[::-1][:1]
        return np.array(boxes, np.float32).reshape(-1, 4)[best], np.array(scores, np.float32)[best]

    def load(self) -> Any:
        """Return dlib's detector, which is read from the package once."""
        if self._detector is None:
            dlib = _dlib()
            path = resources.files("lipsync_cli") / "assets" / FRONTAL_FACE
            try:
                self._detector = dlib.fhog_object_detector(str(path))
            except RuntimeError:  # a dlib of another format
                self._detector = dlib.get_frontal_face_detector()
        return self._detector

    def load_near(self) -> Any:
        """Return the same detector, which looks for faces of one size only: a third of the time."""
        if self._near is None:
            whole = (resources.files("lipsync_cli") / "assets" / FRONTAL_FACE).read_bytes()
            try:
                with tempfile.TemporaryDirectory(prefix="lipsync-") as folder:
                    path = Path(folder) / FRONTAL_FACE
                    path.write_bytes(whole.replace(_LEVELS, _ONE_LEVEL, 1))
                    self._near = _dlib().fhog_object_detector(str(path))
            except (OSError, RuntimeError):  # no room for the file, or a dlib of another format
                self._near = self.load()
        return self._near


class MmodDetector:
    """A small convolutional network: dlib's max-margin detector. Slow without a GPU, finds turned and small faces.

    Parameters
    ----------
    weights : mmod_human_face_detector.dat; by default the one in the optional package face_recognition_models
    max_side : frames with a longer side than this, in pixels, are searched on a smaller copy
    near_side : the same for the surroundings of a known face

    Raises
    ------
    InputError : `weights` is missing or no such file
    ToolError : there are no weights
    """

    name = "mmod"

    def __init__(self, weights: str | Path | None = None, max_side: int = 720, near_side: int = 240) -> None:
        self._path = find_mmod_weights(weights)
        self._max_side, self._near_side = max_side, near_side
        self._detector: Any = None

    def detect(self, frame: Frame, small: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Find the faces of a frame of 80 pixels and more, whatever `small` says; see `Detector.detect`."""
        return self._search(*shrink(frame, self._max_side), 0.0)

    def detect_near(self, frame: Frame, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find a face again; see `Detector.detect_near`."""
        x, y, side = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, max(box[2] - box[0], box[3] - box[1])
        start = np.clip(np.floor([x - side, y - side]), 0, None).astype(int)
        stop = np.ceil([x + side, y + side]).astype(int)
        boxes, scores = self._search(
            *shrink(frame[start[1] : stop[1], start[0] : stop[0]], self._near_side), NEAR_THRESHOLD
        )
        return (boxes + np.tile(start, 2).astype(np.float32))[:1], scores[:1]

    def _search(self, image: np.ndarray, factor: float, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        if self._detector is None:
            try:
                self._detector = _dlib().cnn_face_detection_model_v1(str(self._path))
            except RuntimeError as error:
                raise InputError("holds no detector that dlib can read", self._path) from error
        found = [one for one in self._detector(image, 0) if one.confidence >= threshold]
        return _arrays([one.rect for one in found], [one.confidence for one in found], factor)


def make_detector(name: str, weights: str | Path | None = None) -> Detector:
    """Return a detector; what it has loaded is kept for the next one of its kind.

    Parameters
    ----------
    name : "hog", "mmod", "mtcnn", or "auto": HOG, and MMOD where HOG finds nothing, if its files are installed
    weights : file of the MMOD detector's weights

    Raises
    ------
    UsageError : no such kind, or weights for a kind that takes none
    InputError, ToolError : as `MmodDetector` and `MtcnnDetector`
    """
    if name not in DETECTORS:
        raise UsageError(f"no such detector: {name}", hint=f"there are {', '.join(DETECTORS)}")
    if name in ("hog", "mtcnn") and weights is not None:
        raise UsageError(f"the {name} detector takes no weights", hint="leave them out or choose mmod")
    if name == "mtcnn":
        return _mtcnn()
    if name == "mmod":
        return _mmod(weights, 720, 240)
    if name == "hog" or not find_pretrained(LANDMARKS) or not (weights or find_pretrained(DETECTOR)):
        return _hog()
    return AutoDetector(_hog(), lambda: InHogGeometry(_mmod(weights, AUTO_SIDE, AUTO_NEAR_SIDE)), _is_frontal)


def _is_frontal(frame: Frame, box: np.ndarray) -> bool:
    return need_embedder("to find faces that HOG misses").is_frontal(frame, box)


@lru_cache(maxsize=1)
def _hog() -> HogDetector:
    return HogDetector()


@lru_cache(maxsize=1)
def _mtcnn() -> MtcnnDetector:
    return MtcnnDetector()


@lru_cache(maxsize=4)
def _mmod(weights: str | Path | None, max_side: int, near_side: int) -> MmodDetector:
    return MmodDetector(weights, max_side, near_side)


def find_mmod_weights(weights: str | Path | None = None) -> Path:
    """Return the file of the MMOD detector's weights: the given one, or the installed package's.

    Raises
    ------
    InputError : the given file is missing
    ToolError : the package is not installed
    """
    if weights is not None:
        if not Path(weights).is_file():
            raise InputError("no such file", weights)
        return Path(weights)
    path = find_pretrained(DETECTOR)
    if path is None:
        raise ToolError("the mmod detector's weights are not installed", hint=HINT)
    return path


def shrink(frame: Frame, max_side: int) -> tuple[np.ndarray, float]:
    """Return a contiguous copy of a frame that is no longer than `max_side`, and frame pixels for one of its pixels.

    It shrinks by whole levels of dlib's pyramid, so the sizes of the boxes that can come out stay the same.
    """
    height, width = frame.shape[:2]
    factor = 1.0
    while max(height, width) * factor > max_side:
        factor /= RATIO
    if factor == 1.0:
        return np.ascontiguousarray(frame), 1.0
    return shrunk(frame, max(1, round(width * factor)), max(1, round(height * factor))), 1 / factor


def _arrays(found: Any, scores: Any, factor: float) -> tuple[np.ndarray, np.ndarray]:
    boxes = [(box.left(), box.top(), box.right() + 1, box.bottom() + 1) for box in found]
    values = np.asarray(scores, np.float32)
    order = np.argsort(-values, kind="stable")
    return (np.array(boxes, np.float32).reshape(-1, 4) * np.float32(factor))[order], values[order]


def _dlib() -> Any:
    try:
        import dlib
    except ImportError as error:
        raise ToolError("dlib cannot be loaded", hint="pip install dlib-bin") from error
    return dlib
