"""What is kept of a face depends on the program text that computes it: all that runs is in the key."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures.jobs import prepare

from lipsync_cli.datasets.personal_clip import PersonalClip
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.selection import FaceSelection, find_faces
from lipsync_cli.models import build
from lipsync_cli.pipelines.inference.adapt import ADAPT_STAGE
from lipsync_cli.runtime.array_cache import ArrayCache
from lipsync_cli.runtime.code_version import PACKAGE, closure, code_version
from lipsync_cli.synthesis.generation.local_runner import LocalRunner
from lipsync_cli.synthesis.job import Job
from lipsync_cli.synthesis.references.own_speech import collect_own_speech
from lipsync_cli.synthesis.references.pose_clusters import choose_reference
from lipsync_cli.synthesis.references.pose_pairs import pair_poses
from lipsync_cli.synthesis.references.reference_cache import (
    FACE_ASSETS,
    FACE_STAGE,
    REFERENCE_ASSETS,
    REFERENCE_STAGE,
    FaceReferenceCache,
)
from lipsync_cli.synthesis.rendering.scene import SceneBuilder
from lipsync_cli.synthesis.sources.video_source import VideoSource
from lipsync_cli.training.adaptation import adapt

STAGES = {
    "faces": (FACE_STAGE, FACE_ASSETS),
    "reference": (REFERENCE_STAGE, REFERENCE_ASSETS),
    "adapted": (ADAPT_STAGE, FACE_ASSETS + REFERENCE_ASSETS),
}
CHANGES = {  # what must change a key, beside what is seen to run
    "faces": (
        "faces.selection",
        "synthesis.sources.video_source",
        "faces.tracking.face_track",
        "faces.detectors.image_pyramid",
        "media.video.decode",
    ),
    "reference": (
        "synthesis.references.pose_clusters",
        "synthesis.generation.local_runner",
        "faces.alignment",
        "models.generators.compact",
        "faces.crop",
    ),
    "adapted": (
        "synthesis.drivers.speech_driver",
        "synthesis.generation.local_runner",
        "models.generators.compact",
        "training.recipes.generators.l1",
        "datasets.frame_table",
    ),
}
KEEPS = {
    "faces": (
        "synthesis.rendering.renderer",
        "synthesis.drivers.speech_driver",
        "models.generators.compact",
        "training.adaptation",
        "commands.infer",
    ),
    "reference": (
        "synthesis.drivers.speech_driver",
        "synthesis.rendering.renderer",
        "media.video.encode",
        "training.adaptation",
        "commands.infer",
    ),
    "adapted": (
        "synthesis.film",
        "media.video.join",
        "scoring.report.text_table",
        "training.engine.trainer",
        "pipelines.scoring.score",
    ),
}


@contextmanager
def running() -> Iterator[set[str]]:
    """Collect the modules of the package whose functions run, in all threads."""
    seen: set[str] = set()
    root = str(PACKAGE)

    def look(frame, event, arg):  # type: ignore[no-untyped-def]
        if frame.f_code.co_filename.startswith(root):
            seen.add(frame.f_globals["__name__"])

    earlier = sys.gettrace()
    threading.settrace(look)
    sys.settrace(look)
    try:
        yield seen
    finally:
        sys.settrace(earlier)
        threading.settrace(None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def job(make_clip: Callable[..., Path], weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    folder = tmp_path_factory.mktemp("keys")
    clip = make_clip(folder / "ann.mp4", num_frames=34)
    with prepare(clip, clip, folder / "own.mp4", weights, device=None) as prepared:
        yield prepared


def runner_of(job: Job) -> LocalRunner:
    return LocalRunner(build(job.generator.header.architecture, job.generator.header.dims).eval())


def test_all_that_runs_to_find_faces_and_references_is_in_their_keys(job: Job) -> None:
    rule = job.generator.header.crop_rule
    with VideoSource(job.source.info, 20) as video:
        with running() as seen:
            boxes = find_faces(video.scan(), rule, (FaceSelection(),), None, print, job.source.path)[0].boxes
        assert seen <= closure(FACE_STAGE).keys()
        assert len(seen) > 5
        runner = runner_of(job)
        with running() as seen:
            assert choose_reference("auto", video, boxes, rule, runner)
    assert seen <= closure(REFERENCE_STAGE).keys()
    assert len(seen) > 5


def test_all_that_runs_to_adapt_weights_is_in_their_key(job: Job) -> None:
    row0, row1, column0, column1 = job.generator.header.crop_rule.mouth_region()
    quick = {"max_samples": 8, "batch_size": 8, "targets_per_reference": 4}
    with SceneBuilder("auto") as builder, running() as seen:
        runner = runner_of(job)
        crops, middles, mel, reference, _ = collect_own_speech(
            job.source, job.voices[0], job.generator.header, builder, runner, 0.5
        )
        crops[::2, row0:row1, column0:column1] //= 2  # the mouth moves, and nothing else does
        recording = PersonalClip(job.source.path, crops, middles, mel, CropRule(), reference)
        pair_poses(replace(recording, reference=None))
        adapt(build(job.generator.header.architecture, job.generator.header.dims), "compact", recording, 600, **quick)  # type: ignore[arg-type]
    assert seen <= closure(ADAPT_STAGE).keys()
    assert len(seen) > 30


def test_networks_that_were_installed_since_find_faces_anew(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, boxes = FaceReferenceCache(ArrayCache(tmp_path / "cache")), np.ones((4, 4), np.float32)
    rule = job.generator.header.crop_rule
    monkeypatch.setitem(sys.modules, "face_recognition_models", None)
    known.keep_boxes(job.source, rule, "", boxes)
    np.testing.assert_array_equal(known.boxes(job.source, rule, "", 4), boxes)
    package = tmp_path / "face_recognition_models"
    (package / "models").mkdir(parents=True)
    for name in ("__init__.py", "models/mmod_human_face_detector.dat"):
        (package / name).touch()
    monkeypatch.delitem(sys.modules, "face_recognition_models")
    monkeypatch.syspath_prepend(tmp_path)
    assert known.boxes(job.source, rule, "", 4) is None


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's program text and the assets that count, to be changed."""
    root = tmp_path_factory.mktemp("copy") / PACKAGE.name
    shutil.copytree(PACKAGE, root, ignore=shutil.ignore_patterns("assets", "__pycache__"))
    (root / "assets").mkdir()
    for name in FACE_ASSETS + REFERENCE_ASSETS:
        (root / "assets" / name).write_bytes(name.encode())
    return root


@pytest.mark.parametrize("stage", STAGES)
def test_a_change_changes_the_keys_of_what_it_can_change(stage: str, copied: Path) -> None:
    modules, assets = STAGES[stage]

    def changes(path: Path) -> bool:
        before = path.read_bytes()
        keys = []
        for text in (before, before + b"# another"):
            path.write_bytes(text)
            code_version.cache_clear()
            keys.append(code_version(*modules, assets=assets, root=copied))
        path.write_bytes(before)
        return keys[0] != keys[1]

    named = {True: CHANGES[stage], False: KEEPS[stage]}
    for expected, names in named.items():
        for name in names:
            assert changes(copied.joinpath(*name.split(".")).with_suffix(".py")) == expected, name
    for asset in FACE_ASSETS + REFERENCE_ASSETS:
        assert changes(copied / "assets" / asset) == (asset in assets), asset
