"""Heads that turn: a resting face for each way in which they are held, and one that fades into the next."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.media.timeline import Timeline
from lipsync_cli.synthesis.compositing.compositor import Compositor, reference_face
from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput
from lipsync_cli.synthesis.references.pose_clusters import MAX_VIEWS, SOFT, Share, choose_pose_clusters, share_out
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


def test_each_way_of_holding_the_head_has_a_resting_and_an_open_mouth(turning, astronaut):
    video, boxes, widths, heights = turning
    views = choose_pose_clusters(video, boxes, RULE, Closer(astronaut))
    assert 2 <= len(views) <= MAX_VIEWS
    assert {widths[view.resting] for view in views} == {STRAIGHT, TURNED}
    for view in views:
        assert heights[view.resting] == 0
        assert heights[view.opened] >= 10
        assert widths[view.opened] == widths[view.resting]


def test_a_head_that_keeps_still_needs_one(astronaut, stills):
    frames = [head(astronaut, STRAIGHT, height) for height in (0, 0, 10, 14, 18, 20, 22, 12)]
    views = choose_pose_clusters(stills(frames), np.tile(FACE, (len(frames), 1)), RULE, Closer(astronaut))
    assert len(views) == 1


def test_the_best_view_draws_alone_unless_another_fits_as_well():
    assert share_out([9.0], 30.0) == [Share(0, 1.0)]
    assert share_out([20.0, 5.0, 19.0], 30.0) == [Share(1, 1.0)]
    assert share_out([7.0, 7.0], 30.0) == [Share(0, 0.5), Share(1, 0.5)]


def test_one_view_fades_into_the_next():
    def part(of, misfits):
        return sum(share.part for share in share_out(misfits, 30.0) if share.view == of)

    steps = np.linspace(-1.5, 1.5, 61) * SOFT * 30
    parts = np.array([[part(of, [10 + step, 10.0]) for of in (0, 1)] for step in steps])
    np.testing.assert_allclose(parts.sum(1), 1)
    assert (np.diff(parts[:, 0]) <= 0).all()
    assert np.abs(np.diff(parts[:, 0])).max() < 0.03
    assert parts[0, 0] == 1
    assert parts[-1, 1] == 1


class Painter:
    """Paints the lower face of each reference in the grey of its upper left corner."""

    num_at_once = 1
    sees_occlusion = False

    def __init__(self):
        self.asked = []

    def encode(self, mel):
        raise AssertionError("it hears mels")

    def submit(self, face, mel, pose_hint=None, open_face=None):
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


class TurnedSpeaker(Speaker):
    """One whose head is always between two views, nearer to the second."""

    def shares(self, number, frame):
        return [Share(1, 0.7), Share(0, 0.3)]


@pytest.mark.parametrize("shown", [1.0, 0.6])
def test_two_views_are_mixed_by_their_parts(astronaut, stills, shown):
    frames = [head(astronaut, STRAIGHT), head(astronaut, TURNED)]
    boxes = np.tile(FACE, (2, 1))
    greys = 40, 200
    references = [reference_face(frame, FACE, RULE) for frame in frames]
    for reference, grey in zip(references, greys, strict=True):
        reference.crop[0, 0] = grey
    references = [reference._replace(skin=np.zeros(2, np.float32)) for reference in references]
    speaker = TurnedSpeaker.resting(boxes, references, RULE)
    mask = np.zeros((RULE.size, RULE.size), np.float32)
    mask[60:90, 20:76] = 1
    painter = Painter()
    renderer = Renderer(stills(frames), (speaker,), RULE, painter, Compositor(RULE, mask))
    plan = plan_frames(Timeline.constant(25, 2), Fraction(2, 25))
    with renderer.views(plan, [Voice(shown)]) as views:
        drawn = [view.pixels for view in views]
    assert painter.asked == [2, 2]  # each view's faces at once
    middle = slice(150, 158), slice(120, 134)
    wanted = (1 - shown) * frames[0][middle].astype(float) + shown * (0.7 * greys[1] + 0.3 * greys[0])
    assert np.abs(drawn[0][middle] - wanted).max() <= 1.5


def test_the_fitting_view_is_chosen_for_every_frame(astronaut):
    frames = [head(astronaut, STRAIGHT), head(astronaut, TURNED)]
    boxes = np.tile(FACE, (2, 1))
    speaker = Speaker.resting(boxes, [reference_face(frame, FACE, RULE) for frame in frames], RULE)
    assert [speaker.shares(number, frame) for number, frame in enumerate(frames)] == [[Share(0, 1.0)], [Share(1, 1.0)]]
    alone = Speaker.resting(boxes, [reference_face(frames[0], FACE, RULE)], RULE)
    assert alone.shares(1, frames[1]) == [Share(0, 1.0)]
