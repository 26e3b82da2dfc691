"""What was generated for the reference's pose, brought to where the head is turned."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.depth import depth_map
from lipsync_cli.faces.occlusion import OcclusionMask
from lipsync_cli.synthesis.compositing.head_turn_warp import turn_occlusion, turn_output
from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput

SIZE, HALF = 96, 48
FLAT = np.full((SIZE, SIZE), 10, np.float32)  # so that a turn is a shift by ten times itself


@pytest.fixture
def output() -> GeneratorOutput:
    """Fields that say where they are: column in the flow and the patch, row in the mask and the inside."""
    rows, columns = np.mgrid[:HALF, :SIZE].astype(np.float32) / SIZE
    still = np.zeros((HALF, SIZE), np.float32)
    return GeneratorOutput(
        None,
        np.dstack([columns, still]),
        rows,
        np.dstack([columns, rows, still]),
    )


def test_fields_come_from_where_the_depth_says_and_the_flow_still_points_to_its_place(output: GeneratorOutput) -> None:
    moved = turn_output(output, np.array([0.3, 0.2]), FLAT)  # by 3 columns and 2 rows
    inner = slice(4, 40), slice(4, 90)
    assert output.flow is not None
    assert moved.flow is not None
    assert moved.mask is not None
    assert moved.patch is not None
    np.testing.assert_allclose(moved.flow[inner][:, :, 0], output.flow[inner][:, :, 0] + 6 / SIZE, atol=1e-5)
    np.testing.assert_allclose(moved.flow[inner][:, :, 1], 2 / SIZE, atol=1e-5)
    np.testing.assert_allclose(moved.mask[inner], output.mask[inner] + 2 / SIZE, atol=1e-5)
    np.testing.assert_allclose(moved.patch[inner][:, :, 0], output.patch[inner][:, :, 0] + 3 / SIZE, atol=1e-5)


def test_a_finished_picture_is_turned_as_it_is() -> None:
    picture = np.random.default_rng(0).random((SIZE, SIZE, 3), np.float32)
    moved = turn_output(GeneratorOutput(picture), np.array([0.5, 0.0]), FLAT)
    assert moved.image is not None
    np.testing.assert_allclose(moved.image[:, :-5], picture[:, 5:], atol=1e-5)


def test_a_head_that_is_straight_changes_nothing(output: GeneratorOutput) -> None:
    moved = turn_output(output, np.zeros(2), depth_map(CropRule()))
    for one, other in zip(moved[1:], output[1:], strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_lies_over_the_face_moves_along() -> None:
    opacity = np.zeros((24, 48), np.float32)
    opacity[:, 20:30] = 1
    covered = turn_occlusion(OcclusionMask(opacity, 0.4), np.array([0.4, 0.0]), FLAT)  # 4 pixels: 2 places
    np.testing.assert_allclose(covered.opacity[:, 18:28], 1, atol=1e-5)
    np.testing.assert_allclose(covered.opacity[:, :17], 0, atol=1e-5)
    assert covered.share == 0.4
