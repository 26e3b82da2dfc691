"""Make lipsync_cli/assets/calibration_speech.npy: at which sounds it is measured how far a face opens its mouth.

Of every voice one window of speech features is taken: the one at which the mouth of FACE is as open as in a tenth of
the frames it is more open. FACE should be a person whom the weights learned from.

Usage: python benchmarks/calibration_speech.py FACE SOUND... OUTPUT
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from lipsync_cli.runtime.stopwatch import Stopwatch
from lipsync_cli.synthesis.compositing.mouth_opening import measure_opening
from lipsync_cli.synthesis.job import prepare
from lipsync_cli.synthesis.rendering.scene import SceneBuilder

FRAME_S = 0.04
BATCH = 8
SHARE = 0.9  # of the frames whose mouths are less open


def find_window(face: Path, sound: Path) -> tuple[np.ndarray, float]:
    """Return the window (21, 384) of one voice, and how far it opens the mouth, over the crop's side."""
    job = prepare(face, sound, Path("unused.mp4"))
    with SceneBuilder() as builder, job.voices[0] as voice:
        frames = job.schedule.num_source_frames
        renderer = builder.open_scene(job.source, job.generator, frames, Stopwatch()).renderer
        reference = renderer.speakers[0].trackers[0].reference
        assert reference.inside is not None
        windows = voice.windows(np.arange(0, float(voice.duration_s), FRAME_S), renderer.runner.encode)
        opened, size, lips = [], renderer.rule.size, reference.inside.lips
        for first in range(0, len(windows), BATCH):
            flows = renderer.runner.submit(reference.crop[None], windows[first : first + BATCH]).result().flow
            assert flows is not None
            opened += [measure_opening(lips, flow[-(size // 2) :] * np.float32(size), size // 2) for flow in flows]
    usual = int(np.abs(np.array(opened) - np.quantile(opened, SHARE)).argmin())
    return windows[usual], opened[usual] * lips.width / size


def main() -> None:
    """Make the file."""
    face, *sounds, output = map(Path, sys.argv[1:])
    found = [find_window(face, sound) for sound in sounds]
    np.save(output, np.stack([window for window, _ in found]).astype(np.float16))
    print(f"{len(found)} windows; this face opens {np.mean([opened for _, opened in found]):.4f} of the crop's side")


if __name__ == "__main__":
    main()
