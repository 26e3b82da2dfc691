"""`info --detect-synthetic`: a blurred mouth scores higher than the real one, and what cannot be judged is said."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from lipsync_cli import cli
from lipsync_cli.errors import NothingToDoError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.tracking.face_track import find_face
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.pipelines.detect_synthetic import LIMITS, detect_synthetic

FRAMES = 20


def command(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def write(path: Path, frames: list[np.ndarray]) -> Path:
    with VideoWriter(path, frames[0].shape[1], frames[0].shape[0], Fraction(25)) as film:
        for frame in frames:
            film.write(frame)
    return path


@pytest.fixture(scope="module")
def films(grid_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give a real clip, coded again, and the same with the lower half of the face blurred."""
    folder = tmp_path_factory.mktemp("films")
    frames = list(read_frames(grid_dir / "s1" / "swwv8p.mp4", 0, FRAMES))
    boxes = find_face(iter(frames), CropRule()).boxes
    drawn = []
    for frame, (x0, y0, x1, y1) in zip(frames, boxes, strict=True):
        rows, columns = slice(round((y0 + y1) / 2), round(1.1 * y1 - 0.1 * y0)), slice(round(x0), round(x1))
        changed = frame.copy()
        changed[rows, columns] = cv2.GaussianBlur(frame[rows, columns], (0, 0), 1.5)
        drawn.append(changed)
    return {"real": write(folder / "real.mp4", frames), "drawn": write(folder / "drawn.mp4", drawn)}


def test_a_blurred_lower_face_is_suspicious_and_the_real_one_is_not(films: dict[str, Path]) -> None:
    real, drawn = detect_synthetic(films["real"]), detect_synthetic(films["drawn"])
    assert not real.is_suspicious
    assert drawn.is_suspicious
    assert drawn.score > real.score + 2
    assert real.threshold == drawn.threshold
    assert detect_synthetic(films["real"]).score == real.score


def test_the_command_says_it_in_words_and_in_figures(films: dict[str, Path]) -> None:
    said = command("info", "--detect-synthetic", films["drawn"])
    assert said.exit_code == 0
    assert said.stdout.startswith(f"{films['drawn']}: the mouth looks drawn (score ")
    assert all(limit in said.stdout for limit in LIMITS)
    told = json.loads(command("info", "--detect-synthetic", films["real"], "--json").stdout)
    assert told["score"] < told["threshold"]
    assert told["suspicious"] is False
    assert told["moments"] == 8
    assert told["limits"] == list(LIMITS)


def test_what_cannot_be_judged_is_said(films: dict[str, Path], tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "photo.png"), np.zeros((64, 64, 3), np.uint8))
    assert command("info", "--detect-synthetic").exit_code == 2
    assert command("info", "--detect-synthetic", tmp_path / "missing.mp4").exit_code == 3
    assert command("info", "--detect-synthetic", tmp_path / "photo.png").exit_code == 3
    empty = write(tmp_path / "empty.mp4", [np.full((96, 96, 3), 90, np.uint8)] * 6)
    assert command("info", "--detect-synthetic", empty).exit_code == 4
    frames = list(read_frames(films["real"]))
    with pytest.raises(NothingToDoError, match="no face in"):
        detect_synthetic(write(tmp_path / "short.mp4", frames[:2]))
    small = [cv2.resize(frame, (128, 102), interpolation=cv2.INTER_AREA) for frame in frames]
    with pytest.raises(NothingToDoError, match="48 are needed"):
        detect_synthetic(write(tmp_path / "small.mp4", small))
