"""What a generator draws on faces in their own pose: the same as in one call, each face encoded once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.formats.weights import load_weights
from lipsync_cli.synthesis.generation.local_runner import NUM_CODES, LocalRunner


@pytest.fixture
def runner() -> LocalRunner:
    return LocalRunner(load_weights(Path("grid"))[0])


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.integers(0, 255, (NUM_CODES + 1, 96, 96, 3), dtype=np.uint8)


def mels(count: int) -> np.ndarray:
    return np.random.default_rng(4).uniform(-4, 4, (count, 27, 80)).astype(np.float32)


@pytest.mark.parametrize("num_faces", [1, 3], ids=["one face", "each its own"])
def test_drawing_is_that_of_a_whole_call_without_the_image(runner, faces, num_faces):
    targets = faces[:1].repeat(3, 0) if num_faces == 1 else faces[:3]
    whole = runner.generate(faces[:num_faces], targets, mels(3))
    drawn = runner.submit(faces[:num_faces], mels(3)).result()
    assert drawn.image is None
    for one, other in zip(whole[1:4], drawn[1:4], strict=True):
        np.testing.assert_allclose(one[:, 48:], other, atol=2e-5)


def test_one_face_is_encoded_once_as_long_as_few_are_drawn(faces):
    encoded, generator = [], load_weights(Path("grid"))[0]
    generator.pose_encoder[1].register_forward_pre_hook(lambda module, given: encoded.append(len(given[0])))
    runner = LocalRunner(generator)
    first = [runner.submit(faces[n : n + 1], mels(2)).result() for n in range(NUM_CODES)]
    again = runner.submit(faces[:1].copy(), mels(2)).result()
    np.testing.assert_array_equal(again.flow, first[0].flow)
    assert np.abs(first[1].flow - first[0].flow).max() > 1e-4
    assert encoded == [1] * NUM_CODES
    runner.submit(faces[NUM_CODES:], mels(2))  # one too many: the oldest is forgotten
    np.testing.assert_array_equal(runner.submit(faces[:1], mels(2)).result().flow, first[0].flow)
    assert encoded == [1] * (NUM_CODES + 2)
