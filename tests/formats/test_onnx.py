"""Weights as ONNX: the same drawing in another program."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest

from lipsync_cli import models
from lipsync_cli.errors import ToolError, UsageError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.formats.onnx import PACKAGES, export_onnx
from lipsync_cli.formats.onnx_speech import export_speech_encoder
from lipsync_cli.formats.speech_encoder_weights import load_speech_encoder, make_encode
from lipsync_cli.formats.weights import FORMAT, WeightsHeader, find_weights, load_weights, save_weights
from lipsync_cli.speech.mel import MelParameters
from lipsync_cli.speech.speech_features import log_power, whisper_mel

HAS_ONNX = all(importlib.util.find_spec(name) for name in PACKAGES)


@pytest.mark.skipif(not HAS_ONNX, reason="needs lipsync-cli[onnx]")
@pytest.mark.slow
def test_exported_weights_draw_the_same_of_a_real_face(tiny_weights, tmp_path):
    import onnxruntime
    import torch
    from skimage import data

    report = export_onnx(tiny_weights, tmp_path / "tiny.onnx", batch_size=5)
    assert report["outputs"] == ["image", "flow", "mask", "patch"]
    session = onnxruntime.InferenceSession(str(tmp_path / "tiny.onnx"), providers=["CPUExecutionProvider"])
    header = json.loads(session.get_modelmeta().custom_metadata_map[FORMAT])
    assert header["architecture"] == "compact"
    face = np.ascontiguousarray(data.astronaut()[60:156, 176:272].transpose(2, 0, 1)[None], np.float32) / 255
    faces, mel = np.repeat(face, 5, 0), np.random.default_rng(0).uniform(-4, 4, (5, 1, 80, 27)).astype(np.float32)
    found = session.run(None, {"reference": faces, "target": faces, "mel": mel})
    with torch.inference_mode():
        expected = load_weights(tiny_weights)[0](*map(torch.from_numpy, (faces, faces, mel)))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other.numpy(), atol=1e-4)


@pytest.mark.skipif(not HAS_ONNX, reason="needs lipsync-cli[onnx]")
def test_exported_speech_encoder_hears_the_same_of_a_real_voice(example_voice, tmp_path):
    import onnxruntime
    import soundfile

    report = export_speech_encoder(tmp_path / "encoder.onnx")
    assert report["largest_difference"] < 1e-3
    sound = soundfile.read(example_voice, dtype="float32")[0][: 150 * 320]
    wanted = make_encode(load_speech_encoder())(whisper_mel(log_power(sound)[:300], 3.0))
    session = onnxruntime.InferenceSession(str(tmp_path / "encoder.onnx"), providers=["CPUExecutionProvider"])
    found = session.run(None, {"samples": sound[None], "gain_db": np.array([3], np.float32)})[0][0]
    assert found.shape == wanted.shape == (150, 384)
    assert np.abs(found - wanted).max() < 1e-3 * wanted.std()


@pytest.mark.skipif(not HAS_ONNX, reason="needs lipsync-cli[onnx]")
@pytest.mark.slow
def test_exported_weights_articulate_as_is_asked_for(tmp_path):
    import onnxruntime
    import torch

    report = export_onnx(None, tmp_path / "moved.onnx", articulation=1.7)
    assert report["articulation"] == 1.7
    random = torch.Generator().manual_seed(3)
    face, features = torch.rand(1, 3, 96, 96, generator=random), torch.randn(1, 21, 384, generator=random)
    generator, _ = load_weights(find_weights(None))
    with torch.inference_mode():
        plain = generator(face, face, features).image.numpy()
        generator.articulation = 1.7
        moved = generator(face, face, features).image.numpy()
    session = onnxruntime.InferenceSession(str(tmp_path / "moved.onnx"), providers=["CPUExecutionProvider"])
    given = {"reference": face.numpy(), "target": face.numpy(), "features": features.numpy()}
    found = session.run(["image"], given)[0]
    assert np.abs(found - moved).max() < 1e-3
    assert np.abs(found - plain).max() > 0.01


@pytest.mark.skipif(not HAS_ONNX, reason="needs lipsync-cli[onnx]")
def test_weights_that_know_no_articulation_are_not_exported_with_one(tmp_path):
    dims = {"size": 96, "width": 2}
    header = WeightsHeader("lipgan", dims, CropRule(), MelParameters(), "none", 0)
    save_weights(tmp_path / "lipgan.safetensors", dict(models.build("lipgan", dims).state_dict()), header)
    with pytest.raises(UsageError, match="moves the mouth as it has learned"):
        export_onnx(tmp_path / "lipgan.safetensors", tmp_path / "lipgan.onnx", articulation=1.7)


@pytest.mark.skipif(not HAS_ONNX, reason="needs lipsync-cli[onnx]")
@pytest.mark.slow
def test_a_full_disk_is_told_in_one_line(tiny_weights, tmp_path, at_most, lipsync_process):
    """No line of the exporter's own is beside it."""
    with at_most(100_000):
        result = lipsync_process("export", tiny_weights, tmp_path / "tiny.onnx")
    assert result.returncode == 3
    line = f"lipsync: {tmp_path / 'tiny.onnx'}: cannot be written (File too large); make room and run it again\n"
    assert (result.stdout, result.stderr) == ("", line)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(HAS_ONNX, reason="lipsync-cli[onnx] is installed")
def test_without_the_packages_it_says_what_to_install(tiny_weights, tmp_path):
    with pytest.raises(ToolError, match=r"lipsync-cli\[onnx\]"):
        export_onnx(tiny_weights, tmp_path / "tiny.onnx")
    assert list(tmp_path.iterdir()) == []
