"""Films that players refuse, or whose frames are too few for lips, are told of."""

from __future__ import annotations

from fractions import Fraction

import pytest

from lipsync_cli.media.video.playability import playing_notes


@pytest.mark.parametrize(
    ("width", "height", "rate", "told"),
    [
        (1920, 1080, 30, None),
        (1920, 1080, 240, None),
        (4096, 2304, 50, None),
        (4096, 2304, 60, "H.264 level 6, which many players refuse"),
        (4112, 2304, 25, "H.264 level 6, which"),
        (8192, 4352, 120, "H.264 level 6.2, which"),
        (8192, 4352, 240, "beyond every level"),
        (640, 480, 15, None),
        (640, 480, 5, "has 5 frames a second, too few"),
    ],
)
def test_what_is_told_of_a_film(width: int, height: int, rate: int, told: str | None) -> None:
    notes = playing_notes(width, height, Fraction(rate))
    assert [told in text for text in notes] == [True] if told else notes == []
