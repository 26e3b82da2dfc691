"""Rest frames of photos and videos: their lips together, and what is behind them."""

from __future__ import annotations

import numpy as np

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.media.video.yuv_frame import YuvFrame
from lipsync_cli.synthesis.references.mouth_reference import collect_textures, rest_face, rest_faces, rest_photo
from lipsync_cli.synthesis.references.reference_selection import ReferenceFrames
from lipsync_cli.synthesis.sources.still_source import StillSource

BOX, RULE = np.array([86.0, 76.0, 175.0, 166.0], np.float32), CropRule()


def test_a_photo_that_grins_is_closed_and_keeps_its_teeth(astronaut):
    photo = StillSource(astronaut)
    closed, (face,) = rest_photo(photo, [BOX[None]], RULE)
    assert closed is not photo
    assert (closed.frame(0) != astronaut).any()
    assert [number for number, _ in closed.frames(np.array([0, 0]))] == [0, 0]
    np.testing.assert_array_equal(next(closed.scan()), closed.frame(0))
    assert face.inside is not None
    assert face.inside.textures.pictures[0, 5:8, 16:32].mean() > 200
    x, y = face.inside.lips.middle
    row0, row1, col0, col1 = RULE.mouth_region()
    assert row0 - 4 < y < row1 + 4
    assert col0 < x < col1


def test_a_photo_whose_lips_meet_has_no_texture(astronaut):
    closed, _ = rest_photo(StillSource(astronaut), [BOX[None]], RULE)
    same, (face,) = rest_photo(closed, [BOX[None]], RULE)
    assert same is closed
    assert face.inside.textures is None


def test_a_photo_without_a_face_mesh_is_given_back(astronaut):
    photo = StillSource(np.full_like(astronaut, 127))
    same, faces = rest_photo(photo, [BOX[None]], RULE)
    assert same is photo
    assert faces == [None]


def test_the_rest_frame_of_a_video_is_closed_in_its_own_planes(astronaut):
    import cv2

    planes = cv2.cvtColor(astronaut, cv2.COLOR_RGB2YUV_I420)
    frame = YuvFrame(planes, "smpte170m")
    face = rest_face(frame, BOX, RULE)
    assert isinstance(face.pixels, YuvFrame)
    assert face.inside is not None
    assert [layer.step for layer in face.inside.layers] == [1, 2]
    for layer, like in zip(
        face.inside.layers, (face.pixels.planes_apart[:1], face.pixels.planes_apart[1:]), strict=True
    ):
        assert [part.shape for part in layer.parts] == [part.shape for part in like]
    np.testing.assert_array_equal(frame.planes, planes)


def _opening(astronaut, places):
    """Frames of the astronaut's smile, larger, and the boxes: 0 is as it is, above it the lower lip is further down."""
    import cv2

    large = cv2.resize(astronaut, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(*(np.arange(length, dtype=np.float32) for length in large.shape[1::-1]))
    teeth, chin = np.float32(3 * 140), np.float32(3 * 172)
    frames = []
    for place in places:
        above = np.clip((y - teeth) / (chin - teeth), 0, 1)
        stretched = teeth + (chin - teeth) * above ** (1 + np.float32(place))
        rows = np.where((y > teeth) & (y < chin), stretched, y)
        frames.append(cv2.remap(large, x, rows, cv2.INTER_LINEAR))
    return frames, np.repeat(3 * BOX[None], len(frames), 0)


def test_textures_are_of_openings_that_differ_in_ascending_order(astronaut, stills):
    frames, boxes = _opening(astronaut, [0.0, 0.02, 0.6, 1.2])
    textures = collect_textures(stills(frames), boxes, [3, 0, 2, 1])
    assert len(textures.gaps) == len(textures.pictures) >= 2
    assert (np.diff(textures.gaps) > 0).all()
    height, width = textures.pictures.shape[1:3]
    middle = textures.pictures[:, height // 4 : -height // 4, width // 3 : -width // 3].mean((1, 2))
    assert (middle.min(1) > 150).all()  # teeth


def test_a_closed_mouth_and_a_frame_without_a_face_give_no_texture(astronaut, stills):
    photo, _ = rest_photo(StillSource(astronaut), [BOX[None]], RULE)
    frames = [photo.frame(0), np.full_like(astronaut, 127)]
    assert collect_textures(stills(frames), np.repeat(BOX[None], 2, 0), [0, 1]) is None


def test_all_rest_frames_share_the_textures_of_all(astronaut, stills):
    frames, boxes = _opening(astronaut, [0.0, 0.0, 0.6])
    one, other = rest_faces(stills(frames), boxes, RULE, [ReferenceFrames(0, None, (2,)), ReferenceFrames(1, 2)])
    assert one.inside.textures is other.inside.textures is not None
    assert one.opened is None
    assert other.opened is not None


def test_with_each_frames_own_face_a_photo_keeps_its_smile(lipsync, astronaut, voice_file, weights, tmp_path):
    import cv2

    photo, film = tmp_path / "face.png", tmp_path / "film.mp4"
    cv2.imwrite(str(photo), astronaut[:, :, ::-1])
    made = lipsync("infer", photo, voice_file(0.3), "-o", film, "--weights", weights, "--reference", "current")
    assert made.returncode == 0, made.stderr
    assert "brought together" not in made.stderr
