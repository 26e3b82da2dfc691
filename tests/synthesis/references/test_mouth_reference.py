"""Rest frames of photos and videos: their lips together, and what is behind them."""

from __future__ import annotations

import numpy as np

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.media.video.yuv_frame import YuvFrame
from lipsync_cli.synthesis.references.mouth_reference import rest_face, rest_photo, show_teeth
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
    x, y = face.inside.lips.middle
    row0, row1, col0, col1 = RULE.mouth_region()
    assert row0 - 4 < y < row1 + 4
    assert col0 < x < col1


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


def test_teeth_come_from_the_open_frame_to_where_the_rest_frame_has_its_mouth(astronaut):
    shifted, box = np.roll(astronaut, (4, 6), (0, 1)), BOX + np.float32([6, 4, 6, 4])
    rest = rest_face(astronaut, BOX, RULE)
    opened = rest_face(shifted, box, RULE)  # of the same matrix in its own frame: in the same pose
    shown = show_teeth(rest, opened, shifted, box, RULE)
    one, other = shown.inside.layers[0].parts[0], rest.inside.layers[0].parts[0]
    height, width = one.shape[:2]
    inner = slice(height // 4, -height // 4), slice(width // 4, -width // 4)
    assert np.abs(one[inner] - other[inner]).mean() < 6


def test_a_frame_whose_mouth_is_closed_shows_no_teeth(astronaut):
    photo, (rest,) = rest_photo(StillSource(astronaut), [BOX[None]], RULE)
    assert show_teeth(rest, rest, photo.frame(0), BOX, RULE) is rest


def test_with_each_frames_own_face_a_photo_keeps_its_smile(lipsync, astronaut, voice_file, weights, tmp_path):
    import cv2

    photo, film = tmp_path / "face.png", tmp_path / "film.mp4"
    cv2.imwrite(str(photo), astronaut[:, :, ::-1])
    made = lipsync("infer", photo, voice_file(0.3), "-o", film, "--weights", weights, "--reference", "current")
    assert made.returncode == 0, made.stderr
    assert "brought together" not in made.stderr
