"""Whose mouth is moved: what a user may write, and what then changes in the picture."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import cv2
import numpy as np
import pytest
from fixtures.jobs import open_scene, prepare

from lipsync_cli.config.quantities import parse_point
from lipsync_cli.errors import InputError, NothingToDoError, ToolError, UsageError
from lipsync_cli.faces.selection import FaceSelection, parse_face_selection
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.synthesis.rendering.scene import SceneBuilder

has_networks = importlib.util.find_spec("face_recognition_models") is not None


@pytest.mark.parametrize(("text", "wanted"), [("largest", "largest"), ("left", "left"), ("0", 0), ("12", 12)])
def test_places_and_numbers(text, wanted):
    assert parse_face_selection(text).wanted == wanted


@pytest.mark.parametrize("text", ["middle", "-1", ""])
def test_what_is_neither_is_refused(text):
    with pytest.raises(UsageError):
        parse_face_selection(text)


def test_a_photo_must_be_there_and_be_a_photo(tmp_path, face_clip):
    with pytest.raises(InputError, match="no such file"):
        parse_face_selection(str(tmp_path / "ann.jpg"))
    with pytest.raises(UsageError, match="not a photo"):
        parse_face_selection(str(face_clip))


def test_a_photo_without_a_face_or_without_the_network_is_told(tmp_path):
    path = tmp_path / "wall.png"
    cv2.imwrite(str(path), np.full((120, 160, 3), 90, np.uint8))
    with pytest.raises(NothingToDoError if has_networks else ToolError):
        parse_face_selection(str(path))


def select(face: str) -> FaceSelection:
    """What --face says, or --face-at, where it is a place."""
    if "," not in face:
        return parse_face_selection(face, "hog")
    return replace(parse_face_selection("largest", "hog"), name=f"at {face}", place=parse_point(face))


@pytest.mark.parametrize(("face", "first"), [("left", 0), ("1", 256), ("0.1,390,100", 256)])
def test_only_the_chosen_face_is_drawn(astronaut, voice_file, weights, tmp_path, face, first):
    clip, said = tmp_path / "two.mp4", []
    with VideoWriter(clip, 512, 256, 25) as writer:
        for number in range(8):
            pair = np.concatenate([astronaut, np.ascontiguousarray(astronaut[:, ::-1])], 1)
            writer.write(np.roll(pair, number % 3, 0))
    with (
        prepare(clip, voice_file(0.3), tmp_path / "out.mp4", weights) as job,
        SceneBuilder("current", choices=[select(face)]) as builder,
    ):
        scene = open_scene(builder, job, notify=said.append)
        with scene.renderer.views(job.schedule, job.voices) as views:
            drawn = next(iter(views)).pixels
        source = scene.video.frame(0)
    changed = (np.asarray(drawn) != np.asarray(source)).any(axis=(0, 2))
    assert changed[first : first + 256].any()
    assert not changed[256 - first : 512 - first].any()
    assert "2 faces: 0 at x" in said[0]
    assert f"{face} is face {first // 256}" in said[0]


def test_a_face_that_is_not_there_is_refused(face_clip, voice_file, weights, tmp_path):
    with (
        prepare(face_clip, voice_file(0.3), tmp_path / "out.mp4", weights) as job,
        SceneBuilder(choices=[parse_face_selection("3", "hog")]) as builder,
        pytest.raises(NothingToDoError, match=r"face\.mp4: no face 3: it shows 1"),
    ):
        open_scene(builder, job)
