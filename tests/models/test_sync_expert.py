"""The sync expert: unit vectors that depend on nothing but their own input."""

import math

import pytest
import torch

from lipsync_cli import models
from lipsync_cli.models.sync_expert import FRAMES


@pytest.fixture(scope="module")
def expert():
    torch.manual_seed(3)
    return models.build("expert", {}).eval()


def _inputs(count, size=96):
    generator = torch.Generator().manual_seed(1)
    faces = torch.rand(count, FRAMES, 3, size // 2, size, generator=generator)
    return faces, torch.rand(count, 1, 80, 27, generator=generator) * 8 - 4


def test_embeddings_are_unit_vectors_whatever_the_batch(expert):
    faces, mel = _inputs(3)
    with torch.no_grad():
        face, speech = expert(faces, mel)
        alone, _ = expert(faces[1:2], mel[1:2])
    assert torch.allclose(face.norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(speech.norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(face[1], alone[0], atol=1e-5)


def test_light_and_contrast_say_nothing(expert):
    faces, _ = _inputs(2)
    faces = 0.25 + 0.5 * faces
    with torch.no_grad():
        brighter = expert.embed_faces(faces * 1.2 + 0.05)
        assert (expert.embed_faces(faces) * brighter).sum(1).min() > 0.99
        assert (expert.embed_faces(faces) * expert.embed_faces(faces.flip(1))).sum(1).max() < 0.99  # the order does


def test_limit_is_the_distance_at_which_the_odds_are_even(expert):
    cosine = 1 - torch.tensor(expert.limit()) ** 2 / 2
    assert expert.logit(cosine).item() == pytest.approx(0, abs=1e-4)
    assert expert.logit(cosine + 0.1).item() > 0
    assert math.isfinite(expert.limit())


@pytest.mark.parametrize("size", [96, 128])
def test_other_crops(size):
    faces, mel = _inputs(1, size)
    face, _ = models.build("expert", {"size": size, "channels": [8, 8, 8, 8], "embedding_dim": 16})(faces, mel)
    assert face.shape == (1, 16)


def test_it_stays_small(expert):
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        expert(*_inputs(1))
    assert counter.get_total_flops() < 1e8
    assert sum(p.numel() for p in expert.parameters()) < 2e6
    assert models.kind_of("expert") == "sync expert"
    assert models.kind_of("compact") == "generator"
