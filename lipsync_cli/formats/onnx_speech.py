"""The speech encoder to ONNX: sound in, speech features out, with the spectrogram between the two."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import LipsyncError
from lipsync_cli.formats.onnx import OPSET, TOLERANCE, need_packages, quiet_exporter
from lipsync_cli.formats.speech_encoder_weights import load_speech_encoder, make_encode
from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.speech.mel import SAMPLE_RATE
from lipsync_cli.speech.speech_features import (
    HOP,
    N_FFT,
    RANGE,
    RATE,
    TOP,
    log_power,
    taper_and_filters,
    whisper_mel,
)

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

STEP = SAMPLE_RATE // RATE  # samples of a feature frame
LEAST, MOST = 4, 1500  # feature frames that are encoded at once
CHECKED = 60, 333  # so many are compared
GAIN_DB = 6.0  # with


def export_speech_encoder(output: Path, force: bool = False) -> dict[str, Any]:
    """Write the speech encoder of the package as ONNX.

    Inputs: `samples` (1, n), mono at 16 kHz, -1 ... 1, n a multiple of 320 from 1,280 to 480,000; `gain_db` (1,), by
    which they are made louder, so that speech is at one level. Output: `features` (1, n / 320, 384), 50 a second.

    Returns
    -------
    inputs, outputs, and the largest difference from torch's features, over their deviation

    Raises
    ------
    ToolError : the packages are not installed
    LipsyncError : the exported file gives something else
    """
    need_packages()
    import torch
    from torch.export import Dim

    network = _sound_encoder()
    frames = Dim("frames", min=LEAST, max=MOST)
    example = torch.zeros(1, CHECKED[0] * STEP), torch.zeros(1)
    with atomic_output(output, force) as temporary, quiet_exporter():
        program = torch.onnx.export(
            network,
            example,
            input_names=["samples", "gain_db"],
            output_names=["features"],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
            dynamic_shapes={"samples": {1: STEP * frames}, "gain_db": None},
        )
        assert program is not None
        program.save(str(temporary), external_data=False)
        difference = max(_difference(temporary, count) for count in CHECKED)
        if not difference <= TOLERANCE:
            raise LipsyncError(f"the exported encoder hears something else (by {difference:.2g})", hint="report this")
    return {
        "inputs": ["samples", "gain_db"],
        "outputs": ["features"],
        "opset": OPSET,
        "largest_difference": difference,
    }


def _sound_encoder() -> nn.Module:
    """Return the spectrogram, as a convolution, and the encoder after it, as one network."""
    import numpy as np
    import torch
    from torch import Tensor
    from torch.nn import functional

    taper, filters = taper_and_filters()
    turns = 2 * np.pi * np.outer(np.arange(N_FFT // 2 + 1), np.arange(N_FFT)) / N_FFT
    waves = np.concatenate([np.cos(turns), np.sin(turns)]) * taper

    class SoundEncoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = load_speech_encoder()
            self.register_buffer("waves", torch.tensor(waves, dtype=torch.float32)[:, None])
            self.register_buffer("filters", torch.tensor(filters, dtype=torch.float32)[:, :, None])

        def forward(self, samples: Tensor, gain_db: Tensor) -> Tensor:
            padded = functional.pad(samples[:, None], (N_FFT // 2, N_FFT // 2 - 1))
            parts = functional.conv1d(padded, self.waves, stride=HOP)  # type: ignore[arg-type]
            real, imaginary = parts.chunk(2, 1)
            power = functional.conv1d(real**2 + imaginary**2, self.filters)  # type: ignore[arg-type]
            level = torch.log10(power.clamp_min(1e-10)) + gain_db[:, None, None] / 10
            features: Tensor = self.encoder((level.clamp_min(TOP - RANGE) + 4) / 4)
            return features

    return SoundEncoder().eval()


def _difference(path: Path, num_frames: int) -> float:
    """Return how far the file is from the features that `infer` computes, over their deviation."""
    import numpy as np
    import onnxruntime

    random = np.random.default_rng(num_frames)
    time_s = np.arange(num_frames * STEP) / SAMPLE_RATE
    samples = 0.2 * np.sin(2 * np.pi * (200 + 50 * np.sin(9 * time_s)) * time_s) + 0.02 * random.normal(
        size=len(time_s)
    )
    sound: np.ndarray = samples.astype(np.float32)
    mel = whisper_mel(log_power(sound)[: 2 * num_frames], GAIN_DB)
    wanted = make_encode(load_speech_encoder())(mel)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = session.run(None, {"samples": sound[None], "gain_db": np.array([GAIN_DB], np.float32)})[0][0]
    return float(np.abs(found - wanted).max() / wanted.std())
