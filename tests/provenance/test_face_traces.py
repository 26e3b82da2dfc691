"""Traces of a drawn mouth: what each sees, and that the same change all over the face changes none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lipsync_cli.provenance.face_traces import NAMES, cut_view, measure_traces

SIDE = 100.0
Pairs = list[tuple[np.ndarray, np.ndarray]]


def textured(seed: int = 0) -> Pairs:
    """Give views of a face that is skin-like noise, finer grain on top, and grain that changes."""
    rng = np.random.default_rng(seed)
    still = cv2.GaussianBlur(rng.normal(0, 60, (200, 200)), (0, 0), 1.5) + rng.normal(0, 4, (200, 200)) + 128

    def frame() -> np.ndarray:
        return np.clip(still + rng.normal(0, 2, still.shape), 0, 255).astype(np.uint8)

    return [(frame(), frame()) for _ in range(4)]


def measured(pairs: Pairs) -> dict[str, float]:
    return dict(zip(NAMES, measure_traces(pairs, SIDE), strict=True))


def change(pairs: Pairs, first_row: int, sigma: float, tint: float = 0.0) -> Pairs:
    """Blur, or tint, the middle of views from a row on, to the row 168 below the chin."""

    def draw(view: np.ndarray) -> np.ndarray:
        drawn = view.astype(np.float32)
        part = drawn[first_row:168, 45:155]
        drawn[first_row:168, 45:155] = (cv2.GaussianBlur(part, (0, 0), sigma) if sigma else part) + tint
        return np.clip(drawn, 0, 255).astype(np.uint8)

    return [(draw(view), draw(after)) for view, after in pairs]


def test_a_blurred_lower_face_stands_out_of_the_upper_one() -> None:
    plain, blurred = measured(textured()), measured(change(textured(), 100, 1.2))
    assert max(abs(plain[name]) for name in NAMES if name != "bottom_line") < 0.35
    for name in ("chin_detail", "mouth_noise", "chin_noise"):
        assert blurred[name] < plain[name] - 1, name
    assert abs(blurred["mouth_slope"] - plain["mouth_slope"]) > 1
    assert abs(blurred["chin_slope"] - plain["chin_slope"]) > 1


def test_a_video_that_is_blurred_all_over_shows_no_mismatch() -> None:
    blurred = measured([(cv2.GaussianBlur(a, (0, 0), 1.2), cv2.GaussianBlur(b, (0, 0), 1.2)) for a, b in textured()])
    for name in ("mouth_slope", "chin_slope", "chin_detail", "face_slope"):
        assert abs(blurred[name]) < 0.35, name


def test_the_lower_edge_of_a_tinted_box_is_a_straight_line() -> None:
    plain, tinted = measured(textured()), measured(change(textured(), 100, 0, 25))
    assert tinted["bottom_line"] > plain["bottom_line"] + 2


def test_a_frame_that_is_shown_twice_says_nothing_of_noise() -> None:
    pairs = textured()
    frozen = measured([(view, view) for view, _ in pairs])
    assert frozen["mouth_noise"] == frozen["chin_noise"] == 0
    mixed = measured([(pairs[0][0], pairs[0][0]), *pairs[1:]])
    assert mixed["mouth_noise"] == measured(pairs[1:])["mouth_noise"]


def test_there_must_be_frames() -> None:
    with pytest.raises(ValueError, match="no frames"):
        measure_traces([], SIDE)


def test_a_view_has_the_box_in_its_middle_and_repeats_the_border() -> None:
    grey = np.arange(60 * 80, dtype=np.int64).reshape(60, 80).astype(np.uint8)
    view = cut_view(grey, np.array([30.0, 20.0, 50.0, 40.0]), 20.0)
    np.testing.assert_array_equal(view, grey[10:50, 20:60])
    outside = cut_view(grey, np.array([-10.0, -10.0, 10.0, 10.0]), 20.0)
    assert outside.shape == (40, 40)
    assert (outside[:20, :20] == grey[0, 0]).all()
