"""Offset, confidence, distance and pairs, on embeddings whose truth is known."""

import numpy as np
import pytest
import torch

from lipsync_cli.datasets.frame_table import MIN_GAP, FrameTable
from lipsync_cli.datasets.sync_windows import WindowTable, find_middles
from lipsync_cli.errors import NothingToDoError
from lipsync_cli.metrics.sync_embeddings import (
    MAX_SHIFT,
    OTHER,
    RIGHT,
    SHIFTED,
    Embeddings,
    Pairs,
    draw_pairs,
    embed,
    evaluate_offsets,
    evaluate_pairs,
    find_offset,
    shift_speech,
)


def _unit(rng, count, dims=16):
    vectors = rng.normal(size=(count, dims))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _clip(count=70, noise=0.0, seed=1):
    rng = np.random.default_rng(seed)
    speech = _unit(rng, count)
    faces = speech + noise * _unit(rng, count)
    return Embeddings(faces / np.linalg.norm(faces, axis=1, keepdims=True), speech, np.arange(100, 100 + count))


@pytest.mark.parametrize("shift", [-10, -3, 0, 1, 10])
def test_a_known_shift_is_found_with_its_sign(shift):
    sync = find_offset(shift_speech(_clip(noise=0.5), shift), fps=25)
    assert (sync.offset, sync.offset_ms) == (-shift, -40.0 * shift)  # later sound: below zero
    assert sync.confidence > 0.3


def test_the_figures_by_hand():
    clip = _clip()
    sync = find_offset(clip)
    assert sync.offset == 0
    assert sync.distance == pytest.approx(0)
    one_early = np.linalg.norm(clip.faces[1:] - clip.speech[:-1], axis=1).mean()
    assert sync.curve[MAX_SHIFT + 1] == pytest.approx(one_early)
    assert sync.confidence == pytest.approx(np.median(sync.curve))


def test_sound_that_has_nothing_to_do_with_the_face_has_no_confidence():
    clip, other = _clip(), _clip(seed=2)
    mixed = find_offset(clip._replace(speech=other.speech))
    assert mixed.confidence < 0.25 * find_offset(clip).confidence


def test_frames_without_a_window_do_not_move_the_rest():
    clip = _clip()
    keep = np.r_[0:20, 31:70]
    gap = Embeddings(*(values[keep] for values in clip))
    assert find_offset(shift_speech(gap, 4)).offset == -4


def test_a_clip_too_short_is_said():
    with pytest.raises(NothingToDoError, match="windows"):
        find_offset(_clip(count=4))


def test_offset_accuracy_of_a_perfect_and_of_a_blind_judge():
    assert evaluate_offsets([_clip(noise=0.5)]) == {"offset_accuracy": 1.0, "offset_exact": 1.0}
    blind = [_clip(seed=n)._replace(speech=_clip(seed=n + 50).speech) for n in range(10)]
    assert evaluate_offsets(blind)["offset_accuracy"] < 0.3
    assert evaluate_offsets([_clip(count=4)]) == {}


def test_pairs_by_hand():
    kind = np.array([RIGHT, RIGHT, SHIFTED, OTHER])
    pairs = Pairs(np.zeros(4, int), np.zeros(4, int), kind)
    figures = evaluate_pairs(pairs, np.array([0.2, 0.9, 0.5, 1.2]), limit=0.6)
    assert figures == {
        "pair_accuracy": 0.5,  # right: 0.2 accepted, 1.2 refused
        "right_accepted": 0.5,
        "shifted_refused": 0.0,
        "shifted_ranked": 0.5,  # 0.2 < 0.5 < 0.9
        "other_refused": 1.0,
        "other_ranked": 1.0,
    }


def test_windows_need_two_neighbours_on_either_side():
    assert find_middles(np.array([3, 4, 5, 6, 7, 8, 10, 11])).tolist() == [5, 6]


class _Listener:
    """Sees how bright the mouth is, hears how loud the speech is, and knows nothing else."""

    def __call__(self, faces, mel):
        brightness = faces[:, 2, :, 20:30, 40:60].mean((1, 2, 3))
        return self._turn(brightness), self._turn((mel[:, 0, 40, 13] + 4) / 8)

    def _turn(self, share):
        return torch.stack([torch.cos(3 * share), torch.sin(3 * share)], 1)


def test_embed_gives_each_face_its_own_sound(memory_pack):
    table = FrameTable(memory_pack, "test")
    windows = WindowTable(table)
    clips = [embed(_Listener(), memory_pack, table, windows.middles[row]) for row in windows.rows]
    assert all(np.allclose(clip.faces, clip.speech, atol=0.02) for clip in clips)
    assert find_offset(clips[0]).distance < 0.02
    assert evaluate_offsets(clips, range(-4, 5))["offset_accuracy"] == 1.0


def test_pairs_are_what_they_say(memory_pack):
    table = WindowTable(FrameTable(memory_pack, "test"))
    pairs, again = draw_pairs(table, 200), draw_pairs(table, 200)
    assert all((one == other).all() for one, other in zip(pairs, again, strict=True))
    clip = table.table.clip_of
    for face, speech, kind in zip(*pairs, strict=True):
        assert (clip[face] == clip[speech]) == (kind != OTHER)
        assert (face == speech) == (kind == RIGHT)
        assert kind != SHIFTED or abs(face - speech) >= MIN_GAP
    assert [np.mean(pairs.kind == kind) for kind in (RIGHT, SHIFTED, OTHER)] == [0.5, 0.25, 0.25]
