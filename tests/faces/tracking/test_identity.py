"""Who is who: people who cross, come back, take turns behind cuts; whose face is meant, and when to trust it."""

from __future__ import annotations

import importlib.util
from itertools import islice

import numpy as np
import pytest

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.detectors.combined_detector import MAX_MISSES, MAX_PAUSE, AutoDetector, InHogGeometry
from lipsync_cli.faces.detectors.dlib_detectors import make_detector
from lipsync_cli.faces.tracking.confidence import is_trusted
from lipsync_cli.faces.tracking.face_search import Face, overlap
from lipsync_cli.faces.tracking.face_track import Track, find_cast, find_face
from lipsync_cli.faces.tracking.identity import choose, find_people
from lipsync_cli.faces.tracking.portrait import SIDE, Portrait
from lipsync_cli.media.video.decode import read_frames

needs_networks = pytest.mark.skipif(
    importlib.util.find_spec("face_recognition_models") is None, reason="lipsync-cli[models] is not installed"
)


def face(first, last, x, side=100.0, score=1.5, shot=0):
    """Make an appearance that stays where it is."""
    box = np.array([x, 50, x + side, 50 + side])
    numbers = range(first, last + 1)
    face = Face(shot)
    for number in numbers:
        face.add(number, box, score)
    return face


def speaker(folder, name, count=75, clip=0):
    """Return frames of a speaker of the corpus, (288, 360, 3) each."""
    return list(islice(read_frames(sorted((folder / name).glob("*.mp[4g]"))[clip]), count))


def cut_out(frame):
    """Return a head on its own, (228, 230, 3), and where it is opaque."""
    rows, columns = np.mgrid[:228, :230]
    return frame[60:288, 60:290], ((columns - 105) / 70) ** 2 + ((rows - 124) / 105) ** 2 < 1


@pytest.fixture(scope="module")
def crossing(grid_dir):
    """The cast of a scene: two heads that pass each other; the one from the left is in front."""
    frames = []
    heads = zip(speaker(grid_dir, "s1"), speaker(grid_dir, "s3"), strict=True)
    for number, (front, back) in enumerate(heads):
        frame = np.full((288, 720, 3), 110, np.uint8)
        for head, x in ((back, 480 - 6 * number), (front, 10 + 6 * number)):
            pixels, opaque = cut_out(head)
            frame[30:258, x : x + 230][opaque] = pixels[opaque]
        frames.append(frame)
    return find_cast(iter(frames), CropRule(), everyone=True)


def test_people_are_numbered_from_the_left_and_never_in_two_places():
    faces = [face(0, 40, 300), face(0, 20, 100, side=60), face(30, 74, 100, side=60), face(50, 74, 310)]
    people = find_people(faces, 75)
    assert [[one.first for one in person.faces] for person in people] == [[0, 30], [0, 50]]
    assert people[0].box[0] < people[1].box[0]
    assert choose(people, "left") == choose(people, 0) == 0
    assert choose(people, "right") == choose(people, "largest") == 1


def test_what_is_seen_briefly_or_faintly_is_nobody_unless_there_is_nobody_else():
    brief, faint = face(10, 12, 400), face(0, 60, 500, score=0.1)
    assert len(find_people([face(0, 60, 100), brief, faint], 61)) == 1
    assert [person.faces[0] for person in find_people([faint], 61)] == [faint]
    assert len(find_people([face(0, 0, 100), face(0, 0, 300)], 1)) == 2  # a photo


def test_a_number_that_nobody_has_is_refused():
    people = find_people([face(0, 20, 100)], 21)
    with pytest.raises(NothingToDoError, match="no face 1: it shows 1"):
        choose(people, 1)


def test_the_nearest_embedding_is_meant_if_it_is_near_enough():
    from lipsync_cli.faces.tracking.identity import Person

    ann, bob, eve = (np.eye(128)[n] for n in range(3))
    people = [Person((face(0, 20, 100),), (bob,)), Person((face(0, 20, 300),), (eve, ann))]
    assert choose(people, 0.9 * ann) == 1
    with pytest.raises(NothingToDoError, match=r"distance 1\.00, not below 0\.6"):
        choose(people, np.zeros(128))


def test_a_portrait_is_small_and_keeps_the_place_of_the_face(grid_dir):
    frame = speaker(grid_dir, "s1", 1)[0].repeat(2, 0).repeat(2, 1)
    boxes, _ = make_detector("hog").detect(frame)
    portrait = Portrait.take(frame, boxes[0], 1.0)
    image = portrait.image()
    assert max(image.shape[:2]) == SIDE
    assert len(portrait.jpeg) < 40_000
    again, _ = make_detector("hog").detect(image)
    assert overlap(again[0], portrait.box) > 0.7


def test_two_speakers_side_by_side_have_a_track_each(grid_dir):
    frames = [np.concatenate(pair, 1) for pair in zip(*(speaker(grid_dir, n, 10) for n in ("s1", "s3")), strict=True)]
    cast = find_cast(iter(frames), CropRule(), everyone=True)
    left, right = (cast.track(number).boxes for number in range(2))
    assert len(cast.people) == 2
    assert (left[:, 2] < 360).all()
    assert (right[:, 0] > 360).all()
    assert np.array_equal(find_face(iter(frames), CropRule()).boxes, cast.track(cast.choose()).boxes)


