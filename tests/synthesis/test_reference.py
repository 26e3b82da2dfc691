"""Which face is moved."""

import numpy as np

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.synthesis.reference import fits_poses

SIZE = 160


class _Footage:
    def __init__(self, frames):
        self._frames = frames

    def at_hand(self):
        return range(len(self._frames))

    def frame(self, number):
        return self._frames[number]


def _texture(seed):
    import cv2

    noise = np.random.default_rng(seed).uniform(0, 255, (SIZE, SIZE, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    return np.clip(127 + 8 * (smooth - smooth.mean()), 0, 255).astype(np.uint8)


def test_a_face_that_shifts_fits_and_one_that_changes_does_not():
    boxes = np.tile(np.array([30, 30, 130, 130], np.float32), (6, 1))
    shifted = _Footage([np.roll(_texture(0), shift, (0, 1)) for shift in range(6)])
    changing = _Footage([_texture(seed) for seed in range(6)])
    assert fits_poses(shifted, boxes, CropRule(), 2)
    assert not fits_poses(changing, boxes, CropRule(), 2)


def test_one_frame_alone_fits():
    assert fits_poses(_Footage([_texture(0)]), np.array([[30, 30, 130, 130]], np.float32), CropRule(), 0)
