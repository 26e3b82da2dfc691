"""Augmentation: shared by a reference and its targets, decided by seed and step, for the share that is asked."""

import pytest
import torch

from lipsync_cli.data.batches import Batch
from lipsync_cli.training.augment import augment


@pytest.fixture
def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    face = torch.nn.functional.interpolate(torch.rand(4, 3, 12, 12, generator=generator), (96, 96), mode="bicubic")
    face = face.clamp(0, 1)
    mel = torch.rand(8, 1, 80, 27, generator=generator) * 6 - 3
    return Batch(face, face.repeat_interleave(2, 0), mel, mel.flip(0))


def test_a_reference_and_its_targets_change_alike(batch):
    changed = augment(batch, seed=3, step=5)
    assert (changed.reference - batch.reference).abs().mean() > 0.02
    assert torch.allclose(changed.reference.repeat_interleave(2, 0), changed.target, atol=1e-5)
    assert (changed.mel - batch.mel).abs().mean() > 0.05
    assert changed.mel.min() >= -4 and changed.mel.max() <= 4


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
