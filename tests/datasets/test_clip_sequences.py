"""Runs of aligned faces: consecutive, from one clip, with their own sound, and decided by seed and step."""

import dataclasses

import numpy as np
import pytest
import torch

from lipsync_cli.datasets.clip_sequences import LEAST_SHIFT, AlignedFaces, RunSampler, RunSampling
from lipsync_cli.datasets.frame_table import FrameTable
from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.models.generators.mean_face import MEAN_FACE

SAMPLING = RunSampling(4, 10, 1.0, 10, (10, 0.33), 5)


@pytest.fixture(scope="module")
def pack(talking_pack):
    return Pack(talking_pack)


@pytest.fixture(scope="module")
def faces(pack):
    return AlignedFaces(pack, pack.decode_all(), FrameTable(pack, "train", hears="sound"), "cpu", np.array(MEAN_FACE))


def test_a_batch_is_decided_by_seed_and_step(faces):
    one, same, other = (RunSampler(faces, SAMPLING).draw(step) for step in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one.target, other.target)
    reseeded = RunSampler(faces, dataclasses.replace(SAMPLING, seed=11)).draw(3)
    assert not torch.equal(one.target, reseeded.target)


def test_shapes(faces):
    runs = RunSampler(faces, SAMPLING).draw(0)
    assert runs.still.shape == (4, 3, 128, 96)
    assert runs.target.shape == (40, 3, 128, 96)
    assert runs.speech.shape == runs.mismatched.shape == (40, 3200)
    assert runs.noise.shape == (40, 10)
    assert runs.shown.shape == (8,)
    assert runs.synced.shape == (8,)
    assert runs.shifted.shape == (8, 3200)
    assert 0.2 < runs.noise.std() < 0.45


def test_runs_pass_no_frame_without_a_face(faces):
    gap = 29  # the second clip's tenth frame
    for row in faces.rows:
        starts = faces.find_runs(row, 10)
        assert not any(start <= gap < start + 10 for start in starts)
    assert len(faces.find_runs(faces.rows[1], 10)) == 1


def test_windows_hold_the_sound_around_each_frame(faces, pack):
    table = faces.table
    frames = faces.frames[faces.rows[1]][[0, 8]]
    cut = table.fetch_speech(frames, "cpu").numpy()
    clip = pack.clips[faces.rows[1]]
    own = pack.sound[int(clip["first_sample"]) : int(clip["first_sample"] + clip["num_samples"])] / 32767
    middle = round(float(pack.frame_middle[frames[1]]) * 16_000)
    assert cut[1] == pytest.approx(own[middle - 1600 : middle + 1600], abs=1e-6)
    middle = round(float(pack.frame_middle[frames[0]]) * 16_000)
    assert not cut[0][: 1600 - middle].any()
    assert cut[0][1600 - middle :] == pytest.approx(own[: 1600 + middle], abs=1e-6)


def test_an_aligned_face_has_eyes_and_nose_on_the_template(pack):
    size = pack.crop_rule.size
    table = FrameTable(pack, "train", hears="sound")
    box, points = pack.box[5].astype(float), pack.landmarks[5].astype(float)
    x0, y0, side = pack.crop_rule.square(box)
    places = (points - (x0, y0)) * size / side
    y, x = np.mgrid[:size, :size] + 0.5
    crops = np.zeros((len(pack), size, size, 3), np.uint8)
    for place in places:
        crops[5] += (200 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 4))[..., None].astype(np.uint8)
    faces = AlignedFaces(pack, crops, table, "cpu", np.array(MEAN_FACE))
    cut = faces.cut(np.array([5, 5]), np.array([False, True]))[:, 0].numpy()
    for spot_x, spot_y in MEAN_FACE:
        assert cut[0][int(spot_y), int(spot_x)] > 0.5
    assert cut[1] == pytest.approx(cut[0][:, ::-1], abs=0.02)


def test_shifted_sound_is_of_another_time(faces):
    sampler, rng = RunSampler(faces, SAMPLING), np.random.default_rng(0)
    own = faces.frames[faces.rows[0]]
    drawn = sampler.shift(rng, 0, np.repeat(own[10], 200))
    inside = drawn[np.isin(drawn, own)]
    assert 80 < len(inside) < 180
    assert np.abs(inside - own[10])[: len(inside)].max() >= LEAST_SHIFT


def test_a_pack_without_landmarks_is_refused_with_a_hint(small_pack):
    pack = Pack(small_pack)
    with pytest.raises(InputError, match="eyes and noses") as caught:
        AlignedFaces(pack, pack.decode_all(), FrameTable(pack, "train"), "cpu", np.array(MEAN_FACE))
    assert "pack --landmarks" in caught.value.hint


def test_runs_longer_than_clips_are_refused(faces):
    with pytest.raises(NothingToDoError, match="21 consecutive"):
        RunSampler(faces, dataclasses.replace(SAMPLING, length=21))
