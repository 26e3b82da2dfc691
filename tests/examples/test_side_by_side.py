"""The example that puts videos beside each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync_cli.media.probe import probe
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.provenance.metadata import read_marks, synthetic_tags

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "side_by_side.py"
SIZE, GAP, STRIP = 160, 8, 26


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def videos(make_clip, tmp_path_factory) -> list[Path]:
    """Before, made (with marks, and longer), real."""
    folder = tmp_path_factory.mktemp("beside")
    before, real = (
        make_clip(folder / f"{name}.mp4", 12, start_s=start_s) for name, start_s in (("a", 0.4), ("c", 1.2))
    )
    made, longer = folder / "b.mp4", make_clip(folder / "longer.mp4", 15, start_s=0.8)
    with VideoWriter(made, SIZE, SIZE, 25, audio=longer, tags=synthetic_tags("tiny", "0123")) as writer:
        for frame in read_frames(longer):
            writer.write(frame)
    return [before, made, real]


def test_frames_sound_and_marks_are_those_of_the_videos(videos: list[Path], tmp_path: Path) -> None:
    output, texts = tmp_path / "out" / "beside.mp4", ("before", "after", "real")
    done = run(output, "--row", *videos, "--texts", *texts, "--row", *videos[::-1], "--texts", *texts[::-1])
    assert done.returncode == 0, done.stderr
    sheet = output.with_suffix(".png")
    assert done.stdout.split() == [str(output), str(sheet)]
    shown = np.stack(list(read_frames(output))).astype(int)
    assert shown.shape == (15, 2 * (SIZE + STRIP) + GAP, 3 * SIZE + 2 * GAP, 3)
    for place, path in enumerate(videos):
        frames = list(read_frames(path))
        frames += [frames[-1]] * (15 - len(frames))  # who ends earlier stands still
        for row, column in ((0, place), (1, 2 - place)):
            top, left = row * (SIZE + STRIP + GAP), column * (SIZE + GAP)
            part = shown[:, top : top + SIZE, left : left + SIZE]
            assert np.abs(part - np.stack(frames)).mean() < 3
        text = shown[:, SIZE : SIZE + STRIP, place * (SIZE + GAP) :][:, :, :SIZE]
        assert text.max() > 250
        assert text.min() < 60
    assert read_marks(output)["weights"] == "tiny"
    info = probe(output)
    assert info.audio is not None
    assert float(info.audio.duration_s) == pytest.approx(0.6, abs=0.05)
    mouths = cv2.imread(str(sheet))
    assert mouths.shape[:2] == (6 * (168 + STRIP + GAP) - GAP + STRIP, 10 * (168 + GAP) - GAP)
    dark = [mouths[top : top + 168].std() for top in range(STRIP, mouths.shape[0] - STRIP, 168 + STRIP + GAP)]
    assert len(dark) == 6
    assert min(dark) > 25


def test_rows_of_unequal_length_are_refused(videos: list[Path], tmp_path: Path) -> None:
    done = run(tmp_path / "out.mp4", "--row", *videos, "--texts", "only one")
    assert done.returncode == 2
    assert "same number of videos" in done.stderr
    assert list(tmp_path.iterdir()) == []
