"""Heads that turn: a rest frame for each way in which they are held, and one that fades into the next."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.media.timeline import Timeline
from lipsync_cli.synthesis.compositing.compositor import Compositor, reference_face
from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput
from lipsync_cli.synthesis.references.pose_clusters import MAX_VIEWS, choose_pose_clusters
from lipsync_cli.synthesis.rendering.renderer import Renderer, Speaker
from lipsync_cli.synthesis.sources.frame_schedule import plan_frames

RULE = CropRule()
FACE = np.array([73.0, 57.0, 181.0, 165.0], np.float32)  # of the astronaut
STRAIGHT, TURNED = 1.0, 0.72  # how wide the head seems


def head(astronaut, width, how_open=0):
    """A head that seems so wide, which no similarity undoes, and whose mouth is a dark bar below teeth."""
    frame = astronaut.copy()
    x0, x1, y0 = 105, 150, 135
    frame[y0 : y0 + how_open, x0:x1] = (60, 20, 20)
    frame[y0 : y0 + how_open // 3, x0:x1] = (235, 225, 215)
    turn = np.array([[width, 0, 127 * (1 - width)], [0, 1, 0]])
    return cv2.warpAffine(frame, turn, frame.shape[1::-1], borderMode=cv2.BORDER_REFLECT)


class Closer:
    """A generator that closes every mouth in silence."""

    sees_occlusion = False

    def __init__(self, astronaut):
        self._closed = [crop_face(head(astronaut, width), FACE, RULE) for width in (STRAIGHT, TURNED)]

    def silence(self, count):
        return np.full((count, 27, 80), -4, np.float32)

    def generate(self, reference, target, mel, articulation=None):
        nearest = [
            min(self._closed, key=lambda closed, crop=crop: np.abs(closed[:48] - crop[:48].astype(float)).mean())
            for crop in target
        ]
        return GeneratorOutput(np.stack(nearest) / np.float32(255))


@pytest.fixture
def turning(astronaut, stills):
    """Twelve frames straight on, ten turned away; the mouth rests in two of each."""
    widths, heights = (
        [STRAIGHT] * 12 + [TURNED] * 10,
        [0, 0, 8, 12, 16, 18, 20, 22, 24, 14, 10, 6, 0, 0, *range(8, 24, 2)],
    )
    frames = [head(astronaut, width, height) for width, height in zip(widths, heights, strict=True)]
    return stills(frames), np.tile(FACE, (len(frames), 1)), widths, heights


class Opener(Closer):
    """A generator that opens every mouth that is open even further, as if it had been seen from elsewhere."""

    def generate(self, reference, target, mel, articulation=None):
        closed = super().generate(reference, target, mel).image
        return GeneratorOutput(closed + 3 * (target / np.float32(255) - closed))


def test_each_way_of_holding_the_head_has_a_mouth_at_rest_and_an_open_one_of_the_same_way(turning, astronaut):
    video, boxes, widths, heights = turning
    views = choose_pose_clusters(video, boxes, RULE, Closer(astronaut))
    assert 2 <= len(views) <= MAX_VIEWS
    assert {widths[view.rest] for view in views} == {STRAIGHT, TURNED}
    for view in views:
        assert heights[view.rest] == 0
        assert view.opened is not None
        assert widths[view.opened] == widths[view.rest]
        assert heights[view.opened] >= 14


def test_an_open_mouth_that_does_not_close_onto_the_one_at_rest_is_not_used(turning, astronaut):
    video, boxes, *_ = turning
    views = choose_pose_clusters(video, boxes, RULE, Opener(astronaut))
    assert len(views) >= 2
    assert all(view.opened is None for view in views)


def test_a_head_that_keeps_still_needs_one(astronaut, stills):
    frames = [head(astronaut, STRAIGHT, height) for height in (0, 0, 10, 14, 18, 20, 22, 12)]
    views = choose_pose_clusters(stills(frames), np.tile(FACE, (len(frames), 1)), RULE, Closer(astronaut))
    assert len(views) == 1


class Painter:
    """Paints the lower face of each reference in the grey of its upper left corner."""

    num_at_once = 1
    sees_occlusion = False

    def __init__(self):
        self.asked = []

    def encode(self, mel):
        raise AssertionError("it hears mels")

    def submit(self, face, mel):
        from concurrent.futures import Future

        assert len(face) == 1
        self.asked.append(len(mel))
        grey = np.full((len(mel), RULE.size, RULE.size, 3), face[0, 0, 0, 0] / np.float32(255))
        flow = np.zeros((len(mel), RULE.size, RULE.size, 2), np.float32)
        future = Future()
        future.set_result(GeneratorOutput(None, flow, flow[:, :, :, 0], grey))
        return future


class Voice:
    """Speaks, so much of it being shown."""

    def __init__(self, shown):
        self._shown = shown

    def windows(self, middles_s, encode=None):
        return np.zeros((len(middles_s), 27, 80), np.float32)

    def shown(self, middles_s):
        return np.full(len(middles_s), self._shown)


@pytest.mark.parametrize("shown", [1.0, 0.6])
def test_one_view_alone_draws_a_frame(astronaut, stills, shown):
    frames = [head(astronaut, STRAIGHT), head(astronaut, TURNED)]
    greys = 40, 200
    references = [reference_face(frame, FACE, RULE) for frame in frames]
    for reference, grey in zip(references, greys, strict=True):
        reference.crop[0, 0] = grey
    references = [reference._replace(skin=np.zeros(2, np.float32)) for reference in references]
    speaker = Speaker.with_rest_frames(np.tile(FACE, (2, 1)), references, RULE)
    mask = np.zeros((RULE.size, RULE.size), np.float32)
    mask[60:90, 20:76] = 1
    painter = Painter()
    renderer = Renderer(stills(frames), (speaker,), RULE, painter, Compositor(RULE, mask))
    plan = plan_frames(Timeline.constant(25, 2), Fraction(2, 25))
    with renderer.views(plan, [Voice(shown)]) as views:
        drawn = [view.pixels for view in views]
    assert painter.asked == [1, 1]
    middle = slice(150, 158), slice(120, 134)
    for frame, picture, grey in zip(frames, drawn, greys, strict=True):
        wanted = (1 - shown) * frame[middle].astype(float) + shown * grey
        assert np.abs(picture[middle] - wanted).max() <= 1.5


def test_the_fitting_view_is_chosen_for_every_frame(astronaut):
    frames = [head(astronaut, STRAIGHT), head(astronaut, TURNED)]
    boxes = np.tile(FACE, (2, 1))
    speaker = Speaker.with_rest_frames(boxes, [reference_face(frame, FACE, RULE) for frame in frames], RULE)
    assert [speaker.view(number, frame) for number, frame in enumerate(frames)] == [0, 1]
    alone = Speaker.with_rest_frames(boxes, [reference_face(frames[0], FACE, RULE)], RULE)
    assert alone.view(1, frames[1]) == 0


def test_a_view_stays_until_another_fits_clearly_better(astronaut):
    frames = [head(astronaut, STRAIGHT), head(astronaut, TURNED)]
    alike = [reference_face(frames[0], FACE, RULE) for _ in range(2)]
    same = Speaker.with_rest_frames(np.tile(FACE, (2, 1)), alike, RULE)
    assert [same.view(0, frames[0], before) for before in (0, 1)] == [0, 1]
    other = Speaker.with_rest_frames(
        np.tile(FACE, (2, 1)), [reference_face(frame, FACE, RULE) for frame in frames], RULE
    )
    assert other.view(1, frames[1], 0) == 1


def test_while_one_view_fits_the_others_are_looked_at_in_each_third_frame(astronaut):
    frame = head(astronaut, STRAIGHT)
    turned = reference_face(head(astronaut, TURNED), FACE, RULE)
    references = [turned, reference_face(frame, FACE, RULE), turned]
    speaker = Speaker.with_rest_frames(np.tile(FACE, (9, 1)), references, RULE)
    looked = []

    class Watched:
        def __init__(self, place, tracker):
            self.place, self.tracker = place, tracker

        def unlikeness(self, number, frame):
            looked.append((number, self.place))
            return self.tracker.unlikeness(number, frame)

    watched = replace(speaker, trackers=tuple(Watched(*each) for each in enumerate(speaker.trackers)))
    assert [watched.view(number, frame, 1) for number in range(3, 7)] == [1] * 4
    assert {number for number, place in looked if place != 1} == {3, 6}
