"""A video's own speech, as `lipsync infer --adapt` collects it, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.jobs import prepare

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.models import build
from lipsync_cli.speech.mel import SILENCE, WINDOW, window_start, windows
from lipsync_cli.synthesis.generation.local_runner import LocalRunner
from lipsync_cli.synthesis.job import Job
from lipsync_cli.synthesis.references.own_speech import OwnSpeech, collect_own_speech
from lipsync_cli.synthesis.rendering.scene import SceneBuilder


@pytest.fixture
def job(make_clip: Callable[..., Path], weights: Path, tmp_path: Path):
    clip = make_clip(tmp_path / "ann.mp4", num_frames=30)
    with prepare(clip, clip, tmp_path / "own.mp4", weights, device=None) as prepared:
        yield prepared


def collect(job: Job, min_s: float = 0.5, reference: str = "current", **options: Any) -> OwnSpeech:
    runner = LocalRunner(build(job.generator.header.architecture, job.generator.header.dims).eval())
    with SceneBuilder(reference) as builder:
        return collect_own_speech(job.source, job.voices[0], job.generator.header, builder, runner, min_s, **options)


def test_crops_and_sound_belong_together(job: Job) -> None:
    found = collect(job)
    assert found.crops.shape == (len(found.frame_middle), 96, 96, 3)
    assert len(found.crops) > 20
    assert found.crops.std((1, 2, 3)).min() > 10
    cut = windows(found.mel, window_start(found.frame_middle))
    np.testing.assert_allclose(cut, job.voices[0].windows(found.frame_middle), atol=1e-5)
    assert cut.max() > SILENCE
    assert cut.shape[1] == WINDOW


def test_faces_are_in_the_pose_of_the_one_that_lends_its_pixels(job: Job) -> None:
    posed, free = collect(job, reference="neutral"), collect(job)
    assert free.reference is None
    assert posed.reference is not None
    upper = slice(20, 48), slice(24, 72)  # eyes and nose

    def misfits(crops: np.ndarray) -> np.ndarray:
        return np.abs(crops[:, upper[0], upper[1]].astype(float) - posed.reference[upper]).mean((1, 2, 3))

    assert misfits(posed.crops).max() < 0.5 * misfits(free.crops).max()


def test_of_a_long_video_some_crops_are_kept(job: Job) -> None:
    every, some = collect(job), collect(job, most_bytes=12 * 3 * 96**2)
    assert 6 <= len(some.crops) <= 12
    place = np.searchsorted(every.frame_middle, some.frame_middle)
    np.testing.assert_array_equal(some.crops, every.crops[place])


def test_too_few_frames_with_a_face_are_told(job: Job) -> None:
    with pytest.raises(NothingToDoError, match=r"a face is seen in 1\.\d s of its own speech, 50 s are needed"):
        collect(job, 50)


@pytest.mark.parametrize(("text", "seconds"), [("20s", 20), ("1m", 60), ("90s", 90), ("1m30s", 90), ("2.5", 2.5)])
def test_lengths_of_time(text: str, seconds: float) -> None:
    from lipsync_cli.config.quantities import parse_duration

    assert parse_duration(text) == seconds
