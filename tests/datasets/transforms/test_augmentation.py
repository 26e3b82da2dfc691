"""Augmentation: shared by a reference and its targets, decided by seed and step, for the share that is asked."""

import pytest
import torch

from lipsync_cli.datasets.batch import Batch
from lipsync_cli.datasets.transforms.augmentation import augment
from lipsync_cli.datasets.transforms.facial_hair import carry, draw_textures
from lipsync_cli.datasets.transforms.names import FACE, GROUPS, VOICE, parse_transforms
from lipsync_cli.errors import UsageError


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    face = torch.nn.functional.interpolate(torch.rand(4, 3, 12, 12, generator=generator), (96, 96), mode="bicubic")
    face = face.clamp(0, 1)
    mel = torch.rand(8, 1, 80, 27, generator=generator) * 6 - 3
    return Batch(face, face.repeat_interleave(2, 0), mel, mel.flip(0), mel, mel.flip(0))


def test_a_reference_and_its_targets_change_alike(batch):
    changed = augment(batch, seed=3, step=5)
    assert (changed.reference - batch.reference).abs().mean() > 0.02
    assert torch.allclose(changed.reference.repeat_interleave(2, 0), changed.target, atol=1e-5)
    assert (changed.mel - batch.mel).abs().mean() > 0.05
    assert changed.mel.min() >= -4
    assert changed.mel.max() <= 4


def test_seed_and_step_decide(batch):
    assert all(torch.equal(a, b) for a, b in zip(augment(batch, 3, 5), augment(batch, 3, 5), strict=True))
    assert not torch.equal(augment(batch, 3, 5).reference, augment(batch, 3, 6).reference)


@pytest.mark.parametrize(("share", "untouched"), [(1.0, 0), (0.75, 1), (0.5, 2), (0.0, 4)])
def test_the_rest_stays_as_it_is(batch, share, untouched):
    changed = augment(batch, 3, 5, share)
    equal = (changed.reference == batch.reference).flatten(1).all(1)
    assert equal.tolist() == [False] * (4 - untouched) + [True] * untouched
    assert torch.equal(changed.mel[8 - 2 * untouched :], batch.mel[8 - 2 * untouched :])
    assert [field.shape for field in changed] == [field.shape for field in batch]


@pytest.mark.parametrize(
    ("text", "holds", "lacks"),
    [
        ("standard", {"flip", "gain"}, {"blur", "mask"}),
        ("all,-flip", {"blur", "mask", "gain"}, {"flip"}),
        ("voice, -mask ,zoom", {"gain", "zoom"}, {"mask", "warp"}),
        ("", set(), {"flip", "gain"}),
    ],
)
def test_transforms_are_chosen_by_name(text, holds, lacks):
    chosen = parse_transforms(text)
    assert holds <= chosen
    assert not lacks & chosen


def test_an_unknown_transform_is_said():
    with pytest.raises(UsageError, match="'flipp'"):
        parse_transforms("all,flipp")


@pytest.mark.parametrize("name", GROUPS["all"])
def test_each_transform_alone_changes_what_it_is_for(batch, name):
    changed = augment(batch, 3, 6, transforms=frozenset({name}))
    face, voice = ((getattr(changed, what) - getattr(batch, what)).abs().mean() for what in ("target", "mel"))
    assert (face > 1e-3) == (name in FACE), f"faces changed by {face}"
    assert (voice > 1e-3) == (name in VOICE), f"voices changed by {voice}"


def test_with_pose_each_head_moves_by_itself(batch):
    changed = augment(batch, 3, 6, transforms=frozenset({"pose"}))
    assert torch.allclose(changed.reference, batch.reference, atol=1e-3)
    moved = (changed.target - batch.target).abs().flatten(1).mean(1) > 0.005
    assert moved.any()
    assert not torch.allclose(changed.target[::2], changed.target[1::2], atol=1e-3)


def test_a_texture_follows_what_it_is_drawn_on():
    size, shift = 96, 5
    generator = torch.Generator().manual_seed(0)
    face = torch.nn.functional.interpolate(torch.rand(6, 3, 24, 24, generator=generator), (size, size), mode="bicubic")
    reference = face.clamp(0, 1)
    target = reference.roll(shift, 3)
    textures = draw_textures(6, size, generator)
    carried = carry(textures, reference, target)
    drawn = textures[:, 3].flatten(1).amax(1) > 0.2
    assert 0 < drawn.sum() < 6
    assert torch.equal(carried[~drawn], textures[~drawn])
    inside = slice(16, -16)
    error = [(carried - textures.roll(by, 3))[drawn, 3, inside, inside].abs().mean() for by in (0, shift)]
    assert error[1] < 0.35 * error[0], error


def test_a_flip_alone_is_a_mirror(batch):
    changed = augment(batch, 3, 6, transforms=frozenset({"flip"})).reference
    mirrored = [torch.allclose(a, b.flip(2), atol=1e-3) for a, b in zip(changed, batch.reference, strict=True)]
    same = [torch.allclose(a, b, atol=1e-3) for a, b in zip(changed, batch.reference, strict=True)]
    assert any(mirrored)
    assert all(a != b for a, b in zip(mirrored, same, strict=True))


def test_a_mask_spares_the_middle_of_the_window(batch):
    changed = augment(batch, 3, 5, transforms=frozenset({"mask"})).mel
    silent = (changed == -4).all(2).flatten(1)
    assert silent.any()
    assert not silent[:, 11:16].any()
    assert silent.sum(1).max() <= 8
    assert torch.allclose(changed[changed > -4], batch.mel[changed > -4], atol=1e-3)
