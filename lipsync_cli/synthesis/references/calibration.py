"""How a generator answers one rest frame: what it does in silence is no speech, and some mouths it hardly opens."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

from lipsync_cli.synthesis.compositing.flow_calibration import FlowCalibration
from lipsync_cli.synthesis.compositing.mouth_opening import measure_opening
from lipsync_cli.synthesis.generation.local_runner import ARTICULATION

if TYPE_CHECKING:
    from lipsync_cli.synthesis.compositing.compositor import ReferenceFace
    from lipsync_cli.synthesis.generation.generator_runner import GeneratorRunner

ASSET = "calibration_speech.npy"  # made by benchmarks/calibration_speech.py
USUAL = 0.037  # of the crop's side, in their mean: then strangers move about as far as in life (experiment 050)
MOST = 1.5  # gain, at most: beyond it the jaw is drawn out


def calibrate(face: ReferenceFace, runner: GeneratorRunner) -> ReferenceFace:
    """Return a rest frame whose lips stay as they are in silence and open about as far as those of others in speech.

    Parameters
    ----------
    face : a rest frame; where its lips are not known it stays as it is
    runner : of a generator that hears anything; the gain is found for those that hear speech features, at the usual
        articulation, so that another one is not made up for
    """
    if face.inside is None:
        return face
    quiet = runner.silence(1)
    silent = runner.submit(face.crop[None], quiet).result().flow
    if silent is None:
        return face
    speech = _load_speech()
    gain = 1.0
    if speech.shape[1:] == quiet.shape[1:]:
        heard, crop = np.concatenate([quiet, speech]), face.crop[None]
        flows = runner.generate(crop, np.repeat(crop, len(heard), 0), heard, articulation=ARTICULATION).flow
        assert flows is not None
        size = np.float32(len(face.crop))
        half, lips = int(size) // 2, face.inside.lips
        opened = [measure_opening(lips, (flow - flows[0])[-half:] * size, half) for flow in flows[1:]]
        gain = float(np.clip(USUAL / max(float(np.mean(opened)) * lips.width / len(face.crop), 1e-6), 1, MOST))
    return face._replace(calibration=FlowCalibration(silent[0], face.inside.lips.along, gain))


@lru_cache(maxsize=1)
def _load_speech() -> np.ndarray:
    """Return windows of speech features (n, 21, 384) float32 at which mouths are open."""
    path = resources.files("lipsync_cli") / "assets" / ASSET
    with path.open("rb") as file:
        return np.load(file, allow_pickle=False).astype(np.float32)  # type: ignore[no-any-return]
