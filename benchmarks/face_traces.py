"""The detector of `lipsync info --detect-synthetic`: simulated boxes, its coefficients, and its judgement.

    python benchmarks/face_traces.py paste clips/ boxes/ [--half] [--crf 23]
    python benchmarks/face_traces.py learn real/ boxes/ model.json
    python benchmarks/face_traces.py judge real/ boxes/ films/

`paste` stands for a box of 96 pixels such as LipGAN pastes: each face's crop is brought to 96 pixels, blurred, tinted,
enlarged, and put back as a square, or only its lower half; scale, blur and tint are drawn at random for each clip.
`learn` fits a logistic model, and takes as the threshold the score that 4 % of the real clips exceed when nobody of
their folder is in the training. `judge` prints shares of suspicious clips with Wilson's 95 % intervals.
"""

from __future__ import annotations

import argparse
import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from lipsync_cli.errors import LipsyncError
from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.faces.tracking.face_track import find_face
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.pipelines.detect_synthetic import detect_synthetic

ALLOWED = 0.04  # share of the training's real clips above the threshold
PENALTY = 3.0  # on squared coefficients
FOLDS = 5  # of the clips of one folder that is alone in its corpus


def clips_of(folder: Path) -> list[Path]:
    """Return the videos of a folder and its folders."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".mp4", ".mpg", ".mov", ".mkv"))


def paste(source: Path, target: Path, half: bool, crf: int) -> None:
    """Write each clip with a blurred box."""
    target.mkdir(parents=True, exist_ok=True)
    for number, clip in enumerate(clips_of(source)):
        rng = np.random.default_rng(number)
        rule = CropRule(scale=rng.uniform(1.0, 1.35), shift_y=rng.uniform(0, 0.1))
        sigma, tint = rng.uniform(0.5, 1.6), rng.normal(0, rng.uniform(1, 6), 3)
        frames = list(read_frames(clip))
        boxes = find_face(iter(frames), CropRule()).boxes
        height, width = frames[0].shape[:2]
        with VideoWriter(target / f"{clip.parent.name}_{clip.stem}.mp4", width, height, Fraction(25), crf=crf) as film:
            for frame, box in zip(frames, boxes, strict=True):
                film.write(frame if np.isnan(box).any() else put_back(frame, box, rule, sigma, tint, half=half))


def put_back(
    frame: np.ndarray, box: np.ndarray, rule: CropRule, sigma: float, tint: np.ndarray, *, half: bool
) -> np.ndarray:
    """Return a frame (H, W, 3) uint8 with the face's crop drawn again, blurred by `sigma` pixels of 96, and tinted."""
    drawn = cv2.GaussianBlur(crop_face(frame, box, rule).astype(np.float32), (0, 0), sigma) + tint
    x0, y0, side = rule.square(box)
    left, top, right, bottom = (round(edge) for edge in (x0, y0, x0 + side, y0 + side))
    large = np.clip(cv2.resize(drawn, (right - left, bottom - top)), 0, 255).round().astype(np.uint8)
    first = max(0, (top + bottom) // 2 if half else top)
    rows, columns = slice(first, min(bottom, frame.shape[0])), slice(max(0, left), min(right, frame.shape[1]))
    frame = frame.copy()
    frame[rows, columns] = large[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    return frame


def fit(values: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Return coefficients and bias of a penalised logistic model in which both kinds weigh the same."""
    weight = np.where(drawn, len(drawn) / 2 / drawn.sum(), len(drawn) / 2 / (~drawn).sum())
    table = np.c_[values, np.ones(len(values))]
    penalty = np.r_[np.full(values.shape[1], PENALTY), 1e-6]
    found = np.zeros(table.shape[1])
    for _ in range(60):
        chance = 1 / (1 + np.exp(-table @ found))
        slope = table.T @ (weight * (chance - drawn)) + penalty * np.r_[found[:-1], 0]
        found -= np.linalg.solve(
            (table * (weight * chance * (1 - chance))[:, None]).T @ table + np.diag(penalty), slope
        )
    return found


def learn(real: Path, boxes: Path, output: Path) -> None:
    """Write a model."""
    clips = [(clip, False) for clip in clips_of(real)] + [(clip, True) for clip in clips_of(boxes)]
    traces = [detect_synthetic(clip).traces for clip, _ in clips]
    drawn = np.array([each for _, each in clips])
    names = list(traces[0])
    raw = np.array([[each[name] for name in names] for each in traces])
    centre, scale = raw[~drawn].mean(0), raw[~drawn].std(0)
    values = np.clip((raw - centre) / scale, -4, 4)
    people = [clip.parent.name if not drawn else clip.stem.split("_")[0] for clip, drawn in clips]
    crowded = {who for who in people if people.count(who) > len(people) / 4}
    parts = np.array(
        [
            f"{who}{sum(map(ord, c.stem)) % FOLDS if who in crowded else ''}"
            for who, (c, _) in zip(people, clips, strict=True)
        ]
    )
    scores = np.zeros(len(clips))
    for part in set(parts):
        scores[parts == part] = np.c_[values, np.ones(len(values))][parts == part] @ fit(
            values[parts != part], drawn[parts != part]
        )
    found = fit(values, drawn)
    table = {
        key: dict(zip(names, np.round(each, 4).tolist(), strict=True))
        for key, each in (("centre", centre), ("scale", scale), ("weights", found[:-1]))
    }
    limit = float(np.quantile(scores[~drawn], 1 - ALLOWED))
    output.write_text(
        json.dumps({**table, "bias": round(float(found[-1]), 4), "threshold": round(limit, 3)}, indent=2) + "\n"
    )


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    z = 1.96
    middle, spread = (
        hits / count + z * z / 2 / count,
        z * (hits / count * (1 - hits / count) / count + z * z / 4 / count**2) ** 0.5,
    )
    return (middle - spread) / (1 + z * z / count), (middle + spread) / (1 + z * z / count)


def judge(folders: list[Path]) -> None:
    """Print how many clips of each folder are suspicious."""
    for folder in folders:
        reports = []
        for clip in clips_of(folder):
            try:
                reports.append(detect_synthetic(clip))
            except LipsyncError as error:
                print(error)
        hits, count = sum(report.is_suspicious for report in reports), len(reports)
        low, high = wilson(hits, count)
        print(f"{folder}: {hits} of {count}, {100 * hits / count:.1f} % ({100 * low:.1f} to {100 * high:.1f})")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("paste", "learn", "judge"))
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--crf", type=int, default=18)
    given = parser.parse_args()
    if given.what == "paste":
        paste(*given.paths, half=given.half, crf=given.crf)
    elif given.what == "learn":
        learn(*given.paths)
    else:
        judge(given.paths)


if __name__ == "__main__":
    main()
