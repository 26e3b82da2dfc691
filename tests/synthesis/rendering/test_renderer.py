"""The second pass: which frames are drawn, with which sound, and what stays as it is."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.media.probe import probe
from lipsync_cli.media.timeline import Timeline
from lipsync_cli.speech.mel import window_start
from lipsync_cli.synthesis.compositing.compositor import Compositor, reference_face
from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput
from lipsync_cli.synthesis.generation.local_runner import BATCH_SIZE
from lipsync_cli.synthesis.references.reference_selection import choose_reference_frames
from lipsync_cli.synthesis.rendering.renderer import BATCHES_IN_FLIGHT, FLIGHT_BYTES, Renderer, Speaker
from lipsync_cli.synthesis.sources.frame_schedule import plan_frames
from lipsync_cli.synthesis.sources.video_source import VideoSource

RULE = CropRule(size=32)
BOX = np.array([70.0, 4.0, 94.0, 28.0], np.float32)


def mask() -> np.ndarray:
    mask = np.zeros((32, 32), np.float32)
    mask[18:30, 6:26] = 1
    return mask


class Draughtsman:
    """Paints the lower face in a grey that is the mean of the mel window it was given, some batches side by side."""

    sees_occlusion = False

    def encode(self, mel):
        raise AssertionError("it hears mels")

    def silence(self, count):
        return np.full((count, 27, 80), -4, np.float32)

    def __init__(self, num_at_once=1):
        self.batches, self.num_at_once, self.begun = [], num_at_once, 0
        self._pool = ThreadPoolExecutor(num_at_once)

    def submit(self, face, mel):
        assert len(face) in (1, len(mel))
        target = np.broadcast_to(face, (len(mel), *face.shape[1:]))
        self.begun += 1
        number = self.begun

        def work():
            time.sleep(0.02 * (number % 2))  # every other batch overtakes the one before
            return self.generate(face, target, mel)

        return self._pool.submit(work if self.num_at_once > 1 else partial(self.generate, face, target, mel))

    def generate(self, reference, target, mel):
        assert reference.shape[0] in (1, len(target))
        assert len(mel) == len(target)
        self.batches.append(len(target))
        image = np.zeros((len(target), 32, 32, 3), np.float32) + mel.mean((1, 2))[:, None, None, None]
        nothing = np.zeros((len(target), 32, 32), np.float32)
        return GeneratorOutput(image, np.zeros((len(target), 32, 32, 2), np.float32), nothing, image)


class Clock:
    """A voice whose mel window holds the number of its first row plus 100, over 1000."""

    def windows(self, middles_s, encode=None):
        return np.broadcast_to((window_start(middles_s)[:, None, None] + 100) / 1000, (len(middles_s), 27, 80))

    def shown(self, middles_s):
        return np.ones(len(middles_s))


def render(video, boxes, plan, artist, **options):
    renderer = Renderer(video, (Speaker(boxes),), RULE, artist, Compositor(RULE, mask()), **options)
    with renderer.views(plan, [Clock()]) as views:
        return [view.pixels for view in views]


@pytest.mark.parametrize("num_at_once", [1, 2])
@pytest.mark.parametrize("room", [1 << 28, 12 * 32 * 192 * 3], ids=["all on disk", "a stretch at a time"])
def test_frames_without_a_face_and_pixels_outside_the_mask_keep_every_bit(numbered, frame_number, room, num_at_once):
    num_source = 40
    boxes = np.tile(BOX, (num_source, 1))
    boxes[10:15] = np.nan
    boxes[39] = np.nan
    plan = plan_frames(Timeline.constant(25, num_source), Fraction(101, 25))
    artist = Draughtsman(num_at_once)
    with VideoSource(probe(numbered(num_source)), num_source, room) as video:
        source = list(video.scan())
        drawn = render(video, boxes, plan, artist)
    assert len(drawn) == plan.num_frames == 101
    assert artist.batches
    assert max(artist.batches) <= BATCH_SIZE
    for frame, number, middle_s in zip(drawn, plan.order, plan.timeline.middles(), strict=True):
        assert frame_number(frame) == number
        if np.isnan(boxes[number, 0]):
            np.testing.assert_array_equal(frame, source[number])
            continue
        changed = (frame != source[number]).any(2)
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        x0, y0, side = RULE.square(BOX)
        assert rows[0] >= y0 + side * 17 / 32 - 1
        assert columns[0] >= x0 + side * 5 / 32 - 1
        assert rows[-1] <= y0 + side * 31 / 32 + 1
        assert columns[-1] <= x0 + side * 27 / 32 + 1
        grey = frame[int(y0 + side * 0.75), int(x0 + side / 2), 0]
        assert abs(int(grey) - np.clip((window_start(middle_s) + 100) / 1000 * 255, 0, 255)) <= 1


def test_batches_shrink_for_large_frames(stills):
    artist, source = Draughtsman(), stills([np.zeros((32, 192, 3), np.uint8)] * 20)
    source.frame_bytes = FLIGHT_BYTES // BATCHES_IN_FLIGHT // 3
    plan = plan_frames(Timeline.constant(25, 20), Fraction(20, 25))
    render(source, np.tile(BOX, (20, 1)), plan, artist)
    assert artist.batches == [3] * 6 + [2]


def test_an_error_of_the_generator_is_raised_as_it_is(numbered):
    class Broken(Draughtsman):
        def generate(self, reference, target, mel):
            if len(self.batches) == 2:
                raise InputError("is broken")
            return super().generate(reference, target, mel)

    plan = plan_frames(Timeline.constant(25, 90), Fraction(90, 25))
    with VideoSource(probe(numbered(90)), 90) as video:
        list(video.scan())
        with pytest.raises(InputError, match="is broken"):
            render(video, np.tile(BOX, (90, 1)), plan, Broken())


def test_reference_is_the_frame_whose_mouth_changes_least(numbered):
    class Judge(Draughtsman):
        def generate(self, reference, target, mel, articulation=None):
            assert (mel == -4).all()
            np.testing.assert_array_equal(reference, target)
            change = np.linspace(0.5, 1, len(target))
            change[5] = 0.01
            image = target / np.float32(255)
            image[:, 16:] += change[:, None, None, None].astype(np.float32)
            return GeneratorOutput(image)

    boxes = np.tile(BOX, (40, 1))
    boxes[:8] = np.nan  # no face
    boxes[30:, 2:] += 20  # of another size
    with VideoSource(probe(numbered(40)), 40) as video:
        list(video.scan())
        references = choose_reference_frames(video, boxes, RULE, Judge(), num_candidates=22)
        number = references.rest
        assert 8 <= number < 30
        assert references.opened is None or 8 <= references.opened < 30
        reference = reference_face(video.frame(number), boxes[number], RULE)
        assert reference.crop.shape == (32, 32, 3)
