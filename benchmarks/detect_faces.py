"""`lipsync detect-faces` against dlib's HOG detector on every frame, on one core, in turns in the same run.

Ours is all that the command does for a clip: decode, find and track the face, crop, JPEG. The naive way is the detector
alone (upsample 1, threshold 0) on frames that are already decoded. Both ways' boxes are smoothed alike, and compared by
their intersection over union in every frame that has a face in both.

Real clips are looked for in the folder named by LIPSYNC_TEST_DATA (../shared/data): grid/SPEAKER/CLIP.

Usage: python benchmarks/detect_faces.py [CLIPS_OF_S1]        (default: 5)
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import dlib
import numpy as np

from lipsync_cli.errors import InputError
from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.faces.tracking.face_track import find_face
from lipsync_cli.media.video.decode import read_frames

ROOT = Path(__file__).resolve().parent.parent
OTHER_SPEAKERS = ("s2", "s3", "s10", "s22", "s26")


class EveryFrame:
    """dlib's detector on the whole frame, each time it is asked."""

    name = "hog"

    def __init__(self) -> None:
        self._detector = dlib.get_frontal_face_detector()
        self._seen: tuple[int, Any] | None = None
        self.seconds = 0.0

    def detect(self, frame: np.ndarray, small: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Return boxes and scores."""
        if self._seen is None or self._seen[0] != id(frame):
            start = time.perf_counter()
            found, scores, _ = self._detector.run(frame, 1, 0.0)
            self.seconds += time.perf_counter() - start
            boxes = [(box.left(), box.top(), box.right() + 1, box.bottom() + 1) for box in found]
            self._seen = id(frame), (np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32))
        return self._seen[1]

    def detect_near(self, frame: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the one that overlaps the box most."""
        boxes, scores = self.detect(frame)
        order = np.argsort(np.abs(boxes - np.asarray(box)).sum(axis=1))[:1]
        return boxes[order], scores[order]


def ours(clip: Path, rule: CropRule) -> np.ndarray:
    """Do what detect-faces does for a clip; return the boxes."""
    frames = list(read_frames(clip))
    boxes = find_face(iter(frames), rule).boxes
    for frame, box in zip(frames, boxes, strict=True):
        if not np.isnan(box[0]):
            cv2.imencode(".jpg", crop_face(frame, box, rule)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    return boxes


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the intersections over the unions of boxes (n, 4), frame by frame, where both are known."""
    known = ~np.isnan(one[:, 0]) & ~np.isnan(other[:, 0])
    one, other = one[known].astype(float), other[known].astype(float)
    sides = np.clip(np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2]), 0, None)
    both = sides.prod(axis=1)
    return both / ((one[:, 2:] - one[:, :2]).prod(axis=1) + (other[:, 2:] - other[:, :2]).prod(axis=1) - both)


def clips(folder: Path, number: int) -> Iterator[Path]:
    """Yield clips of the corpus: some of s1, evenly spaced, and the first of the other speakers."""
    names = sorted((folder / "grid" / "s1").glob("*.mp4"))
    yield from names[:: max(1, len(names) // number)][:number]
    for speaker in OTHER_SPEAKERS:
        yield from sorted((folder / "grid" / speaker).glob("*.*"))[:1]


def main() -> int:
    """Measure, and print the figures as one JSON object."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # the decoder's process inherits it
    cv2.setNumThreads(1)
    folder = Path(os.environ.get("LIPSYNC_TEST_DATA", ROOT.parent / "shared" / "data"))
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    rule, naive = CropRule(), EveryFrame()
    times: list[tuple[float, float]] = []
    overlaps: list[np.ndarray] = []
    for clip in clips(folder, number):
        try:
            frames = list(read_frames(clip))
            if not times:
                ours(clip, rule)  # libraries load
            start = time.perf_counter()
            boxes = ours(clip, rule)
            seconds = time.perf_counter() - start
        except InputError as error:
            print(error, file=sys.stderr)
            continue
        naive.seconds = 0.0
        expected = find_face(iter(frames), replace(rule, keyframe_interval=1), detector=naive).boxes
        times.append((seconds / len(frames), naive.seconds / len(frames)))
        overlaps.append(overlap(boxes, expected))
        print(f"{clip.parent.name}/{clip.name}", *np.round(overlaps[-1][[0, -1]], 3), file=sys.stderr)
    if not times:
        print(f"no clips in {folder}; set LIPSYNC_TEST_DATA", file=sys.stderr)
        return 1
    ours_s, naive_s = np.median(np.array(times), axis=0)
    every = np.concatenate(overlaps)
    figures = {
        "name": "detect_faces",
        "clips": len(times),
        "ours_fps": round(1 / ours_s, 1),
        "naive_fps": round(1 / naive_s, 1),
        "ratio": round(naive_s / ours_s, 2),
        "mean_iou": round(float(every.mean()), 4),
        "min_iou": round(float(every.min()), 4),
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
