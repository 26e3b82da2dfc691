"""The recipe of the network that finds what lies over faces: what it learns from, and that it learns."""

import json

import cv2
import numpy as np
import pytest
import torch
from fixtures.quick_training import train

from lipsync_cli.datasets.batch import Batch
from lipsync_cli.datasets.transforms.occluders import draw_occluders
from lipsync_cli.errors import InputError
from lipsync_cli.formats.weights import find_weights, load_weights, read_header
from lipsync_cli.models import build
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes.auxiliary.occlusion import COVERED, Occlusion, cover
from lipsync_cli.training.recipes.context import RecipeContext

TINY = {"dims": {"channels": [8, 8, 8, 8]}, "batch_size": 16, "validate_every": 64, "schedule": "constant"}


def _seeded(seed=3):
    return torch.Generator().manual_seed(seed)


def _batch(references=8, each=2):
    faces = torch.rand(references * (each + 1), 3, 96, 96, generator=_seeded())
    mel = torch.zeros(references * each, 1, 80, 27)
    return Batch(faces[:references], faces[references:], mel, mel, mel, mel)


def test_what_is_not_covered_keeps_every_bit_and_what_is_shows_nothing_of_the_face():
    faces = torch.full((64, 3, 96, 96), 0.5)
    present = torch.arange(64) % 2 == 0
    drawn, opacity = draw_occluders(faces, present, _seeded())
    assert drawn.shape == faces.shape
    assert opacity.shape == (64, 1, 96, 96)
    assert torch.equal(drawn[~present], faces[~present])
    assert not opacity[~present].any()
    shares = (opacity[present, 0] > 0.5).float().mean((1, 2))
    assert (shares > 0).float().mean() > 0.9
    assert 0.02 < shares.mean() < 0.5
    other, same_opacity = draw_occluders(faces * 0.2, present, _seeded())
    full = (same_opacity == 1).expand_as(other)
    assert full.any()
    assert torch.equal(opacity, same_opacity)
    plain = drawn[full] == other[full]  # skin and parts of pictures follow the faces, colours do not
    assert 0.05 < plain.float().mean() < 0.95


def test_things_are_decided_by_the_generator_alone():
    one, same, other = (cover(_batch(), _seeded(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one.face, other.face)


def test_faces_are_compared_with_uncovered_ones_of_their_own_clip():
    batch = _batch(32)
    covered = cover(batch, _seeded())
    assert covered.face.shape == covered.reference.shape == covered.other.shape == (64, 3, 32, 48)
    assert covered.opacity.shape == (64, 32, 48)
    pooled = torch.nn.functional.avg_pool2d(batch.reference[:, :, 32:], 2).repeat_interleave(2, 0)
    torch.testing.assert_close(covered.reference, pooled)
    assert (covered.opacity > 0.5).flatten(1).any(1).float().mean().item() == pytest.approx(COVERED, abs=0.15)
    alone = (covered.other == covered.reference).flatten(1).all(1).float().mean().item()
    assert 0.15 < alone < 0.6  # the picture's border cuts some of these


def test_a_network_trains_goes_on_and_says_what_it_is(small_pack, tmp_path):
    run = tmp_path / "run"
    train(small_pack, run, make_config("occlusion", **TINY, max_samples=64))
    train(small_pack, run, make_config("occlusion", **TINY, max_samples=128))
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    figures = [line for line in log if line["kind"] == "validation"]
    assert [line["samples"] for line in figures] == [64, 128]
    assert {"occlusion/iou", "occlusion/found", "occlusion/false"} <= figures[-1].keys()
    card = (run / "MODEL_CARD.md").read_text()
    assert "share of uncovered faces" in card
    assert "an occlusion network trained" in card
    header = read_header(run / "last.safetensors")
    assert header.architecture == "occlusion-net"
    assert "occlusion/iou" in header.metrics
    network, _ = load_weights(run, kind="occlusion network")
    grid = cv2.imread(str(run / "sheets" / "000000128.png"))
    assert grid is not None
    assert not network.training


@pytest.mark.slow
def test_it_learns_where_things_are():
    """Over faces of noise a few steps find them."""
    torch.manual_seed(0)
    from lipsync_cli.models.occlusion_unet import OcclusionNet

    network = OcclusionNet(channels=(8, 8, 8, 8))
    recipe = Occlusion(RecipeContext(make_config("occlusion", **TINY), (48, 74, 29, 67), 96))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for step in range(40):
        batch = cover(_batch(8), _seeded(step))
        loss = recipe.network_loss(batch, recipe.forward(network, batch))["occlusion/cross_entropy"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:5])


def test_weights_of_another_kind_are_refused_in_words(small_pack, tmp_path):
    train(small_pack, tmp_path / "run", make_config("occlusion", **TINY, max_samples=16))
    with pytest.raises(InputError, match="holds an occlusion network, not a generator"):
        load_weights(tmp_path / "run")
    with pytest.raises(InputError, match="holds a generator, not an occlusion network"):
        load_weights(find_weights(None), kind="occlusion network")
    with pytest.raises(ValueError, match="must be a multiple of 48, not 64"):
        build("occlusion-net", {"size": 64})
