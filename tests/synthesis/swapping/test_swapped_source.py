"""Swapped frames: only the outline's inside changes, in the film's colours, below what lies over the face."""

import numpy as np
import pytest

from lipsync_cli.faces.aligned.alignment import SIDE_MM, TOP_MM, from_numbers
from lipsync_cli.media.video.yuv_frame import YuvFrame
from lipsync_cli.synthesis.swapping.colour_transfer import transfer_colour
from lipsync_cli.synthesis.swapping.face_path import FacePath
from lipsync_cli.synthesis.swapping.swap_compositor import Occluder, SwapCompositor
from lipsync_cli.synthesis.swapping.swap_network import DrawnFaces
from lipsync_cli.synthesis.swapping.swapped_source import SwappedFace, Swapper

SIDE = 64


class Painter:
    """Draws every face in one colour, over all of it."""

    side, people = SIDE, ("ann", "bob")

    def __init__(self, mask=1.0):
        self.asked, self._mask = [], mask

    def draw(self, faces, person):
        self.asked.append((len(faces), person))
        colour = np.full((len(faces), SIDE, SIDE, 3), (1.0, 0.0, 0.0), np.float32)
        return DrawnFaces(colour, np.full((len(faces), SIDE, SIDE), self._mask, np.float32))


def _places():
    angle = np.linspace(np.pi, 0, 17)
    points = np.full((68, 2), 0.5)
    points[:17] = np.stack([0.5 + 0.3 * np.cos(angle), 0.35 + 0.45 * np.sin(angle)], 1)
    points[17:27] = np.stack([np.linspace(0.25, 0.75, 10), np.full(10, 0.27)], 1)
    points[27] = 0.5, 0.35
    return points


def _path(count, without=()):
    """A face of 100 pixels in the middle of frames 200 pixels wide."""
    matrix = from_numbers(np.array([[0.01, 0.0, -0.5, -0.5]])).repeat(count, 0)
    matrix[list(without)] = np.nan
    return FacePath(matrix, _places()[None].repeat(count, 0))


def _frame(kind="rgb"):
    grey = np.full((200, 200, 3), 90, np.uint8) + (np.arange(200) % 7).astype(np.uint8)[:, None]
    if kind == "rgb":
        return grey
    return YuvFrame(np.concatenate([grey[:, :, 0], np.full((100, 200), 128, np.uint8)]), "bt709")


def _swap(frames, painter, path, is_masked=True, **options):
    swapper = Swapper(painter, SwapCompositor(SIDE, "none", is_masked), (SwappedFace(path, 1, **options),), 4)
    return swapper, [frame for _, frame in swapper.swap(enumerate(frames))]


@pytest.mark.parametrize("kind", ["rgb", "yuv"])
def test_only_the_face_is_changed_and_frames_without_one_pass_through(kind):
    frames, painter = [_frame(kind) for _ in range(6)], Painter()
    swapper, swapped = _swap(frames, painter, _path(6, without=(2,)))
    assert painter.asked == [(3, 1), (2, 1)]
    assert swapped[2] is frames[2]
    before, after = np.asarray(frames[0]), np.asarray(swapped[0])
    assert after[110, 100].tolist() == pytest.approx([255, 0, 0], abs=4)
    changed = (before != after).any(2)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert rows[0] >= 50
    assert rows[-1] < 150
    assert columns[0] >= 60
    assert columns[-1] < 140
    assert not changed[:45].any()
    assert swapper.sharpness < 0.9
    assert swapper.covered == set()


def test_where_the_mask_shows_nothing_the_frame_stays():
    frame = _frame()
    _, (swapped,) = _swap([frame], Painter(mask=0.0), _path(1))
    assert np.array_equal(frame, swapped)
    _, (swapped,) = _swap([frame], Painter(mask=0.0), _path(1), is_masked=False)
    assert swapped[110, 100].tolist() == [255, 0, 0]
    assert np.array_equal(frame[:45], swapped[:45])


def test_what_lies_over_the_face_stays():
    opacity = np.zeros((24, 48), np.float32)
    opacity[:, 24:] = 1  # the right half of the lower half of a crop that covers the frame

    def find(numbers, frames):
        return [Occluder(np.array([[0.48, 0, 0], [0, 0.48, 0]]), opacity, 96) for _ in numbers]

    frame = _frame()
    swapper, (swapped,) = _swap([frame], Painter(), _path(1), find_occluders=find)
    assert np.array_equal(swapped[115:, 108:], frame[115:, 108:])
    assert swapped[110, 95].tolist() == [255, 0, 0]
    assert swapped[80, 115].tolist() == [255, 0, 0]
    assert swapper.covered == {0}


def test_a_face_half_outside_of_the_frame():
    path = _path(1)
    path.similarities[0, 0, 2] = 0.5  # its middle lies on the left border
    frame = _frame()
    _, (swapped,) = _swap([frame], Painter(), path)
    assert (swapped[100, :10] != frame[100, :10]).any()


@pytest.mark.parametrize("kind", ["lab", "histogram"])
def test_colours_come_to_those_of_the_film(kind):
    rng = np.random.default_rng(0)
    smooth = np.linspace(0.3, 0.7, 64)[:, None, None] + np.zeros((64, 64, 3))
    drawn = (smooth * (1.0, 0.8, 0.7) + rng.normal(0, 0.02, smooth.shape)).astype(np.float32)
    shown = np.clip(255 * (smooth * (0.7, 0.7, 0.9) + rng.normal(0, 0.02, smooth.shape)), 0, 255).astype(np.uint8)
    weight = np.zeros((64, 64), np.float32)
    weight[8:56, 8:56] = 1
    moved = transfer_colour(drawn, shown, weight, kind)
    inside = weight > 0
    wanted, before = shown[inside].mean(0) / 255, drawn[inside].mean(0)
    assert np.abs(before - wanted).max() > 0.1
    assert moved[inside].mean(0) == pytest.approx(wanted, abs=0.02)
    assert transfer_colour(drawn, shown, weight, "none") is drawn
    assert transfer_colour(drawn, shown, 0 * weight, kind) is drawn


def test_the_square_is_the_one_of_aligned_faces():
    assert 0.2 < TOP_MM / SIDE_MM < 0.4
