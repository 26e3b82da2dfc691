"""How good a swapped film is, beside two baselines: the film as it was, and an aligned still pasted on every frame.

    python score.py FILM SWAPPED FILMS_OF_THE_FILMED FILMS_OF_THE_SHOWN > table.md

The last two are folders with films of the two people; some frames of each say what they look like.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from lipsync_cli.faces.aligned.alignment import BOX_IN_ALIGNED, cut_aligned
from lipsync_cli.faces.aligned.head_mask import head_hull
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.embedding import need_embedder
from lipsync_cli.faces.head_angle import head_angles
from lipsync_cli.faces.mouth_shapes import mouth_shapes
from lipsync_cli.faces.selection import FaceSelection, find_faces
from lipsync_cli.media.probe import probe
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.metrics.face.eyes import eye_aspect_ratio
from lipsync_cli.synthesis.swapping.face_path import FacePath, find_path
from lipsync_cli.synthesis.swapping.swap_compositor import SwapCompositor

SIDE = 192  # pixels of the aligned faces that are looked at
EVERY = 5  # frames: how often a face is embedded
LOOKED_AT = 10  # frames of a person's films, which say what the person looks like
REACH = 0.02  # sides: the gradient across the outline is taken from so far inside to so far outside


class Seen(NamedTuple):
    """A film looked at.

    Attributes
    ----------
    landmarks : shape (n, 68, 2), pixels of the frame, NaN without a face
    embeddings : shape (k, 128)
    border : shape (n,), mean gradient across the outline of the film's own face, levels
    flicker : mean absolute second difference of the aligned face over time, levels
    """

    landmarks: np.ndarray
    embeddings: np.ndarray
    border: np.ndarray
    flicker: float


def read(film: Path) -> Iterator[np.ndarray]:
    """Give the frames of a film."""
    return read_frames(film, 0, probe(film).video.num_frames or 1_000_000)


def follow(film: Path) -> FacePath:
    """Find the largest face of a film in every frame."""
    boxes = find_faces(read(film), CropRule(), [FaceSelection()])[0].boxes
    return find_path(enumerate(read(film)), boxes, "gaussian")


def embed(face: np.ndarray) -> np.ndarray:
    """Embed an aligned face."""
    return need_embedder("the score").embed(face, np.array(BOX_IN_ALIGNED) * len(face))


def known_face(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean embedding of a person, and one aligned face (SIDE, SIDE, 3)."""
    embeddings, still = [], None
    for film in sorted(path for path in folder.iterdir() if path.suffix in (".mp4", ".mpg", ".mov", ".mkv"))[:2]:
        path = follow(film)
        for number, frame in enumerate(read(film)):
            if number in path and number % LOOKED_AT == 0:
                face = cut_aligned(frame, path.similarities[number], SIDE)
                embeddings.append(embed(face))
                still = face if still is None else still
    if still is None:
        raise SystemExit(f"{folder}: no film with a face")
    return np.mean(embeddings, axis=0), still


def pasted(film: Path, path: FacePath, still: np.ndarray) -> Iterator[np.ndarray]:
    """Give the frames of a film with a still on every face."""
    compositor, drawn = SwapCompositor(SIDE, "lab"), (still.astype(np.float32) / 255, np.ones((SIDE, SIDE), np.float32))
    for number, frame in enumerate(read(film)):
        if number in path:
            similarity, places = path.similarities[number], path.places[number]
            shown = cut_aligned(frame, similarity, SIDE)
            frame = compositor.compose(frame, similarity, places, shown, drawn)
        yield frame


