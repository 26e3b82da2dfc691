"""The sync expert's recipe, and the generator's recipe that asks it."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from fixtures.quick_training import train
from safetensors.torch import load_file

from lipsync_cli import models
from lipsync_cli.datasets.frame_table import FrameTable, Sampling, gather
from lipsync_cli.datasets.sync_windows import Windows, WindowTable, gather_windows
from lipsync_cli.datasets.transforms.augmentation import augment_windows
from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.formats.weights import find_weights, load_weights, read_header
from lipsync_cli.preprocessing.pack import Split, pack
from lipsync_cli.training.engine.batch_source import Source
from lipsync_cli.training.losses.loss_functions import choose_among, out_of_sync
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes import make_recipe
from lipsync_cli.training.recipes.auxiliary.sync_expert import SyncOutput
from lipsync_cli.training.recipes.context import RecipeContext

SMALL = {"dims": {"channels": [8, 8, 8, 8], "embedding_dim": 16}, "batch_size": 8, "targets_per_reference": 4}
TINY = {"generator": "compact", "dims": {"channels": [16, 16, 16, 16], "audio_dim": 16}, "batch_size": 8}
EVERY = {"validate_every": 16, "checkpoint_every": 16, "sheet_every": 64, "ema_samples": 8}


def _expert_config(**options):
    return make_config("sync-expert", **{**SMALL, **EVERY, "max_samples": 32, "augment": True, **options})


@pytest.fixture(scope="module")
def expert_run(small_pack, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "expert"
    train(small_pack, run, _expert_config())
    return run


class StopError(Exception):
    pass


def _stop(done, total, label):
    if done >= 24:  # a checkpoint at 16, a step beyond it
        raise StopError


def _same(one, other):
    for name in ("last.safetensors", "best.safetensors"):
        first, second = load_file(one / name), load_file(other / name)
        assert all((first[key] == second[key]).all() for key in first)
    assert (one / "log.jsonl").read_text() == (other / "log.jsonl").read_text()


def test_an_expert_stopped_and_resumed_equals_undisturbed(small_pack, expert_run, tmp_path):
    with pytest.raises(StopError):
        train(small_pack, tmp_path / "cut", _expert_config(), progress=_stop)
    train(small_pack, tmp_path / "cut", _expert_config())
    _same(expert_run, tmp_path / "cut")
    assert "pairs classified right" in (expert_run / "MODEL_CARD.md").read_text()
    assert len(list((expert_run / "sheets").glob("*.png"))) == 2
    assert "sync/pair_accuracy" in read_header(expert_run / "best.safetensors").metrics


@pytest.mark.slow
def test_two_critics_stopped_and_resumed_equal_undisturbed(small_pack, expert_run, tmp_path):
    mixed = {"targets_per_reference": 5, "sync_runs": 1, "motion_weight": 1.0}
    config = make_config("lipgan-expert", **TINY, **EVERY, **mixed, validation_frames=1, max_samples=32, augment=True)
    before = load_file(expert_run / "best.safetensors")
    train(small_pack, tmp_path / "whole", config, expert=expert_run)
    with pytest.raises(StopError):
        train(small_pack, tmp_path / "cut", config, expert=expert_run, progress=_stop)
    train(small_pack, tmp_path / "cut", config, expert=expert_run)
    _same(tmp_path / "whole", tmp_path / "cut")
    assert all((before[key] == value).all() for key, value in load_file(expert_run / "best.safetensors").items())
    assert read_header(expert_run / "best.safetensors").sha256 in (tmp_path / "whole" / "config.json").read_text()
    with pytest.raises(InputError, match="begun with expert"):
        train(small_pack, tmp_path / "whole", config, expert=expert_run / "last.safetensors")


def test_an_expert_learns_which_sound_belongs():
    torch.manual_seed(1)
    coarse = torch.rand(8 * 5, 3, 4, 8)
    faces = torch.nn.functional.interpolate(coarse, (48, 96), mode="bilinear").view(4, 2, 5, 3, 48, 96)
    mel = torch.nn.functional.interpolate(torch.rand(8, 1, 8, 4), (80, 27), mode="bilinear") * 8 - 4
    batch = Windows(faces, mel, np.arange(4).repeat(2), np.arange(8) * 10)
    config = _expert_config()
    recipe = make_recipe(RecipeContext(config, (48, 74, 29, 67), 96))
    network = models.build("expert", config.dims)
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    for _ in range(40):
        terms = recipe.network_loss(batch, recipe.forward(network, batch))
        optimizer.zero_grad()
        sum(terms.values()).backward()
        optimizer.step()
    cosine = recipe.forward(network, batch).cosine
    logit = network.logit(cosine)
    assert (cosine.argmax(1) == torch.arange(8)).all()
    assert (logit.diagonal() > 0).float().mean() > 0.8
    assert (logit < 0).float().mean() > 0.7


def test_the_choice_by_hand():
    cosine = torch.tensor([[0.9, 0.1, 0.5], [0.2, 0.8, 0.3], [0.0, 0.4, 0.7]])
    ignored = torch.zeros(3, 3, dtype=torch.bool)
    ignored[0, 2] = ignored[2, 0] = True
    found = choose_among(cosine, torch.arange(3), ignored, torch.tensor(math.log(5.0)))
    e = np.exp(5 * cosine.numpy()) * ~ignored.numpy()
    rows, columns = (-np.log(np.diag(e) / e.sum(axis)).mean() for axis in (1, 0))
    assert found.item() == pytest.approx((rows + columns) / 2, rel=1e-5)


def test_right_and_wrong_pairs_by_hand_and_what_each_term_teaches():
    """Two clips of two windows each, 10 frames apart; scale 4, threshold 0.5."""
    cosine = torch.tensor([[0.9, 0.1, 0.2, 0.3], [0.4, 0.8, 0.5, 0.6], [0.0, 0.7, 0.6, 0.2], [0.1, 0.3, 0.5, 0.9]])
    output = SyncOutput(
        *(value.requires_grad_() for value in (cosine, torch.zeros(()), torch.tensor(4.0), torch.tensor(0.5)))
    )
    batch = Windows(None, None, np.array([0, 0, 1, 1]), np.array([10, 20, 90, 100]))
    recipe = make_recipe(RecipeContext(_expert_config(targets_per_reference=2, augment=False), (48, 74, 29, 67), 96))
    terms = recipe.network_loss(batch, output)
    logits = 4 * (cosine.detach().numpy() - 0.5)
    right = np.log1p(np.exp(-np.diag(logits))).mean()
    same = np.log1p(np.exp(logits[[0, 1, 2, 3], [1, 0, 3, 2]])).mean()
    other = (np.log1p(np.exp(logits[:2, 2:])).mean() + np.log1p(np.exp(logits[2:, :2])).mean()) / 2
    expected = pytest.approx((right + (same + other) / 2) / 2, rel=1e-5)
    assert terms["expert/sync"].item() == expected
    assert terms["expert/calibration"].item() == expected
    taught = {
        name: [part is not None for part in torch.autograd.grad(term, output, allow_unused=True, retain_graph=True)]
        for name, term in terms.items()
    }
    assert taught == {  # cosine, temperature, scale, threshold
        "expert/choice": [True, True, False, False],
        "expert/sync": [True, False, False, False],
        "expert/calibration": [False, False, True, False],
        "expert/errors": [False, False, False, True],
    }


def test_out_of_sync_by_hand():
    class Known:
        def __call__(self, faces, mel):
            return torch.tensor([[1.0, 0.0], [0.6, 0.8]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]])

        def logit(self, cosine):
            return 4 * (cosine - 0.5)

    expected = np.mean([np.log(1 + np.exp(2.0)), np.log(1 + np.exp(-0.4))])
    assert out_of_sync(Known(), None, None).item() == pytest.approx(expected)


def test_the_expert_is_asked_about_five_frames_and_the_sound_of_the_middle_one():
    seen = {}

    class Asked(torch.nn.Module):
        def forward(self, faces, mel):
            seen.update(faces=faces, mel=mel)
            return torch.ones(len(mel), 1), torch.ones(len(mel), 1)

        def logit(self, cosine):
            return cosine

    config = make_config("lipgan-expert", **{**TINY, "batch_size": 14, "targets_per_reference": 7})
    recipe = make_recipe(RecipeContext(config, (48, 74, 29, 67), 96, expert=Asked()))
    number = torch.arange(14.0)
    recipe.sync_loss(number[:, None, None, None].expand(14, 3, 96, 96), number[:, None, None, None])
    assert seen["faces"].shape == (6, 5, 3, 48, 96)
    assert seen["faces"][:, :, 0, 0, 0].tolist() == [[n + k for k in range(5)] for n in (0, 1, 2, 7, 8, 9)]
    assert seen["mel"].flatten().tolist() == [2, 3, 4, 9, 10, 11]


def test_a_mixed_batch_shows_more_clips_and_the_expert_judges_its_runs_only(small_pack, expert_run):
    options = {**TINY, "batch_size": 14, "targets_per_reference": 5, "sync_runs": 2, "augment": True}
    config = make_config("lipgan-expert", **options)
    expert, _ = load_weights(expert_run, "cpu", "sync expert")
    recipe = make_recipe(RecipeContext(config, (48, 74, 29, 67), 96, expert=expert))
    generator = models.build("compact", {**TINY["dims"], "size": 96})
    with Pack(small_pack) as pack:
        source = Source(pack, pack, "train", config, "cpu")
        plain = Source(pack, pack, "train", replace(config, augment=False), "cpu")
        batch, again = (recipe.batch(source, 3) for _ in range(2))
        runs, singles = recipe.batch(plain, 3)
        alike = gather(pack, source.table, source.table.draw(Sampling(10, 5, consecutive=True), 3))
    assert all(torch.equal(a, b) for one, two in zip(batch, again, strict=True) for a, b in zip(one, two, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(runs, alike, strict=True))  # runs are drawn as without singles
    assert [len(field) for field in runs] == [2, *[10] * 5]
    assert [len(field) for field in singles] == [4] * 6
    assert not (runs.target[:1] == singles.target[:1]).all()
    output = recipe.forward(generator, batch)
    terms = recipe.network_loss(batch, output)
    alone = recipe.network_loss(batch.runs, recipe.forward(generator, batch.runs))
    others = recipe.reconstruction(batch.singles, recipe.forward(generator, batch.singles))
    assert terms["generator/sync"].item() == pytest.approx(alone["generator/sync"].item(), rel=1e-4)
    for name, term in others.items():  # a clip counts as much as any other, however many frames it has
        assert terms[name].item() == pytest.approx((2 * alone[name] + 4 * term).item() / 6, rel=1e-4)
    assert len(terms) == 5


def test_a_mixed_batch_without_room_for_other_clips_is_a_usage_error():
    with pytest.raises(UsageError, match="asks no expert"):
        make_config("l1", **TINY, sync_runs=1)
    with pytest.raises(UsageError, match="leave no others"):
        make_config("lipgan-expert", **{**TINY, "batch_size": 10}, targets_per_reference=5, sync_runs=2)


def test_the_same_transform_for_all_frames_of_a_clip(small_pack):
    with Pack(small_pack) as pack:
        table = FrameTable(pack, "train")
        middles = WindowTable(table).draw(2, 3, 1.0, 1, 0)
        windows = gather_windows(pack, table, middles)
    still = windows._replace(faces=windows.faces[:, :1, :1].expand_as(windows.faces))
    changed = augment_windows(still, 3, 4)
    assert changed.faces.shape == (2, 3, 5, 3, 48, 96)
    assert torch.allclose(changed.faces[:, :1, :1].expand_as(changed.faces), changed.faces, atol=1e-5)
    assert (changed.faces - still.faces[..., 48:, :]).abs().mean() > 0.02
    untouched = augment_windows(windows, 3, 4, 0.5)
    assert torch.equal(untouched.faces[1], windows.faces[1, ..., 48:, :])


def test_the_wrong_kind_of_weights_is_said(small_pack, expert_run, tmp_path):
    config = make_config("lipgan-expert", **TINY, max_samples=8)
    train(small_pack, tmp_path / "l1", make_config("l1", **TINY, max_samples=8, validation_frames=1))
    with pytest.raises(InputError, match="holds a sync expert, not a generator"):
        load_weights(expert_run)
    with pytest.raises(InputError, match="holds a sync expert, not a generator"):
        train(small_pack, tmp_path / "run", make_config("l1", **TINY, max_samples=8), init=expert_run)
    with pytest.raises(InputError, match="holds a generator, not a sync expert"):
        train(small_pack, tmp_path / "run", config, expert=tmp_path / "l1")
    with pytest.raises(UsageError, match="asks no expert"):
        train(small_pack, tmp_path / "run", make_config("l1", **TINY, max_samples=8), expert=expert_run)
    assert not (tmp_path / "run").exists()


def test_without_an_expert_the_one_of_the_package_judges(small_pack, tmp_path):
    config = make_config("lipgan-expert", **TINY, **EVERY, validation_frames=1, max_samples=8)
    train(small_pack, tmp_path / "run", config)
    card = (find_weights(None, "sync expert").parent / "EXPERT_CARD.md").read_text()
    assert json.loads((tmp_path / "run" / "config.json").read_text())["expert"] in card


def test_a_pack_of_larger_crops_gets_an_expert_of_its_own(stores, tmp_path):
    clips = [("s1", "a"), ("s1", "b")]
    stores.write_faces(tmp_path / "faces.h5", [(*clip, 20) for clip in clips], size=128)
    stores.write_mels(tmp_path / "mels.h5", [(*clip, 64) for clip in clips])
    pack(tmp_path / "faces.h5", tmp_path / "mels.h5", tmp_path / "pack.h5", Split(0, 0, None, ()))
    config = make_config("lipgan-expert", **TINY, **EVERY, max_samples=8)
    with pytest.raises(InputError, match=r"size: 128 and 96.*") as caught:
        train(tmp_path / "pack.h5", tmp_path / "run", config)
    assert "--recipe sync-expert" in str(caught.value)
    assert not (tmp_path / "run").exists()
    train(tmp_path / "pack.h5", tmp_path / "expert", _expert_config(max_samples=8))
    assert train(tmp_path / "pack.h5", tmp_path / "run", config, expert=tmp_path / "expert")["samples"] == 8


def test_too_few_targets_for_the_expert_are_a_usage_error():
    with pytest.raises(UsageError, match="5 consecutive frames"):
        make_config("lipgan-expert", **{**TINY, "targets_per_reference": 4})
    with pytest.raises(UsageError, match="use expert"):
        make_config("sync-expert", generator="compact")
