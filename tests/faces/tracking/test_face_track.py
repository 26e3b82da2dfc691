"""The face of a whole clip: photos that move as we wish, and real clips."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.embedding import find_embedder
from lipsync_cli.faces.tracking.face_search import Face, overlap
from lipsync_cli.faces.tracking.face_track import Cast, FacePoint, Track, find_face
from lipsync_cli.faces.tracking.identity import Person
from lipsync_cli.media.video.decode import read_frames

HEIGHT, WIDTH = 180, 240
RULE = CropRule()


@pytest.fixture(scope="module")
def backdrop() -> np.ndarray:
    """A wall with some grain, (HEIGHT, WIDTH, 3)."""
    grain = np.random.default_rng(3).normal(0, 12, (HEIGHT, WIDTH, 1))
    return np.clip(cv2.GaussianBlur(grain, (0, 0), 2)[..., None] * 4 + [96, 104, 110], 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def head(photo: np.ndarray, photo_box: np.ndarray) -> np.ndarray:
    """The face and some hair around it, cut out of the photo: the box is its middle half."""
    x, y = (photo_box[:2] + photo_box[2:]) / 2
    side = 2 * (photo_box[2] - photo_box[0])
    return cv2.getRectSubPix(photo, (round(side), round(side)), (float(x - 0.5), float(y - 0.5)))


def put(frame: np.ndarray, head: np.ndarray, x: float, y: float, side: float) -> np.ndarray:
    """Draw the head with the face's middle at x, y and the face's box of this side; return the box."""
    scale = 2 * side / head.shape[0]
    matrix = np.array([[scale, 0, x - side - 0.5 + scale / 2], [0, scale, y - side - 0.5 + scale / 2]])
    size = (frame.shape[1], frame.shape[0])
    if scale < 1:  # against aliasing
        head = cv2.GaussianBlur(head, (0, 0), 0.5 / scale - 0.4) if scale < 0.8 else head
    drawn = cv2.warpAffine(head, matrix, size, flags=cv2.INTER_LINEAR)
    alpha = np.zeros(head.shape[:2], np.float32)
    cv2.ellipse(
        alpha, (len(alpha) // 2, len(alpha) // 2), (len(alpha) * 3 // 8, len(alpha) * 15 // 32), 0, 0, 360, 1, -1
    )
    alpha = cv2.warpAffine(cv2.GaussianBlur(alpha, (0, 0), 4), matrix, size)[..., None]
    frame[:] = np.round(alpha * drawn + (1 - alpha) * frame)
    return np.array([x - side / 2, y - side / 2, x + side / 2, y + side / 2])


def seen(track: Track) -> np.ndarray:
    """Which frames have a face, (N,) bool; the parts of a track have to agree about it."""
    present = ~np.isnan(track.boxes).any(axis=1)
    assert (present == ~np.isnan(track.boxes).all(axis=1)).all()
    assert (present == ~np.isnan(track.score)).all()
    assert track.landmarks.shape == (len(present), 5, 2)
    return present


def overlaps(track: Track, boxes: np.ndarray) -> np.ndarray:
    return np.array([overlap(one, other) for one, other in zip(track.boxes, boxes, strict=True)])


def test_a_face_that_moves(backdrop: np.ndarray, head: np.ndarray) -> None:
    """The box goes along, without lag, although the face is detected on few frames and in coarse steps."""
    moment = np.arange(60)
    x, y = 110 + 35 * np.sin(moment / 7), 92 + 8 * np.cos(moment / 5)
    side = 62 + 8 * np.sin(moment / 15)
    frames, boxes = [], []
    for place in zip(x, y, side, strict=True):
        frames.append(backdrop.copy())
        boxes.append(put(frames[-1], head, *place))
    done: list[int] = []
    track = find_face(iter(frames), RULE, lambda count, total, label: done.append(count))
    assert done == list(range(1, 61))
    assert seen(track).all()
    assert track.boxes.dtype == track.score.dtype == np.float32
    size = track.boxes[:, 2:] - track.boxes[:, :2]
    assert np.abs(size[:, 0] - size[:, 1]).max() < 1e-3  # square
    agreement = overlaps(track, np.array(boxes))
    assert agreement.mean() > 0.85
    assert agreement.min() > 0.7
    centre = (track.boxes[:, 0] + track.boxes[:, 2]) / 2
    lags = range(-4, 5)  # behind the truth by so many frames
    misses = [np.std(centre[8:-8] - x[8 - lag : 52 - lag]) for lag in lags]
    assert list(lags)[int(np.argmin(misses))] == 0
    assert misses[4] < 1.0  # pixels


def test_a_still_face(backdrop: np.ndarray, head: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    put(frame := backdrop.copy(), head, 120, 90, 70)
    noisy = (np.clip(frame + rng.normal(0, 4, frame.shape), 0, 255).astype(np.uint8) for _ in range(40))
    track = find_face(noisy, RULE)
    assert seen(track).all()
    assert np.abs(np.diff(track.boxes, axis=0)).max() < 0.25
    assert np.ptp(track.boxes, axis=0).max() < 1.5


def test_a_face_that_leaves_and_comes_back(backdrop: np.ndarray, head: np.ndarray) -> None:
    """It goes out at the right, stays away, and comes in again; no box stands where there is none."""
    x = np.concatenate([np.full(12, 120), np.arange(120, 320, 10), np.full(20, 400), np.arange(320, 120, -10)])
    x = np.concatenate([x, np.full(20, 120)])
    frames, boxes = [], []
    for place in x:
        frames.append(backdrop.copy())
        boxes.append(put(frames[-1], head, place, 90, 66))
    track = find_face(frames, RULE)
    present, inside = seen(track), (x + 33 <= WIDTH)
    gone = x - 33 > WIDTH
    assert gone.sum() > 20
    assert not present[gone].any()
    assert present[x == 120].all()
    assert present[inside].mean() > 0.9
    assert overlaps(track, np.array(boxes))[present & inside].min() > 0.6


def test_a_short_gap_is_filled_and_a_long_one_is_not(backdrop: np.ndarray, head: np.ndarray) -> None:
    """For some frames the face is too blurred to be found."""

    def frames(hidden: range) -> Iterator[np.ndarray]:
        for number in range(60):
            put(frame := backdrop.copy(), head, 100 + 0.5 * number, 90, 66)
            if number in hidden:
                frame[60:140, 60:190] = cv2.GaussianBlur(frame[60:140, 60:190], (0, 0), 12)
            yield frame

    assert seen(find_face(frames(range(20, 26)), RULE)).all()
    present = seen(find_face(frames(range(20, 45)), RULE))
    assert not present[24:41].any()
    assert present[:19].all()
    assert present[48:].all()


def test_black_frames(backdrop: np.ndarray, head: np.ndarray) -> None:
    put(frame := backdrop.copy(), head, 120, 90, 70)
    black = np.zeros_like(frame)
    track = find_face([black] * 17 + [frame] * 20 + [black] * 9, RULE)
    assert (seen(track) == [False] * 17 + [True] * 20 + [False] * 9).all()


def test_no_face(backdrop: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 96, 128, 3), dtype=np.uint8)
    for frames in (noise, [backdrop] * 30, [np.zeros((8, 8, 3), np.uint8)] * 3):
        track = find_face(frames, RULE)
        assert len(track.boxes) == len(frames)
        assert not seen(track).any()
    assert len(find_face([], RULE).boxes) == 0


def test_the_largest_steady_face(backdrop: np.ndarray, head: np.ndarray) -> None:
    """Not the small one beside it, and not the larger one that looks in for a moment."""
    frames, boxes = [], []
    for number in range(64):
        frames.append(backdrop.copy())
        put(frames[-1], head, 45, 60, 44)
        boxes.append(put(frames[-1], head, 130 + 0.2 * number, 95, 66))
        if 50 <= number < 58:
            put(frames[-1], head[:, ::-1], 200, 100, 74)
    track = find_face(frames, RULE)
    agreement = overlaps(track, np.array(boxes))
    assert seen(track)[:50].all()
    assert agreement[:50].mean() > 0.8
    assert agreement[:50].min() > 0.65
    assert (track.boxes[seen(track), 0] > 60).all()


@pytest.fixture
def no_embedder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The networks that know a face again are not installed."""
    monkeypatch.setitem(sys.modules, "face_recognition_models", None)
    find_embedder.cache_clear()
    yield
    find_embedder.cache_clear()


