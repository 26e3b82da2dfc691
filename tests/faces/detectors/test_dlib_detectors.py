"""The detectors, the part of the pyramid that stands for the whole of it, and the motion between."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest

from lipsync_cli.errors import InputError, ToolError, UsageError
from lipsync_cli.faces.detectors.dlib_detectors import (
    NEAR_THRESHOLD,
    HogDetector,
    MmodDetector,
    find_mmod_weights,
    make_detector,
    shrink,
)
from lipsync_cli.faces.detectors.image_pyramid import TEMPLATE
from lipsync_cli.faces.tracking.face_search import overlap
from lipsync_cli.faces.tracking.motion_estimation import Motion


def test_the_whole_frame_and_the_place_agree(photo: np.ndarray) -> None:
    """A look at the place gives the very box that dlib gives for the doubled whole frame."""
    detector = HogDetector()
    for shift in (0, 3, 5, 11):
        frame = np.ascontiguousarray(photo[shift : 200 + shift, shift : 260 + shift])
        boxes, scores = detector.detect(frame)
        assert boxes.shape == (1, 4)
        assert scores.shape == (1,)
        assert scores[0] > 0.5
        near, near_scores = detector.detect_near(frame, boxes[0] + [4, -3, 4, -3])
        assert len(near) == 1
        assert np.abs(near[0] - boxes[0]).max() <= 1
        assert near_scores[0] == pytest.approx(scores[0], abs=0.4)


def test_no_face_near(photo: np.ndarray) -> None:
    boxes, scores = HogDetector().detect_near(photo, np.array([10.0, 130, 70, 190]))
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)
    boxes, scores = HogDetector().detect(np.full((120, 160, 3), 90, np.uint8))
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)


def test_a_large_frame_is_searched_on_a_smaller_one(photo: np.ndarray) -> None:
    small, _ = HogDetector().detect(photo, small=False)
    large = cv2.resize(photo, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    found, _ = HogDetector().detect(large, small=False)
    assert len(small) == len(found) == 1
    assert overlap(found[0] / 4, small[0]) > 0.7


def test_shrinking_by_levels(photo: np.ndarray) -> None:
    same, factor = shrink(photo, 720)
    assert factor == 1
    assert (same == photo).all()
    smaller, factor = shrink(photo, max(photo.shape) // 2)
    assert factor == pytest.approx(1.2**4)
    assert max(smaller.shape) <= max(photo.shape) // 2
    assert smaller.shape[1] == round(photo.shape[1] / factor)


def test_which_detectors_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_detector("hog") is make_detector("hog")
    with pytest.raises(UsageError, match="no such detector: haar; there are hog, mmod, auto"):
        make_detector("haar")
    with pytest.raises(UsageError, match="takes no weights"):
        make_detector("hog", tmp_path)
    with pytest.raises(InputError, match="no such file"):
        make_detector("mmod", tmp_path / "none.dat")
    monkeypatch.setitem(sys.modules, "face_recognition_models", None)  # no such package
    with pytest.raises(ToolError, match=r"not installed; pip install 'lipsync-cli\[models\]'"):
        find_mmod_weights()


def test_weights_that_are_none(tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "page.dat"
    path.write_text("<html>404</html>")
    with pytest.raises(InputError, match=r"page\.dat: holds no detector"):
        MmodDetector(path).detect(photo)


@pytest.mark.skipif(importlib.util.find_spec("face_recognition_models") is None, reason="the extra models is missing")
def test_mmod(photo: np.ndarray) -> None:
    boxes, scores = make_detector("mmod").detect(photo)
    hog, _ = HogDetector().detect(photo)
    assert len(boxes) == 1
    assert overlap(boxes[0], hog[0]) > 0.5
    assert scores[0] > 0.5


def test_overlap() -> None:
    box = np.array([0, 0, 10, 10])
    assert overlap(box, box) == 1
    assert overlap(box, box + 5) == pytest.approx(25 / 175)
    assert overlap(box, box + 10) == overlap(box, box + 20) == 0
    assert overlap(box, np.array([2, 2, 7, 7])) == pytest.approx(0.25)


def moved(photo: np.ndarray, x: float, y: float, zoom: float = 1.0) -> np.ndarray:
    """The photo, moved by x, y pixels and enlarged around the face's middle (163, 115)."""
    matrix = np.array([[zoom, 0, 163 * (1 - zoom) + x], [0, zoom, 115 * (1 - zoom) + y]])
    size = (photo.shape[1], photo.shape[0])
    return cv2.warpAffine(photo, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


@pytest.fixture
def following(photo: np.ndarray, photo_box: np.ndarray) -> Iterator[Motion]:
    motion = Motion()
    assert not motion.is_on(photo_box)
    motion.start(photo, photo_box)
    assert motion.is_on(photo_box)
    return motion


@pytest.mark.parametrize("shift", [(0, 0), (0.3, -0.6), (4, 2), (-7.5, 5.25)])
def test_motion_to_a_fraction_of_a_pixel(following: Motion, photo: np.ndarray, shift: tuple[float, float]) -> None:
    step = following.step(moved(photo, *shift))
    assert step is not None
    assert step.shift == pytest.approx(shift, abs=0.15)
    assert step.growth == pytest.approx(0, abs=0.005)


def test_growth(following: Motion, photo: np.ndarray, photo_box: np.ndarray) -> None:
    step = following.step(moved(photo, 0, 0, 1.05))
    assert step is not None
    middle = (photo_box[:2] + photo_box[2:]) / 2
    assert step.growth == pytest.approx(np.log(1.05), abs=0.006)
    assert step.shift == pytest.approx(0.05 * (middle - [163, 115]), abs=0.4)


def test_errors_of_many_steps_do_not_add_up(following: Motion, photo: np.ndarray) -> None:
    path = np.cumsum([[2.0, 0.7]] * 25, axis=0)
    steps = [following.step(moved(photo, *place)) for place in path]
    assert None not in steps
    assert sum(step.shift for step in steps if step) == pytest.approx(path[-1], abs=1.0)


def test_motion_that_is_lost(following: Motion, photo: np.ndarray, photo_box: np.ndarray) -> None:
    assert following.step(np.zeros_like(photo)) is None
    assert not following.is_on(photo_box)
    assert following.step(photo) is None  # for good, until it starts anew
    following.start(photo, photo_box)
    assert following.is_on(photo_box)
    assert not following.is_on(photo_box + 40)


def test_the_unpacked_detector_is_dlibs_own(photo: np.ndarray) -> None:
    built_in = dlib.get_frontal_face_detector()
    unpacked = HogDetector().load()
    assert type(unpacked) is type(built_in)
    for upsampled in (0, 1):
        expected, found = (detector.run(photo, upsampled, -0.5) for detector in (built_in, unpacked))
        assert len(expected[0]) >= 1
        assert [str(box) for box in found[0]] == [str(box) for box in expected[0]]
        assert list(found[1]) == list(expected[1])


def test_a_look_at_a_place_is_for_one_size_only(photo: np.ndarray) -> None:
    detector, large = HogDetector(), cv2.resize(photo, None, fx=1.5, fy=1.5, interpolation=cv2.INTER_CUBIC)
    small = cv2.resize(photo, None, fx=TEMPLATE / 110, fy=TEMPLATE / 110, interpolation=cv2.INTER_AREA)
    for image in (large, small):
        every, found = (one.run(image, 0, NEAR_THRESHOLD) for one in (detector.load(), detector.load_near()))
        wanted = {str(box): score for box, score in zip(*every[:2], strict=True) if box.width() <= TEMPLATE}
        assert {str(box): score for box, score in zip(*found[:2], strict=True)} == wanted
        assert len(every[0]) >= 1
        assert (len(wanted) >= 1) is (image is small)
