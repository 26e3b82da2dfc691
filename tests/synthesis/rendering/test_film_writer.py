"""What was noticed while a film was drawn, in words."""

from __future__ import annotations

import pytest

from lipsync_cli.synthesis.rendering.film_writer import Noticed, name_frames


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((4,), "1 frame (4)"),
        ((3, 4, 5, 9), "4 frames (3-5, 9)"),
        (tuple(range(0, 20, 2)), "10 frames (0, 2, 4, 6, 8, 10, ...)"),
        ((0, 1, 3, 5, 7, 9, 11), "7 frames (0-1, 3, 5, 7, 9, 11)"),
    ],
    ids=str,
)
def test_runs_of_frames_are_named_and_of_many_the_first(numbers: tuple[int, ...], words: str) -> None:
    assert name_frames(numbers) == words


def test_what_pieces_noticed_adds_up() -> None:
    assert Noticed((1, 2), (5,)) + Noticed((9,)) == Noticed((1, 2, 9), (5,))
