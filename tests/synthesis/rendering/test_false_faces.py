"""Where nearly all frames have no face, nothing is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.synthesis.rendering.scene import is_false_face


def boxes_of(present: list[int], num_frames: int) -> np.ndarray:
    boxes = np.full((num_frames, 4), np.nan, np.float32)
    boxes[present] = 1
    return boxes


@pytest.mark.parametrize(
    ("present", "num_frames", "is_false"),
    [
        ([3, 4, 9, 10, 20, 21], 30, True),
        (list(range(6)), 30, True),
        (list(range(8)), 30, False),  # more than a quarter
        (list(range(40, 53)), 100, False),  # half a second on end
        (list(range(40, 52)), 100, True),
        ([0], 1, False),
        ([0], 3, False),
    ],
)
def test_a_face_that_is_rarely_found(present: list[int], num_frames: int, is_false: bool) -> None:
    assert is_false_face(boxes_of(present, num_frames), rate=25) is is_false
