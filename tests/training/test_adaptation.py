"""Fine-tuning to one person: what is held out, that it is gained on, and that nothing else is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lipsync_cli import models
from lipsync_cli.datasets.batch import Batch
from lipsync_cli.datasets.frame_table import FrameTable, gather
from lipsync_cli.datasets.personal_clip import APART_S, MIN_FRAMES, Pairs, PersonalClip
from lipsync_cli.errors import NothingToDoError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.training.adaptation import adapt, use_reference

RULE = CropRule()


def record(num_frames: int, opening: float = 60.0, reference: int | None = None) -> PersonalClip:
    """A face of smooth colours whose mouth is the brighter the louder its own sound is."""
    rng = np.random.default_rng(3)
    loud = np.repeat(rng.random(num_frames // 3 + 4), 13)[: num_frames * 4 + 27]
    middle = (np.arange(num_frames) + 0.5) / 20
    mel = np.repeat(8 * loud[:, None] - 4, 80, 1).astype(np.float32)
    rows, columns = np.mgrid[: RULE.size, : RULE.size]
    face = np.stack([rows, columns, rows + columns], -1) / 2 + 30
    row0, row1, column0, column1 = RULE.mouth_region()
    crops = np.repeat(face[None], num_frames, 0)
    crops[:, row0:row1, column0:column1] += opening * loud[(middle * 80).astype(int), None, None, None]
    crops = crops.astype(np.uint8)
    return PersonalClip(Path("ann.mp4"), crops, middle, mel, RULE, None if reference is None else crops[reference])


@pytest.fixture(scope="module")
def generator() -> torch.nn.Module:
    torch.manual_seed(0)
    return models.build("compact", {"size": 96, "channels": [16, 16, 16, 16], "audio_dim": 8}).eval()


@pytest.mark.parametrize("num_frames", [MIN_FRAMES, 75, 400])
def test_the_end_is_held_out_and_kept_apart(num_frames: int) -> None:
    recording = record(num_frames)
    table = FrameTable(recording, "train")
    draw = recording.draw_held_out(table)
    learnt = table.frames[0]
    assert len(learnt) >= 0.6 * num_frames
    assert set(draw.reference) <= set(learnt)
    assert set(draw.mismatched) <= set(learnt)
    apart_s = recording.frame_middle[draw.target.min()] - recording.frame_middle[learnt[-1]]
    assert apart_s >= min(APART_S, 0.1) - 1e-9
    assert draw.target.max() == num_frames - 1
    assert 0.1 <= recording.clips["num_frames"][2] / num_frames <= 0.2
    batch = gather(recording.crops, table, draw)
    assert batch.mel.shape == (len(draw.target), 1, 80, 27)


def test_it_gains_where_the_mouth_follows_the_sound_and_leaves_the_first_weights_alone(
    generator: torch.nn.Module,
) -> None:
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    quick = {"max_samples": 64, "batch_size": 8, "learning_rate": 1e-2, "augment": False}
    first, second = (adapt(generator, "compact", record(40), 600, **quick) for _ in "ab")  # type: ignore[arg-type]
    assert first.gain_db > 0
    assert first.samples > 0
    for one, other in zip(first.generator.state_dict().values(), second.generator.state_dict().values(), strict=True):
        assert torch.equal(one.nan_to_num(), other.nan_to_num())
    for name, value in generator.state_dict().items():
        assert torch.equal(value.nan_to_num(), before[name].nan_to_num())
    assert not first.generator.training


def test_it_hears_the_windows_of_the_generator() -> None:
    dims = {"size": 96, "channels": [16, 16, 16, 16], "audio_dim": 8, "mel_shape": [80, 13]}
    generator, seen = models.build("compact", dims).eval(), []
    generator.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[2].shape[1:])))
    adapt(generator, "compact", record(40), 600, max_samples=8, batch_size=8, augment=False)
    assert set(seen) == {(1, 80, 13)}


def test_only_where_pixels_go_is_learnt_and_of_the_one_reference(generator: torch.nn.Module) -> None:
    seen: list[torch.Tensor] = []
    recording = record(40, reference=7)
    watched = generator.register_forward_pre_hook(lambda _, given: seen.append(given[0].clone()))  # copies have it, too
    done = adapt(generator, "compact", recording, 600, max_samples=64, batch_size=8, learning_rate=1e-2)
    watched.remove()
    wanted = torch.from_numpy(recording.crops[7]).permute(2, 0, 1)[None] / 255
    learnt, judged = ([s for s in seen if (len(s) == 2) is is_learnt] for is_learnt in (True, False))
    assert len(learnt) > 3
    assert all(torch.allclose(references[:1], wanted) for references in learnt)
    assert not all(torch.allclose(references[1:], wanted) for references in learnt)
    assert judged
    assert all(torch.allclose(references, wanted.expand_as(references)) for references in judged)
    assert done.gain_db > 0
    after = done.generator.state_dict()
    changed = {name for name, value in generator.named_parameters() if not torch.equal(value, after[name])}
    assert changed
    assert {name.split(".")[0].rstrip("1234") for name in changed} <= {"fuse", "flow_head"}


def some_of(frames: np.ndarray, count: int) -> np.ndarray:
    return np.random.default_rng(4).choice(frames, (count, 6))


def test_the_one_reference_comes_with_its_own_upper_half_for_as_many_targets_as_it_serves() -> None:
    def random(count: int) -> torch.Tensor:
        return torch.rand(count, 3, 96, 96)

    reference = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    pixels = torch.from_numpy(reference).permute(2, 0, 1) / 255
    batch = Batch(random(4), random(8), *(torch.zeros(8) for _ in range(4)))
    changed = use_reference(batch, reference, 0.5)
    assert (changed.reference[:2] == pixels).all()
    assert torch.equal(changed.reference[2:], batch.reference[2:])
    assert (changed.target[:4, :, :48] == pixels[:, :48]).all()
    assert torch.equal(changed.target[:, :, 48:], batch.target[:, :, 48:])
    assert torch.equal(changed.target[4:], batch.target[4:])
    assert use_reference(batch, None, 0.5) is batch


def test_pairs_of_like_pose_are_learnt_from_in_one_part_and_judged_by_in_another(generator: torch.nn.Module) -> None:
    recording = record(100)
    parts = [int(part["first_frame"]) + np.arange(int(part["num_frames"])) for part in recording.clips]
    reference = np.concatenate([parts[0][::3], parts[2][:5]])
    target = np.concatenate([some_of(parts[0], len(parts[0][::3])), some_of(parts[2], 5)])
    posed = recording.crops[target].copy()
    posed[:, :, 0, 0] = target[:, :, None]  # so that a batch can be told
    seen: list[torch.Tensor] = []
    watched = generator.register_forward_pre_hook(lambda _, given: seen.append(given[1][:, 0, 0, 0] * 255))
    found = replace(recording, pairs=Pairs(reference, target, posed))
    done = adapt(generator, "compact", found, 600, max_samples=32, batch_size=8, learning_rate=1e-2)
    watched.remove()
    assert done.before["mouth_psnr"] > 0
    told = [{round(float(x)) for x in given} for given in seen]
    learnt = set().union(*(numbers for numbers, given in zip(told, seen, strict=True) if len(given) == 8))
    judged = set().union(*(numbers for numbers, given in zip(told, seen, strict=True) if len(given) == 5))
    assert learnt
    assert learnt <= set(parts[0].tolist())
    assert judged == set(target[-5:, 0].tolist())


def test_what_listens_less_is_not_kept(generator: torch.nn.Module) -> None:
    figures = iter([(20.0, 2.0), *[(22.0 + look, 1.5) for look in range(20)]])

    def measure(*_: object) -> dict[str, float]:
        mouth, over_wrong = next(figures)
        return {"mouth_psnr": mouth, "over_wrong_audio_db": over_wrong, "mouth_detail": 5.0}

    done = adapt(generator, "compact", record(40), 600, max_samples=32, batch_size=8, measure=measure)
    assert done.generator is generator
    assert done.gain_db == 0


def test_what_is_no_better_is_not_kept(generator: torch.nn.Module) -> None:
    done = adapt(generator, "compact", record(40), 600, max_samples=16, batch_size=8, learning_rate=0.0)
    assert done.generator is generator
    assert (done.gain_db, done.samples) == (0.0, 0)


def test_a_face_whose_mouth_does_not_move_is_told(generator: torch.nn.Module) -> None:
    with pytest.raises(NothingToDoError, match=r"ann\.mp4: the mouth moves no more"):
        adapt(generator, "compact", record(40, opening=0.0), 600, max_samples=16)
