"""The figures of the sync expert, clip by clip and row by row."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fakes import Dreamer, Listener, MemoryPack
from torch import Tensor, nn

from lipsync_cli.scoring.metrics.metric import Missing
from lipsync_cli.scoring.metrics.registry import find_families
from lipsync_cli.scoring.metrics.sync_expert import accuracy_of_pairs, gaps
from lipsync_cli.scoring.protocol import score_pack
from lipsync_cli.scoring.sync import Embeddings, embed_clip
from lipsync_cli.scoring.tools import Tools

ROWS = ("model", "wrong_audio", "frozen", "other_sound", "ground_truth")


class Ear(nn.Module):
    """Compares the brightness of the mouth with the loudness of the sound, as angles."""

    def forward(self, faces: Tensor, mel: Tensor) -> tuple[Tensor, Tensor]:
        bright = faces[:, 2, :, 14:34, 32:64].mean((1, 2, 3))
        loud = (mel[:, 0, 40, 13] + 4) / 8
        return tuple(torch.stack([torch.cos(3 * level), torch.sin(3 * level)], 1) for level in (bright, loud))

    def limit(self) -> float:
        return 0.2


class Tool(Tools):
    def expert(self, rule: object) -> Ear:
        return Ear()


def unit(count: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, 16))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_pairs_are_told_apart_by_a_perfect_judge_and_not_by_a_blind_one() -> None:
    speech, place = unit(40, 1), np.arange(40)
    assert accuracy_of_pairs(Embeddings(speech, speech, place), 0.5) == 1
    blind = Embeddings(unit(40, 2), speech, place)
    assert accuracy_of_pairs(blind, np.sqrt(2.0)) == pytest.approx(0.5, abs=0.1)
    assert accuracy_of_pairs(Embeddings(speech, speech, place), 3.0) == 0.5  # accepts everything
    with pytest.raises(Missing, match="6 frames apart"):
        accuracy_of_pairs(Embeddings(speech[:5], speech[:5], place[:5]), 0.5)


def test_gaps_lie_at_their_frames() -> None:
    speech = unit(3, 1)
    faces = speech.copy()
    faces[1] = -speech[1]
    found = gaps(Embeddings(faces, speech, np.array([4, 5, 9])), np.array([2, 3, 4, 5, 9, 10]))
    np.testing.assert_allclose(found, [np.nan, np.nan, 0, 2, 0, np.nan], atol=1e-12)


def test_windows_stand_on_five_consecutive_frames(memory_pack: MemoryPack) -> None:
    frame = np.r_[0:4, 10:17]
    mel = np.zeros((128, 80), np.float32)
    found = embed_clip(Ear(), memory_pack.read_crops(frame), frame, mel, (frame + 0.5) / 25)
    assert found.place.tolist() == [12, 13, 14]
    none = embed_clip(Ear(), memory_pack.read_crops(frame[:4]), frame[:4], mel, (frame[:4] + 0.5) / 25)
    assert len(none.place) == 0


def test_rows_of_a_listener_and_of_a_dreamer_stand_where_they_belong(memory_pack: MemoryPack) -> None:
    families = find_families(["sync_offset", "sync_confidence", "sync_pairs"])
    listener, dreamer = (
        score_pack(memory_pack, generator, tools=Tool(), families=families)[0] for generator in (Listener(), Dreamer())
    )
    means = {row: listener.summary()["all"][row] for row in ROWS}
    for row in ("model", "ground_truth"):
        assert means[row]["sync_offset"].mean == 0
        assert means[row]["sync_pairs"].mean > 80
    for row in ("wrong_audio", "frozen", "other_sound"):
        assert means[row]["sync_confidence"].mean < 0.4 * means["ground_truth"]["sync_confidence"].mean
        assert means[row]["sync_pairs"].mean < 60
    dreamt = dreamer.summary()["all"]["model"]
    assert dreamt["sync_confidence"].mean < 0.2 and dreamt["sync_pairs"].mean < 60
    assert "copy" not in listener.rows