def look(frames: Iterator[np.ndarray], path: FacePath) -> Seen:
    """Look at a film whose face is where another film's is."""
    kept, boxes, embeddings, borders, aligned = [], [], [], [], []
    for number, frame in enumerate(frames):
        kept.append(frame)
        box = np.full(4, np.nan)
        if number in path:
            back = cv2.invertAffineTransform(path.similarities[number])
            corners = back[:, :2] @ np.array(BOX_IN_ALIGNED).reshape(2, 2).T + back[:, 2:]
            box = np.array([*corners.min(1), *corners.max(1)])
            face = cut_aligned(frame, path.similarities[number], SIDE)
            aligned.append(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32))
            borders.append(across_border(face, path.places[number]))
            if number % EVERY == 0:
                embeddings.append(embed(face))
        boxes.append(box)
    again = find_path(enumerate(kept), np.array(boxes), "gaussian")
    backs = [cv2.invertAffineTransform(each) if not np.isnan(each[0, 0]) else each for each in again.similarities]
    landmarks = np.stack(
        [places @ back[:, :2].T + back[:, 2] for places, back in zip(again.places, backs, strict=True)]
    )
    second = [
        np.abs(one - 2 * two + three).mean()
        for one, two, three in zip(aligned[:-2], aligned[1:-1], aligned[2:], strict=True)
    ]
    return Seen(landmarks, np.array(embeddings), np.array(borders), float(np.mean(second)))


def across_border(face: np.ndarray, places: np.ndarray) -> float:
    """Return the mean gradient across the outline of an aligned face, in levels."""
    hull = head_hull(places)
    points = np.concatenate([np.linspace(a, b, 12, endpoint=False) for a, b in itertools.pairwise([*hull, hull[0]])])
    outwards = points - hull.mean(0)
    outwards /= np.linalg.norm(outwards, axis=1, keepdims=True)
    grey = cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32)
    sides = [(points + sign * REACH * outwards) * SIDE - 0.5 for sign in (-1, 1)]
    kept = np.all([((side >= 0) & (side <= SIDE - 1)).all(1) for side in sides], axis=0)
    inner, outer = (cv2.remap(grey, side[None].astype(np.float32), None, cv2.INTER_LINEAR)[0] for side in sides)
    return float(np.abs(outer - inner)[kept].mean())


def correlate(one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of two series where both are known."""
    known = ~(np.isnan(one) | np.isnan(other))
    return float(np.corrcoef(one[known], other[known])[0, 1])


def row(name: str, seen: Seen, film: Seen, filmed: np.ndarray, shown: np.ndarray) -> str:
    """Return one line of the table."""
    to, back = (np.linalg.norm(seen.embeddings - usual, axis=1) for usual in (shown, filmed))
    opening = correlate(mouth_shapes(seen.landmarks)[:, 0], mouth_shapes(film.landmarks)[:, 0])
    eyes = correlate(eye_aspect_ratio(seen.landmarks), eye_aspect_ratio(film.landmarks))
    poses = [head_angles(each.landmarks) for each in (seen, film)]
    turned = np.nanmean(np.hypot(poses[0].yaw - poses[1].yaw, poses[0].pitch - poses[1].pitch))
    figures = [
        f"{100 * np.mean(to < back):.0f} %",
        f"{to.mean():.3f}",
        f"{back.mean():.3f}",
        f"{opening:.3f}",
        f"{eyes:.3f}",
        f"{turned:.1f}",
        f"{seen.border.mean() / film.border.mean():.2f}",
        f"{seen.flicker / film.flicker:.2f}",
    ]
    return f"| {name} | {' | '.join(figures)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("film", "swapped", "filmed", "shown"):
        parser.add_argument(name, type=Path)
    given = parser.parse_args()
    (filmed, _), (shown, still) = known_face(given.filmed), known_face(given.shown)
    path = follow(given.film)
    film = look(read(given.film), path)
    rows = [
        row("swapped", look(read(given.swapped), path), film, filmed, shown),
        row("the film as it was", film, film, filmed, shown),
        row("a still pasted on", look(pasted(given.film, path, still), path), film, filmed, shown),
    ]
    titles = "nearer to shown | to shown | to filmed | opening | eyes | pose (degrees) | border | flicker"
    print(f"| | {titles} |\n|---|{'---|' * 8}\n" + "\n".join(rows))


if __name__ == "__main__":
    main()
