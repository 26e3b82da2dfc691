"""Which face is moved, and which shows the inside of its mouth."""

import cv2
import numpy as np

from lipsync_cli.faces.alignment import Aligner, to_grey
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.synthesis.compositing.compositor import reference_face
from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput
from lipsync_cli.synthesis.references.reference_selection import (
    ReferenceFrames,
    bring_open,
    choose_reference_frames,
    fits_poses,
)

SIZE = 160


def _texture(seed):
    noise = np.random.default_rng(seed).uniform(0, 255, (SIZE, SIZE, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return np.clip(127 + 8 * (smooth - smooth.mean()), 0, 255).astype(np.uint8)


def test_a_face_that_shifts_fits_and_one_that_changes_does_not(stills):
    boxes = np.tile(np.array([30, 30, 130, 130], np.float32), (6, 1))
    shifted = stills([np.roll(_texture(0), shift, (0, 1)) for shift in range(6)])
    changing = stills([_texture(seed) for seed in range(6)])
    assert fits_poses(shifted, boxes, CropRule(), 2)
    assert not fits_poses(changing, boxes, CropRule(), 2)


def test_a_face_that_changes_for_a_quarter_of_the_time_does_not_fit(stills):
    boxes = np.tile(np.array([30, 30, 130, 130], np.float32), (16, 1))
    seldom = stills([_texture(int(number in (3, 9))) for number in range(16)])  # as eyes that blink
    often = stills([_texture(int(number >= 12)) for number in range(16)])
    assert fits_poses(seldom, boxes, CropRule(), 2)
    assert not fits_poses(often, boxes, CropRule(), 2)


def test_one_frame_alone_fits(stills):
    assert fits_poses(stills([_texture(0)]), np.array([[30, 30, 130, 130]], np.float32), CropRule(), 0)


class _Closer:
    """A generator that closes every mouth in silence, into that of the face it was made with."""

    sees_occlusion = False

    def __init__(self, closed):
        self._closed = closed

    def silence(self, count):
        return np.full((count, 27, 80), -4, np.float32)

    def generate(self, reference, target, mel, articulation=None):
        return GeneratorOutput(np.broadcast_to(self._closed / np.float32(255), target.shape))


FACE = np.array([73.0, 57.0, 181.0, 165.0], np.float32)  # of the astronaut


def _talking(astronaut, how_open, covered=()):
    """Frames of a head that moves, its mouth a dark bar between stripes of teeth, `how_open` pixels high."""
    rule = CropRule()
    place = np.linalg.inv(np.vstack([rule.matrix(FACE), [0, 0, 1]]))
    row0, row1, column0, column1 = rule.mouth_region()
    x0, y0, _ = (place @ [column0 + 8, (row0 + row1) / 2, 1]).astype(int)
    x1 = int((place @ [column1 - 8, row0, 1])[0])
    frames = []
    for number, height in enumerate(how_open):
        frame = astronaut.copy()
        frame[y0 : y0 + height, x0:x1] = (60, 20, 20)
        frame[y0 : y0 + height // 3, x0:x1] = (235, 225, 215)
        if number in covered:
            frame[y0 - 12 : y0 + 40, x0 - 30 : x1 + 30] = (20, 160, 60)
        frames.append(np.roll(frame, number % 3, 1))
    return frames, np.array([FACE + np.array([1, 0, 1, 0]) * (number % 3) for number in range(len(frames))])


def _choose(video, boxes):
    from lipsync_cli.faces.crop import crop_face

    return choose_reference_frames(video, boxes, CropRule(), _Closer(crop_face(video.frame(0), boxes[0], CropRule())))


def test_an_open_mouth_is_found_and_brought_into_the_resting_pose(astronaut, stills):
    heights = [0, 3, 6, 9, 12, 15, 18, 21, 24, 0, 3, 6, 9, 12, 15, 18, 21, 24, 0, 0]
    frames, boxes = _talking(astronaut, heights)
    video = stills(frames)
    references = _choose(video, boxes)
    assert heights[references.rest] == 0
    assert heights[references.opened] >= 15
    rule, aligner = CropRule(), Aligner(CropRule())
    rest = reference_face(video.frame(references.rest), boxes[references.rest], rule)
    grey, contrast = to_grey(rest.crop), aligner.contrast(to_grey(rest.crop))
    moved = ReferenceFrames(references.rest, next(n for n in (4, 5, 6, 7) if n % 3 != references.rest % 3))
    for chosen in (references, moved):
        opened = bring_open(video, boxes, rule, chosen, rest)
        assert aligner.difference(to_grey(opened.crop), grey) < 0.2 * contrast
        seen = cv2.warpAffine(opened.pixels, opened.matrix, (rule.size, rule.size), flags=cv2.INTER_AREA)
        assert aligner.difference(to_grey(seen), grey) < 0.3 * contrast  # its pixels at full size lie there, too


def test_mouths_are_open_by_more_and_more_and_never_at_rest(astronaut, stills):
    heights = [0, 3, 6, 9, 12, 15, 18, 21, 24, 0, 0, 0]
    frames, boxes = _talking(astronaut, heights)
    open_by = sorted(heights[number] for number in _choose(stills(frames), boxes).mouths)
    assert len(open_by) >= 3
    assert open_by[0] > 0
    assert open_by[-1] >= 15


def test_of_the_open_mouths_the_most_usual_is_taken_and_not_the_widest(astronaut, stills):
    heights = [0, 0, 0, 0, 0, 17, 18, 18, 18, 19, 30, 0, 0, 0, 0, 0]
    frames, boxes = _talking(astronaut, heights)
    video = stills(frames)
    assert heights[_choose(video, boxes).opened] == 18


def test_a_hand_before_the_mouth_is_not_taken_for_its_inside(astronaut, stills):
    heights = [0, 0, 6, 6, 12, 12, 0, 0, 12, 12]
    frames, boxes = _talking(astronaut, heights, covered=(6, 7))
    video = stills(frames)
    references = _choose(video, boxes)
    assert references.opened not in (6, 7)
    assert heights[references.opened] == 12


def test_of_a_mouth_that_stays_shut_nothing_is_open(astronaut, stills):
    frames, boxes = _talking(astronaut, [0] * 8)
    video = stills(frames)
    references = _choose(video, boxes)
    assert references.opened is None
    rest = reference_face(video.frame(references.rest), boxes[references.rest], CropRule())
    assert bring_open(video, boxes, CropRule(), references, rest) is None