@pytest.mark.usefixtures("no_embedder")
def test_a_cut_to_another_place(backdrop: np.ndarray, head: np.ndarray) -> None:
    """Beyond a cut a face elsewhere is not taken for the same, and no box glides from one shot to the next."""
    put(one := backdrop.copy(), head, 70, 90, 70)
    put(other := 255 - backdrop, cv2.GaussianBlur(head[:, ::-1], (0, 0), 0.6), 180, 80, 60)
    track = find_face([one] * 30 + [other] * 16, RULE)
    assert (seen(track) == [True] * 30 + [False] * 16).all()
    assert np.ptp(track.boxes[:30], axis=0).max() < 1


@pytest.fixture(scope="module")
def people(grid_dir: Path) -> list[list[np.ndarray]]:
    """24 frames of each of two people."""
    clips = [next((grid_dir / name).glob("*.mpg")) for name in ("s2", "s22")]
    return [list(read_frames(clip, 0, 24)) for clip in clips]


def test_a_cut_between_two_people(people: list[list[np.ndarray]]) -> None:
    """The boxes of the one do not mix with those of the other: each shot is as if it were alone."""
    alone = [find_face(frames, RULE) for frames in people]
    assert all(seen(track).all() for track in alone)
    joined = find_face(people[0] + people[1], RULE)
    present = seen(joined)
    shots = [slice(0, 24), slice(24, 48)]
    assert any(present[shot].all() for shot in shots)
    for shot, track in zip(shots, alone, strict=True):
        if present[shot].any():
            assert np.abs(joined.boxes[shot] - track.boxes).max() < 1e-3


