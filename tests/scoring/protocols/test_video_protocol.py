"""A video against the real one: pairing by time, the face's box, and what is said where the two differ."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.tracking.face_track import find_face
from lipsync_cli.media.timeline import Timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.metrics.image.reconstruction import MAX_PSNR_DB
from lipsync_cli.scoring.protocols import folder_protocol
from lipsync_cli.scoring.protocols.pairing import pair_frames
from lipsync_cli.scoring.protocols.video_protocol import COPY_GAP, with_copies
from lipsync_cli.scoring.report.text_table import make_table
from lipsync_cli.scoring.results.scores import Scores

Frames = list[np.ndarray]


def score_video(output: Path, reference: Path | None, align: bool = False) -> Scores:
    return folder_protocol.score_video(output, reference, align, ["reconstruction"])


def write(path: Path, frames: Frames, rate: int = 25, crf: int = 18) -> Path:
    height, width = frames[0].shape[:2]
    with VideoWriter(path, width, height, Fraction(rate), crf=crf) as writer:
        for frame in frames:
            writer.write(frame)
    return path


@pytest.fixture(scope="module")
def real(make_clip: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("real") / "real.mp4", num_frames=16, sound=False)


@pytest.fixture(scope="module")
def frames(real: Path) -> Frames:
    return list(read_frames(real))


def test_a_video_against_itself_is_perfect_and_standing_still_is_not(real: Path) -> None:
    scores = score_video(real, real)
    assert [metric.name for metric in scores.metrics] == [
        "mouth_psnr",
        "mouth_ssim",
        "crop_psnr",
        "crop_ssim",
        "frame_psnr",
        "frame_ssim",
    ]
    for row in ("output", "ground_truth"):
        for metric, series in scores.rows[row].items():
            perfect = MAX_PSNR_DB if metric.endswith("psnr") else 1.0
            np.testing.assert_allclose(series.values, perfect, atol=1e-5)
    assert (scores.rows["copy"]["frame_psnr"].values < 40).all()
    assert len(scores.notes) == 1
    assert "16 frames" in make_table(scores, "real.mp4 against real.mp4")


def test_damage_to_the_mouth_shows_in_the_mouth_most(real: Path, frames: Frames, tmp_path: Path) -> None:
    boxes = find_face(frames, CropRule()).boxes
    damaged = []
    for frame, box in zip(frames, boxes, strict=True):
        x0, y0, side = (round(float(value)) for value in (box[0], box[1], box[2] - box[0]))
        changed = frame.copy()
        changed[y0 + side * 2 // 3 : y0 + side * 5 // 6, x0 + side // 3 : x0 + side * 2 // 3] = 0
        damaged.append(changed)
    overall = score_video(write(tmp_path / "damaged.mp4", damaged), real).summary()["all"]["output"]
    assert overall["mouth_psnr"].mean + 4 < overall["crop_psnr"].mean < overall["frame_psnr"].mean
    assert overall["mouth_ssim"].mean < overall["crop_ssim"].mean < overall["frame_ssim"].mean


def test_more_frames_another_size_and_rate_are_paired_scaled_and_said(
    real: Path, frames: Frames, tmp_path: Path
) -> None:
    doubled = [frame[::2, ::2].repeat(2, 0)[:144, :160] for frame in frames[:10] for _ in (0, 1)]
    other = write(tmp_path / "other.mp4", doubled, rate=50)
    with pytest.raises(InputError, match=r"other.mp4: .*80 x 144 .*50 frames/s.* has 20 frames, .* 16; give --align"):
        score_video(other, real)
    scores = score_video(other, real, align=True)
    assert scores.facts["frames"] == 10
    text = " ".join(scores.notes)
    assert "80 x 144 pixels, the reference 160 x 160" in text
    assert "20 frames, the reference 16: 10 were compared" in text
    assert "50 frames/s, the reference 25" in text


def test_frames_are_paired_by_time() -> None:
    reference = Timeline.constant(Fraction(25), 4)
    assert pair_frames(reference, reference).tolist() == [0, 1, 2, 3]
    assert pair_frames(Timeline.constant(Fraction(50), 100), reference).tolist() == [1, 3, 5, 7]
    assert pair_frames(Timeline.constant(Fraction(25, 2), 2), reference).tolist() == [0, 0, 1, 1]
    assert pair_frames(Timeline.constant(Fraction(25), 2), reference).tolist() == [0, 1]


def test_a_copy_is_six_frames_away_whichever_way_there_is_one() -> None:
    stills = [np.full((2, 2, 3), number, np.uint8) for number in range(15)]
    shown = list(with_copies(zip(stills, stills, strict=True)))
    assert [frame.number for frame in shown] == list(range(15))
    assert [frame.copy_number for frame in shown] == [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert all(frame.copy.max() == frame.copy_number and frame.real.max() == frame.number for frame in shown)
    short = list(with_copies(zip(stills[:4], stills[:4], strict=True)))
    assert [frame.number for frame in short] == [0, 1, 2, 3]
    assert COPY_GAP == 6


def test_a_reference_without_a_face_and_a_file_without_a_picture_are_said(real: Path, tmp_path: Path) -> None:
    grey = write(tmp_path / "grey.mp4", [np.full((120, 160, 3), 128, np.uint8)] * 8)
    with pytest.raises(NothingToDoError, match=r"grey.mp4: no face in 8 of 8 frames"):
        score_video(real, grey, align=True)
    voice = Path(__file__).parents[3] / "examples" / "speech.flac"
    with pytest.raises(InputError, match=r"speech.flac: has no picture"):
        score_video(voice, real)
