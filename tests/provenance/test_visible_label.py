"""The visible label: in a corner away from the face, readable, and on a copy."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.errors import UsageError
from lipsync_cli.provenance.visible_label import LEAST, make_label


@pytest.mark.parametrize(("width", "height"), [(360, 288), (1280, 720), (3840, 2160), (1080, 1920)])
@pytest.mark.parametrize("side", ["left", "right"])
def test_it_keeps_away_from_the_face(width: int, height: int, side: str) -> None:
    x = 0.05 * width if side == "left" else 0.6 * width
    box = np.array([[x, 0.4 * height, x + 0.35 * width, 0.95 * height], [np.nan] * 4], np.float32)
    frame = np.full((height, width, 3), 120, np.uint8)
    drawn = make_label("synthetic", width, height, box).draw(frame)
    rows, columns = np.nonzero((drawn != frame).any(axis=2))
    assert (frame == 120).all()
    assert drawn.dtype == np.uint8
    x0, y0, x1, y1 = box[0]
    assert not ((columns >= x0) & (columns < x1) & (rows >= y0) & (rows < y1)).any()
    letters = np.nonzero((drawn > 220).all(axis=2))[0]
    assert letters.max() - letters.min() >= max(LEAST, 0.03 * min(width, height))
    assert drawn.max() > 240
    assert drawn.min() < 60


def test_a_tiny_frame_and_no_face() -> None:
    frame = np.zeros((20, 30, 3), np.uint8)
    assert make_label("synthetic", 30, 20, np.full((3, 4), np.nan)).draw(frame).shape == frame.shape


@pytest.mark.parametrize("text", ["", "  ", "künstlich", "two\nlines", "x" * 41])
def test_what_cannot_be_drawn_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="label-text"):
        make_label(text, 100, 100, np.full((1, 4), np.nan))