def test_a_head_behind_another_has_no_face(crossing):
    numbers = np.arange(75)
    for track in map(crossing.track, range(len(crossing.people))):
        middle = (track.boxes[:, 0] + track.boxes[:, 2]) / 2
        back = np.abs(middle - (480 + 119 - 6 * numbers)) < np.abs(middle - (10 + 111 + 6 * numbers))
        seen = ~np.isnan(middle)
        assert not (seen & back)[35:40].any()  # where the heads' middles are within 50 pixels of each other


@needs_networks
def test_faces_that_cross_stay_themselves(crossing):
    assert len(crossing.people) == 2
    tracks = [crossing.track(number).boxes for number in range(2)]
    numbers = np.arange(75)
    paths = np.array([10 + 111 + 6 * numbers, 480 + 119 - 6 * numbers])
    for boxes in tracks:
        away = np.abs((boxes[:, 0] + boxes[:, 2]) / 2 - paths).T
        mine = np.nanmean(away, axis=0).argmin()
        assert np.nanmax(away[:, mine]) < 30
        assert (~np.isnan(away[:, mine]))[[0, 20, 55, 74]].all()


@needs_networks
def test_speakers_who_take_turns_behind_cuts_are_known_again(grid_dir):
    ann, bob = speaker(grid_dir, "s1", 50), speaker(grid_dir, "s3", 50)
    frames = [*ann[:20], *bob[:20], *speaker(grid_dir, "s1", 20, clip=1), *bob[25:45]]
    cast = find_cast(iter(frames), CropRule())
    shown = [~np.isnan(cast.track(number).boxes[:, 0]) for number in range(2)]
    turns = np.arange(80) // 20 % 2 == 1
    assert len(cast.people) == 2
    assert sorted(map(list, shown)) == sorted(map(list, (turns, ~turns)))


@needs_networks
def test_a_photo_tells_who_is_meant(grid_dir):
    from lipsync_cli.faces.embedding import need_embedder

    frames = [np.concatenate(pair, 1) for pair in zip(*(speaker(grid_dir, n, 7) for n in ("s1", "s3")), strict=True)]
    cast = find_cast(iter(frames), CropRule(), everyone=True)
    for number, name in enumerate(("s1", "s3")):
        photo = speaker(grid_dir, name, 60)[-1]
        boxes, _ = make_detector("hog").detect(photo)
        assert cast.choose(need_embedder("the test").embed(photo, boxes[0])) == number


def test_a_covered_face_is_not_trusted(data_dir):
    frames = list(islice(read_frames(data_dir / "wild" / "WolfgangLanger_Pexels.mp4"), 135))
    trusted = is_trusted(find_face(iter(frames), CropRule()))
    assert trusted[:70].all()  # an open face
    assert not trusted[100:130].any()  # a hand before nose and mouth


@pytest.mark.parametrize(("side", "expected"), [(38, False), (42, True)])
def test_a_small_face_is_not_trusted(side, expected):
    boxes = np.tile(np.array([10, 10, 10 + side, 10 + side], np.float32), (9, 1))
    boxes[3] = np.nan
    score = np.where(np.isnan(boxes[:, 0]), np.nan, 1.2)
    trusted = is_trusted(Track(boxes, score, np.full((9, 5, 2), np.nan)))
    assert list(trusted) == [expected and number != 3 for number in range(9)]


class Blind:
    """Finds nothing, and counts how often it is asked."""

    name = "blind"

    def __init__(self):
        self.asked = 0

    def detect(self, frame, small=True):
        self.asked += 1
        return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)

    def detect_near(self, frame, box):
        return self.detect(frame)


def test_the_network_is_not_asked_where_hog_sees_a_face_and_ever_less_where_nobody_does(grid_dir):
    frame, network = speaker(grid_dir, "s1", 1)[0], Blind()
    seeing = AutoDetector(make_detector("hog"), lambda: network, lambda *_: True)
    boxes, _ = seeing.detect(frame)
    assert len(boxes) == len(seeing.detect_near(frame, boxes[0])[0]) == 1
    assert network.asked == 0
    gone = AutoDetector(Blind(), lambda: network, lambda *_: True)
    for _ in range(10):
        gone.detect_near(frame, boxes[0])
    assert network.asked == MAX_MISSES
    network.asked = 0
    nowhere = AutoDetector(Blind(), lambda: network, lambda *_: True)
    for _ in range(100):
        nowhere.detect(frame, small=False)
    assert network.asked == 0
    for _ in range(100):
        nowhere.detect(frame)
    assert 100 / (MAX_PAUSE + 1) < network.asked < 12


@needs_networks
def test_a_half_lit_face_that_hog_misses_is_found(grid_dir):
    frame = speaker(grid_dir, "s1", 30)[-1]
    lit, _ = make_detector("hog").detect(frame)
    dark = (frame * np.where(np.arange(360) < 165, 0.1, 1.0)[None, :, None]).astype(np.uint8)
    assert not len(make_detector("hog").detect(dark)[0])
    found, _ = make_detector("auto").detect(dark)
    assert overlap(found[0], lit[0]) > 0.6


@needs_networks
def test_the_networks_boxes_are_where_hogs_would_be(grid_dir):
    frame = np.ascontiguousarray(speaker(grid_dir, "s22", 1)[0][80:, 80:300])
    expected, _ = make_detector("hog").detect(frame)
    found, _ = InHogGeometry(make_detector("mmod")).detect(frame)
    assert overlap(found[0], expected[0]) > 0.75
