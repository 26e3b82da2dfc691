"""The figures of the sync expert, clip by clip and row by row."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fixtures.fakes import Dreamer, Listener, MemoryPack
from torch import Tensor, nn

from lipsync_cli.datasets.sync_windows import find_middles
from lipsync_cli.formats.weights import load_weights
from lipsync_cli.metrics.networks import MetricNetworks
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.metrics.sync.expert_sync import accuracy_of_pairs, gaps
from lipsync_cli.metrics.sync_embeddings import Embeddings, embed_pictures, embed_sound
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.scoring.protocols.pack_protocol import score_pack

ROWS = ("model", "wrong_audio", "frozen", "other_sound", "ground_truth")


class Ear(nn.Module):
    """Compares the brightness of the mouth with the loudness of the sound, as angles."""

    def embed_faces(self, faces: Tensor) -> Tensor:
        return self._turn(faces[:, 2, :, 14:34, 32:64].mean((1, 2, 3)))

    def embed_speech(self, mel: Tensor) -> Tensor:
        return self._turn((mel[:, 0, 40, 13] + 4) / 8)

    def _turn(self, level: Tensor) -> Tensor:
        return torch.stack([torch.cos(3 * level), torch.sin(3 * level)], 1)

    def limit(self) -> float:
        return 0.2


class Tool(MetricNetworks):
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
    with pytest.raises(MetricUnavailableError, match="6 frames apart"):
        accuracy_of_pairs(Embeddings(speech[:5], speech[:5], place[:5]), 0.5)


def test_gaps_lie_at_their_frames() -> None:
    speech = unit(3, 1)
    faces = speech.copy()
    faces[1] = -speech[1]
    found = gaps(Embeddings(faces, speech, np.array([4, 5, 9])), np.array([2, 3, 4, 5, 9, 10]))
    np.testing.assert_allclose(found, [np.nan, np.nan, 0, 2, 0, np.nan], atol=1e-12)


def test_windows_stand_on_five_consecutive_frames(memory_pack: MemoryPack) -> None:
    frame = np.r_[0:4, 10:17]
    crops, mel = memory_pack.read_crops(frame), np.zeros((128, 80), np.float32)
    assert find_middles(frame).tolist() == [12, 13, 14]
    found = embed_pictures(Ear(), crops, frame)  # type: ignore[arg-type]
    alone = embed_pictures(Ear(), crops[5:10], frame[5:10])  # type: ignore[arg-type]
    np.testing.assert_array_equal(found[1:2], alone)
    assert len(embed_pictures(Ear(), crops[:4], frame[:4])) == 0  # type: ignore[arg-type]
    assert len(embed_sound(Ear(), mel, np.zeros(0))) == 0  # type: ignore[arg-type]


def test_one_picture_throughout_is_embedded_as_so_many_would_be(memory_pack: MemoryPack) -> None:
    frame = np.arange(9)
    still = np.broadcast_to(memory_pack.read_crops(frame)[4], (9, 96, 96, 3))
    expert, _ = load_weights(None, "cpu", "sync expert")
    at_once, one_by_one = (embed_pictures(expert, crops, frame) for crops in (still, still.copy()))
    assert at_once.shape == (5, one_by_one.shape[1])
    np.testing.assert_allclose(at_once, one_by_one, atol=1e-5)


def test_what_rows_of_a_clip_have_in_common_is_embedded_once(memory_pack: MemoryPack) -> None:
    seen: list[str] = []

    class Counting(Ear):
        def embed_faces(self, faces: Tensor) -> Tensor:
            seen.append("faces")
            return super().embed_faces(faces)

        def embed_speech(self, mel: Tensor) -> Tensor:
            seen.append("speech")
            return super().embed_speech(mel)

    class Counted(MetricNetworks):
        def expert(self, rule: object) -> Counting:
            return Counting()

    score_pack(memory_pack, Listener(), tools=Counted(), families=find_metric_groups(["sync_gap"]))  # type: ignore[arg-type]
    clips = 3
    assert seen.count("faces") == 4 * clips  # model, mismatched audio, frozen, real; each clip is one batch
    assert seen.count("speech") == 2 * clips  # its own and the other


def test_rows_of_a_listener_and_of_a_dreamer_stand_where_they_belong(memory_pack: MemoryPack) -> None:
    families = find_metric_groups(["sync_offset", "sync_confidence", "sync_pairs"])
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
    assert dreamt["sync_confidence"].mean < 0.2
    assert dreamt["sync_pairs"].mean < 60
    assert "copy" not in listener.rows
