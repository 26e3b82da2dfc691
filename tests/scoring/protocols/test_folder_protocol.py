"""Folders of videos in pairs, videos alone, long ones in pieces, and their sound."""

from __future__ import annotations

import shutil
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.errors import InputError, LipsyncError, NothingToDoError
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.runtime.hashing import hash_file
from lipsync_cli.scoring.protocols.folder_protocol import find_films, score_folder, score_video
from lipsync_cli.scoring.protocols.sound_stream import Sound

VOICE = Path(__file__).parents[3] / "examples" / "speech.flac"


def lay(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def test_films_are_paired_by_path_and_else_by_name(tmp_path: Path) -> None:
    outputs = lay(tmp_path / "out", "s1/a.mp4", "s2/a.mp4", "b.mp4", "c.mkv", "lonely.mp4")
    references = lay(tmp_path / "real", "s1/a.mpg", "s2/a.mpg", "deep/s3/b.mpg", "c.mp4", "other.mp4")
    failures: list[LipsyncError] = []
    films = [film for _, film in find_films(outputs, references, False, failures.append)]
    found = {film.output.relative_to(outputs).as_posix(): film for film in films}
    pairs = {name: film.reference.relative_to(references).as_posix() for name, film in found.items()}
    assert pairs == {"s1/a.mp4": "s1/a.mpg", "s2/a.mp4": "s2/a.mpg", "b.mp4": "deep/s3/b.mpg", "c.mkv": "c.mp4"}
    assert found["b.mp4"].speaker == "s3"
    assert [film.other for film in films] == [film.output for film in films[1:] + films[:1]]
    assert [failure.path.name for failure in failures] == ["lonely.mp4"]
    with pytest.raises(NothingToDoError, match="none of the 1 videos"):
        find_films(lay(tmp_path / "x", "x.mp4"), references, False)
    with pytest.raises(InputError, match="is no folder"):
        find_films(outputs, references / "c.mp4", False)


def work_here(work, tasks, jobs):
    """Take the place of `run_tasks`: no processes, whose start takes longer than the work."""
    return ((task, work(task), None) for task in tasks)


def test_a_folder_is_scored_and_after_a_kill_only_what_is_left(clip_folder: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "out"
    shutil.copytree(clip_folder / "ann", outputs / "ann")
    kept_at = tmp_path / "scores.jsonl"
    seen: list[int] = []

    def stop(done: int, total: int | None, label: str) -> None:
        seen.append(done)
        if done == 1:
            raise KeyboardInterrupt

    score = partial(score_folder, outputs, clip_folder, wanted=["crop_psnr"], kept_at=kept_at, run=work_here)
    with pytest.raises(KeyboardInterrupt):
        score(progress=stop)
    (parts,) = tmp_path.glob(".*.parts")
    (first,) = parts.iterdir()
    born = first.stat().st_mtime_ns
    failures: list[LipsyncError] = []

    def watch(done: int, total: int | None, label: str) -> None:
        if first.exists():
            assert first.stat().st_mtime_ns == born
        seen.append(done)

    scores = score(progress=watch, on_failure=failures.append)
    assert seen == [0, 1, 1, 2]
    assert not failures
    assert scores.clip_names == ["a1", "a2"]
    assert scores.speakers == ["ann", "ann"]
    assert (scores.rows["output"]["crop_psnr"].values == 100).all()
    assert scores.facts["files"][0]["output_sha256"] == hash_file(clip_folder / "ann" / "a1.mp4")
    assert not parts.exists()


def test_a_video_alone_has_no_figure_that_needs_the_real_one(clip_folder: Path) -> None:
    scores = score_video(clip_folder / "ann" / "a1.mp4", wanted=["crop_psnr", "sync"])
    assert list(scores.rows) == ["output", "frozen", "other_sound"]
    assert list(scores.missing["output", "crop_psnr"]) == ["no reference"]
    assert scores.facts["tools"]["expert"]["sha256"]
    assert np.isfinite(scores.rows["output"]["sync_confidence"].values).all()


def test_a_video_without_sound_has_no_figure_of_sync(make_clip, tmp_path: Path) -> None:
    silent = make_clip(tmp_path / "silent.mp4", num_frames=8, sound=False)
    scores = score_video(silent, wanted=["sync"])
    assert set(scores.missing["output", "sync_gap"]) == {"no sound"}


def test_a_long_video_is_judged_in_pieces(clip_folder: Path) -> None:
    clip = clip_folder / "ann" / "a1.mp4"
    wanted = ["crop_psnr", "frame_psnr", "sync_gap"]
    whole, pieces = score_video(clip, clip, wanted=wanted), score_video(clip, clip, wanted=wanted, piece_s=0.4)
    assert pieces.clip_names == ["a1 1/2", "a1 2/2"]
    for metric in ("crop_psnr", "frame_psnr"):
        one, many = (scores.rows["copy"][metric] for scores in (whole, pieces))
        np.testing.assert_array_equal(one.values, many.values)
        np.testing.assert_array_equal(one.frame, many.frame)
    one, many = (scores.rows["ground_truth"]["sync_gap"] for scores in (whole, pieces))
    inner = np.isin(one.frame, many.frame)  # a piece has no windows at its edges
    assert inner.sum() == len(one.values) - 4
    np.testing.assert_allclose(one.values[inner], many.values, atol=2e-3)


def test_sound_is_cut_as_the_whole_would_be() -> None:
    whole = read_speech(VOICE)
    sound = Sound(VOICE)
    for start, stop in ((0, 1000), (500, 20000), (20000, 20001), (30000, len(whole) + 5000)):
        np.testing.assert_array_equal(sound.cut(start, stop), whole[start:stop])
    assert len(sound.cut(len(whole) + 10, len(whole) + 20)) == 0
    sound.close()


def test_one_frame_has_figures_of_pictures_and_none_of_time(make_clip, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "one.mp4", num_frames=1)
    scores = score_video(clip, clip)
    assert scores.rows["output"]["crop_psnr"].values.tolist() == [100.0]
    assert list(scores.missing["output", "sync_offset"]) == ["no five consecutive frames with a face"]
    assert scores.facts["frames"] == 1


def test_silence_has_no_sync(make_clip, tmp_path: Path) -> None:
    import soundfile

    from lipsync_cli.media.video.decode import read_frames
    from lipsync_cli.media.video.encode import VideoWriter

    clip, silence = make_clip(tmp_path / "clip.mp4", num_frames=8), tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(6000), 16000)
    with VideoWriter(tmp_path / "silent.mp4", 160, 160, Fraction(25), audio=silence) as writer:
        for frame in read_frames(clip):
            writer.write(frame)
    scores = score_video(tmp_path / "silent.mp4", wanted=["sync"])
    assert list(scores.missing["output", "sync_offset"]) == ["the sound is silent"]
