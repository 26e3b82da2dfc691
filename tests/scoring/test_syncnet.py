"""LSE-D and LSE-C: the arithmetic of SyncNet's scripts, on short clips, at any frame rate."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lipsync_cli.models.syncnet import SyncNet
from lipsync_cli.scoring.metrics.metric import Missing
from lipsync_cli.scoring.metrics.syncnet import at_25_fps, embed, lip_sync_error


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
    assert found.offset == offset and found.windows == count
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


@pytest.fixture(scope="module")
def network() -> SyncNet:
    torch.manual_seed(0)
    return SyncNet().eval()


def test_windows_of_pictures_and_sound(network: SyncNet) -> None:
    rng = np.random.default_rng(0)
    pictures, samples = rng.integers(0, 256, (7, 224, 224, 3), dtype=np.uint8), 0.1 * rng.standard_normal(7 * 640 + 99)
    faces, speech = embed(network, pictures, samples)
    assert faces.shape == speech.shape == (2, 1024)
    later_faces, _ = embed(network, pictures[1:], samples[640:])
    torch.testing.assert_close(later_faces, faces[1:], rtol=1e-4, atol=1e-5)
    blue = pictures.copy()
    blue[..., 2] = 255  # the first channel of what the network sees
    with torch.inference_mode():
        seen = torch.from_numpy(blue[:5, :, :, ::-1].astype(np.float32)).permute(3, 0, 1, 2)[None]
        torch.testing.assert_close(
            embed(network, blue[:6], samples)[0], network.embed_faces(seen), rtol=1e-4, atol=1e-5
        )


def test_too_short_a_clip_says_so(network: SyncNet) -> None:
    with pytest.raises(Missing, match="5 frames at 25 a second are too few: SyncNet needs 6"):
        embed(network, np.zeros((5, 224, 224, 3), np.uint8), np.zeros(16000))


def test_frames_of_other_rates_and_with_gaps() -> None:
    chosen, start = at_25_fps((np.arange(75) + 0.5) / 25, np.arange(75), 25)
    assert start == pytest.approx(0) and (chosen == np.arange(75)).all()
    chosen, _ = at_25_fps((np.arange(100) + 0.5) / 50, np.arange(100), 50)
    assert len(chosen) == 50 and (np.abs(np.diff(chosen) - 2) <= 1).all()
    chosen, start = at_25_fps((np.arange(60) + 0.5) / 12.5, np.arange(60), 12.5)
    assert len(chosen) == 120 and (np.bincount(chosen) == 2).all()
    frame = np.concatenate([np.arange(10), np.arange(20, 60)])  # no face in frames 10 ... 19
    chosen, start = at_25_fps((frame + 0.5) / 25, frame, 25)
    assert start == pytest.approx(0.8) and (chosen == np.arange(10, 50)).all()
    assert len(at_25_fps(np.array([0.02]), np.array([0]), 25)[0]) == 1


def test_a_clip_without_whole_frames_or_weights_says_why() -> None:
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.scoring.evidence import Evidence
    from lipsync_cli.scoring.metrics.syncnet import FAMILIES
    from lipsync_cli.scoring.tools import Tools

    crops, frame = np.zeros((30, 96, 96, 3), np.uint8), np.arange(30)
    clip = Evidence("output", "a", "", crops, frame, (frame + 0.5) / 25, 25.0, CropRule(), Tools())
    measure = FAMILIES[0].measure
    assert measure is not None
    with pytest.raises(Missing, match="no sound"):
        measure(clip)
    clip.samples_or_none = np.zeros(16000 * 2, np.float32)
    with pytest.raises(Missing, match="no SyncNet weights: give --syncnet FILE"):
        measure(clip)
    clip.tools = SimpleNamespace(syncnet=lambda: None, device="cpu")  # type: ignore[assignment]
    with pytest.raises(Missing, match="whole frames"):
        measure(clip)
