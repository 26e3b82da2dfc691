"""The example for browsers cuts sound and faces as the program does; its networks are run by ONNX Runtime here."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.speech.speech_features import cut_windows, window_places

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "browser" / "lipsync.js"


def run(expression: str) -> object:
    """Return what an expression gives in which `page` is the example's script."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    program = f"const page = require({json.dumps(str(SCRIPT))});"
    program += f"Promise.resolve({expression}).then(found => console.log(JSON.stringify(found)));"
    result = subprocess.run([node, "-e", program], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("middle_s", [0.02, 0.5, 0.533, 1.18])
def test_windows_are_those_of_the_program(middle_s: float) -> None:
    features = np.arange(60, dtype=np.float32)[:, None].repeat(384, 1)
    wanted = cut_windows(features, *window_places(np.array([middle_s])), np.full(384, -5, np.float32))[0]
    made = f"new Float32Array({60 * 384}).map((_, n) => Math.floor(n / 384)), new Float32Array(384).fill(-5)"
    found = run(f"Array.from(page.cutWindow({made}, {middle_s}))")
    assert np.abs(np.reshape(found, (21, 384)) - wanted).max() < 1e-4


def test_crop_is_that_of_the_rule() -> None:
    wanted = CropRule().square(np.array([10.0, 20.0, 90.0, 100.0]))
    found = run("page.cropOf({ x: 10, y: 20, side: 80 })")
    assert np.allclose([found[name] for name in ("x", "y", "side")], wanted)  # type: ignore[index]


def test_sound_is_heard_in_pieces_and_to_its_end() -> None:
    encoder = (
        "{ run: async given => ({ features: { data: new Float32Array(384 * given.samples.data.length / 320)"
        ".map((_, n) => given.samples.data[Math.floor(n / 384) * 320]) } }) }"
    )
    ort = "{ Tensor: class { constructor(kind, data) { this.data = data; } } }"
    samples = f"new Float32Array({1600 * 320}).map((_, n) => Math.floor(n / 320))"
    found = run(f"page.hear({ort}, {encoder}, {samples}).then(all => Array.from(all).filter((_, n) => n % 384 === 7))")
    assert found == [*range(1600), 0]  # the last frame is centred on the end


def test_only_the_lower_half_is_pasted() -> None:
    found = run("Array.from(page.toPixels(new Float32Array(3 * 96 * 96).fill(0.5)))")
    pixels = np.reshape(found, (96, 96, 4))
    assert (pixels[:49, :, 3] == 0).all()
    assert (pixels[60:85, 12:84, 3] == 255).all()
    assert (pixels[..., :3] == 128).all()


def test_photo_is_given_as_planes() -> None:
    ort = "{ Tensor: class { constructor(kind, data, dims) { Object.assign(this, { data, dims }); } } }"
    pixels = "new Uint8ClampedArray(4 * 96 * 96).map((_, n) => [255, 51, 0, 255][n % 4])"
    found = run(f"(made => ({{ dims: made.dims, data: Array.from(made.data) }}))(page.toTensor({ort}, {pixels}))")
    assert found["dims"] == [1, 3, 96, 96]  # type: ignore[index]
    assert np.allclose(np.reshape(found["data"], (3, -1)).T, [1, 0.2, 0])  # type: ignore[index]