def test_a_person_is_chosen_by_a_place_in_a_frame() -> None:
    def stand(x: float, frames: range) -> Person:
        boxes = {n: np.array([x, 40, x + 40, 80], np.float32) for n in frames}
        return Person((Face(0, boxes, dict.fromkeys(frames, 1.0), first=frames[0], last=frames[-1]),))

    cast = Cast([stand(20, range(30)), stand(120, range(10, 30))], 30, CropRule(keyframe_interval=1))
    assert [cast.choose(FacePoint(20, x, 60)) for x in (30, 85, 95, 150, 195)] == [0, 0, 1, 1, 1]
    assert cast.choose(FacePoint(5, 30, 60)) == 0
    for point, says in (
        (FacePoint(5, 140, 60), "no face at x 140, y 60 in frame 5"),
        (FacePoint(30, 30, 60), "frame 30 is"),
    ):
        with pytest.raises(NothingToDoError, match=says):
            cast.choose(point)


@pytest.mark.parametrize("speaker", [pytest.param("s3", marks=pytest.mark.slow), "s26"])
def test_real_clips_against_every_frame(grid_dir: Path, speaker: str) -> None:
    """Looks at every third frame agree with dlib's own at every fourth, whose boxes waver by a step of 20 %."""
    import dlib

    frames = list(read_frames(next((grid_dir / speaker).glob("*.mpg")), 0, 32))
    track, detector = find_face(frames, RULE), dlib.get_frontal_face_detector()
    assert seen(track).all()
    boxes = []
    for frame in frames[::4]:
        found = max(detector(frame, 1), key=lambda box: box.area())
        boxes.append([found.left(), found.top(), found.right() + 1, found.bottom() + 1])
    assert min(overlap(*pair) for pair in zip(track.boxes[::4], boxes, strict=True)) > 0.65
    assert overlap(track.boxes[::4].mean(axis=0), np.mean(boxes, axis=0)) > 0.85
