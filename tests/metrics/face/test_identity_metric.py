"""Distances of embeddings: the same person is near, another is not, and a still face does not change."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.metrics.face.identity_similarity import average_content_distance, identity_distance

RNG = np.random.default_rng(0)
PERSON, OTHER = RNG.normal(size=(2, 128)) * 0.06
FRAMES = PERSON + RNG.normal(size=(15, 128)) * 0.01


def test_distance_to_the_person() -> None:
    assert identity_distance(PERSON[None], PERSON[None]) == pytest.approx(0)
    assert identity_distance(FRAMES, FRAMES).shape == (15,)
    assert identity_distance(FRAMES, FRAMES).max() < 0.2 < 0.6 < identity_distance(FRAMES, OTHER[None]).min()


def test_average_content_distance_is_the_mean_of_all_pairs() -> None:
    pairs = [np.linalg.norm(FRAMES[i] - FRAMES[j]) for i in range(15) for j in range(i)]
    assert average_content_distance(FRAMES) == pytest.approx(np.mean(pairs))
    assert average_content_distance(np.repeat(FRAMES[:1], 4, axis=0)) == 0
    assert average_content_distance(np.stack([FRAMES[0], OTHER])) > 4 * average_content_distance(FRAMES)
    with pytest.raises(ValueError, match="two frames"):
        average_content_distance(FRAMES[:1])
