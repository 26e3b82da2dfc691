"""Who reads the mouths of films: dlib's 68 points, and MediaPipe's face mesh where there is an environment for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.landmarks import LANDMARK_COUNT, find_points, load_predictor
from lipsync_cli.faces.tracking.face_track import find_face
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.metrics.mouth.mouth_width import mouth_width
from lipsync_cli.metrics.mouth.movement import lip_opening, opening
from lipsync_cli.metrics.sync.lip_leak import aperture, mouth_aspect_ratio

CURVES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "opening": lip_opening,
    "gap": opening,
    "width": mouth_width,
    "mar": mouth_aspect_ratio,
    "aperture": aperture,
}


def read_dlib(film: Path, count: int) -> np.ndarray:
    """Read the points of the first `count` frames with dlib: shape (n, 68, 2), pixels; NaN: no face."""
    predictor = load_predictor()
    if predictor is None:
        sys.exit("dlib's networks are needed: pip install 'lipsync-cli[models]'")
    boxes = find_face((frame for _, frame in zip(range(count), read_frames(film), strict=False)), CropRule()).boxes
    return np.array([find_points(predictor, *shown) for shown in zip(read_frames(film), boxes, strict=False)])


class MeshReader:
    """MediaPipe in an environment of its own, started once; a context manager.

    Parameters
    ----------
    python : its interpreter, see mesh.py
    max_frames : of a film
    """

    def __init__(self, python: Path, max_frames: int) -> None:
        command = [str(python), str(Path(__file__).with_name("mesh.py")), "--points", str(max_frames), "-"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)

    def __enter__(self) -> MeshReader:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def __call__(self, film: Path, count: int) -> np.ndarray:
        """Read the points of the first `count` frames: shape (n, 68, 2), pixels; NaN: no face, or not in the mesh."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(film, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{film}: the mesh's process ended; try mesh.py --points by hand")
        found = json.loads(line)[:count]
        points = np.full((len(found), LANDMARK_COUNT, 2), np.nan)
        for shown, face in zip(points, found, strict=True):
            for number, x, y in face or ():
                shown[number] = x, y
        return points


def describe(points: np.ndarray) -> dict[str, list[float | None]]:
    """Reduce points to curves over time, each (n,): null where no face was seen. Names as in `CURVES`."""
    curves = {}
    for name, measure in CURVES.items():
        values = measure(points)
        curves[name] = [None if np.isnan(value) else round(float(value), 5) for value in values]
    return curves
