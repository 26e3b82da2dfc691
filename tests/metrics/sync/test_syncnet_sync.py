"""LSE-D and LSE-C: the arithmetic of SyncNet's scripts, on short clips, at any frame rate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lipsync_cli.metrics.sync.syncnet_sync import at_25_fps, embed, lip_sync_error
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.speech.mfcc import mfcc


def embeddings(seed: int, count: int, shift: int, size: int = 1024) -> tuple[torch.Tensor, torch.Tensor]:
    """Make sounds, and pictures like the sounds so many frames later."""
    rng = np.random.default_rng(seed)
    speech = rng.standard_normal((count, size)).astype(np.float32)
    faces = np.roll(speech, -shift, 0) + 0.5 * rng.standard_normal((count, size)).astype(np.float32)
    return torch.from_numpy(faces), torch.from_numpy(speech)


@pytest.mark.parametrize(
    ("count", "shift", "offset", "distance", "confidence", "seed"),
    [
        (70, 3, -3, 16.856964111328125, 29.706497192382812, 0),
        (9, -4, 4, 24.557809829711914, 10.994039535522461, 1),
        (300, 0, 0, 15.986268043518066, 31.718997955322266, 2),
        (1, 0, 0, 15.602502822875977, 19.885347366333008, 3),
    ],
)
def test_figures_are_those_of_the_scripts(
    count: int, shift: int, offset: int, distance: float, confidence: float, seed: int
) -> None:
    """The wanted figures are what calc_pdist and evaluate of joonson/syncnet_python (6efbb1c) give on these arrays."""
    found = lip_sync_error(*embeddings(seed, count, shift))
    assert found.offset == offset
    assert found.windows == count
    assert found.distance == pytest.approx(distance, rel=1e-6)
    assert found.confidence == pytest.approx(confidence, rel=1e-6)


def test_the_definition_in_loops() -> None:
    faces, speech = (part.double().numpy() for part in embeddings(4, 12, 2, size=16))
    curve = []
    for shift in range(-15, 16):
        heard = [speech[v + shift] if 0 <= v + shift < 12 else np.zeros(16) for v in range(12)]
        curve.append(np.mean([np.linalg.norm(face - sound + 1e-6) for face, sound in zip(faces, heard, strict=True)]))
    found = lip_sync_error(*embeddings(4, 12, 2, size=16))
    np.testing.assert_allclose(found.curve, curve, rtol=1e-5)
    assert found.offset == 15 - int(np.argmin(curve)) == -2
    assert found.confidence == pytest.approx(np.median(curve) - np.min(curve), rel=1e-4)
    assert found.frame_confidence.shape == (12,)


def stand_in() -> SimpleNamespace:
    """A network of two lines: some values of the pictures, and of the sound."""
    return SimpleNamespace(
        embed_faces=lambda faces: faces[:, :, :, ::16, ::16].flatten(1), embed_speech=lambda mfcc: mfcc.flatten(1)
    )


def test_windows_of_pictures_and_sound() -> None:
    rng = np.random.default_rng(0)
    pictures, samples = rng.integers(0, 256, (30, 224, 224, 3), dtype=np.uint8), 0.1 * rng.standard_normal(30 * 640 + 9)
    faces, speech = embed(stand_in(), pictures, samples)
    assert len(faces) == len(speech) == 25
    for place in (0, 19, 20, 24):
        window = pictures[place : place + 5, ::16, ::16, ::-1]  # BGR, as the network was trained
        np.testing.assert_array_equal(faces[place], window.transpose(3, 0, 1, 2).ravel())
        sound = mfcc(np.round(samples * 32768))[4 * place : 4 * place + 20].T
        np.testing.assert_allclose(speech[place], sound.ravel(), rtol=1e-6)


@pytest.mark.parametrize(("pictures", "samples"), [(20, 30 * 640), (30, 21 * 640 - 1)])
def test_too_short_a_clip_says_so(pictures: int, samples: int) -> None:
    with pytest.raises(MetricUnavailableError, match="20 frames at 25 a second are too few: SyncNet needs 21"):
        embed(stand_in(), np.zeros((pictures, 224, 224, 3), np.uint8), np.zeros(samples))


def test_frames_of_other_rates_and_with_gaps() -> None:
    chosen, start = at_25_fps((np.arange(75) + 0.5) / 25, np.arange(75), 25)
    assert start == pytest.approx(0)
    assert (chosen == np.arange(75)).all()
    chosen, _ = at_25_fps((np.arange(100) + 0.5) / 50, np.arange(100), 50)
    assert len(chosen) == 50
    assert (np.abs(np.diff(chosen) - 2) <= 1).all()
    chosen, start = at_25_fps((np.arange(60) + 0.5) / 12.5, np.arange(60), 12.5)
    assert len(chosen) == 120
    assert (np.bincount(chosen) == 2).all()
    frame = np.concatenate([np.arange(10), np.arange(20, 60)])  # no face in frames 10 ... 19
    chosen, start = at_25_fps((frame + 0.5) / 25, frame, 25)
    assert start == pytest.approx(0.8)
    assert (chosen == np.arange(10, 50)).all()
    assert len(at_25_fps(np.array([0.02]), np.array([0]), 25)[0]) == 1


def test_a_clip_without_whole_frames_or_weights_says_why() -> None:
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.metrics.clip_view import ClipView
    from lipsync_cli.metrics.networks import MetricNetworks
    from lipsync_cli.metrics.sync.syncnet_sync import FAMILIES

    crops, frame = np.zeros((30, 96, 96, 3), np.uint8), np.arange(30)
    clip = ClipView("output", "a", "", crops, frame, (frame + 0.5) / 25, 25.0, CropRule(), MetricNetworks())
    measure = FAMILIES[0].measure
    assert measure is not None
    with pytest.raises(MetricUnavailableError, match="no sound"):
        measure(clip)
    clip.samples_or_none = np.zeros(16000 * 2, np.float32)
    with pytest.raises(MetricUnavailableError, match="no SyncNet weights: give --syncnet FILE"):
        measure(clip)
    clip.tools = SimpleNamespace(syncnet=lambda: None, device="cpu")  # type: ignore[assignment]
    with pytest.raises(MetricUnavailableError, match="whole frames"):
        measure(clip)


def test_a_video_is_scored_from_its_whole_frames(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    from lipsync_cli.metrics.networks import MetricNetworks
    from lipsync_cli.scoring.protocols.folder_protocol import score_video

    seen = []

    class Fake(MetricNetworks):
        def syncnet(self):
            def embed_faces(faces: torch.Tensor) -> torch.Tensor:
                seen.append(faces)
                return faces[:, 0, 2, 100:113, 100:120].flatten(1) / 50

            return SimpleNamespace(embed_faces=embed_faces, embed_speech=lambda mfcc: mfcc.flatten(1))

    clip = make_clip(tmp_path / "clip.mp4", num_frames=30)
    scores = score_video(clip, wanted=["lse_d_25fps", "lse_windows"], tools=Fake(files={"syncnet": clip}))
    rows = [scores.rows[row] for row in ("output", "frozen", "other_sound")]
    assert [float(row["lse_windows"].values[0]) for row in rows] == [25, 25, 25]
    assert len({float(row["lse_d_25fps"].values[0]) for row in rows}) == 3
    output, frozen = seen[0], seen[2]  # batches of 20 and 5 windows a row
    assert output.shape == (20, 3, 5, 224, 224)
    assert output[:, 2].mean() > output[:, 0].mean()
    assert (frozen == frozen[:1, :, :1]).all()
    assert not (output == output[:1, :, :1]).all()


def test_a_web_page_saved_as_weights_is_refused_in_one_line(tmp_path: Path, lipsync: Callable) -> None:
    (tmp_path / "syncnet_v2.model").write_text("<!DOCTYPE html><html>Too many users have viewed this file")
    (tmp_path / "clip.mp4").write_bytes(bytes(99))
    result = lipsync("score", tmp_path / "clip.mp4", "--syncnet", tmp_path / "syncnet_v2.model")
    assert result.returncode == 3
    assert result.stdout == ""
    assert "is a web page, not weights" in result.stderr
    assert result.stderr.count("\n") == 1
