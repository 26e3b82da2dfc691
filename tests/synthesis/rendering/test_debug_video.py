"""The film that explains another one."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from fixtures.jobs import FACE, known_face, make_film, prepare, watch_runner

from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.media.timeline import Timeline, read_timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.provenance.metadata import read_marks
from lipsync_cli.synthesis.rendering.debug_video import COLOURS, check_debug

GONE = range(4, 9)


def is_near(pixels, colour):
    return np.abs(pixels.astype(int) - colour).max(-1) < 90


def test_every_frame_is_explained_and_the_film_itself_stays(face_clip, voice_file, weights, tmp_path):
    voice, films = voice_file(0.5), []
    for name, watch in (("plain", None), ("out", tmp_path / "out.debug.mp4")):
        with prepare(face_clip, voice, tmp_path / f"{name}.mp4", weights) as job:
            result = make_film(job, "auto", search=partial(known_face, missing=GONE), debug_video=watch)
        films.append(list(read_frames(result.output)))
    for one, other in zip(*films, strict=True):
        np.testing.assert_array_equal(one, other)
    path = result.debug_video
    assert read_timeline(path) == Timeline.constant(Fraction(30000, 1001), 15)
    assert read_marks(path)["synthetic"]
    shown = list(read_frames(path))
    factor = 3
    assert all(frame.shape[1] == 256 * factor and frame.shape[0] > 256 * factor for frame in shown)
    left, top = round(FACE[0] * factor), round((FACE[1] + FACE[3]) / 2 * factor)
    for number, frame in enumerate(shown):
        edge = is_near(frame[top - 30 : top + 30, left - 3 : left + 3], COLOURS[0]).any(1)
        assert edge.mean() > 0.9 if number not in GONE else not edge.any()
        written = is_near(frame[256 * factor :, 256:], COLOURS[0])
        assert written.any()
    source = next(iter(read_frames(face_clip)))
    rest = np.abs(shown[0][1 : 30 * factor : factor, 1 : 60 * factor : factor].astype(int) - source[:30, :60])
    assert np.median(rest) <= 3


def test_a_failure_leaves_neither_film(face_clip, voice_file, weights, tmp_path):
    def fail(*_):
        raise InputError("is broken")

    with (
        prepare(face_clip, voice_file(0.4), tmp_path / "out.mp4", weights) as job,
        pytest.raises(InputError, match="is broken"),
    ):
        make_film(watch_runner(job, fail), debug_video=tmp_path / "debug.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["voice0.4.wav"]


def test_names_that_do_not_fit(face_clip, voice_file, weights, tmp_path):
    there = tmp_path / "there.mp4"
    there.write_bytes(b"something")
    with prepare(face_clip, voice_file(0.3), tmp_path / "out.mp4", weights, device=None) as job:
        with pytest.raises(UsageError, match="is no kind of video"):
            check_debug(tmp_path / "debug.png", job, False)
        with pytest.raises(UsageError, match="is the video itself"):
            check_debug(tmp_path / "out.mp4", job, True)
        with pytest.raises(InputError, match="exists"):
            check_debug(there, job, False)
        with pytest.raises(InputError, match="is an input"):
            check_debug(face_clip, job, True)


def test_wide_and_tiny_frames(voice_file, weights, tmp_path):
    for width, height in ((96, 64), (1280, 120)):
        clip = tmp_path / f"{width}.mp4"
        with VideoWriter(clip, width, height, 25) as writer:
            for number in range(3):
                writer.write(np.full((height, width, 3), 40 * number, np.uint8))
        with prepare(clip, voice_file(0.1), tmp_path / f"{width}.out.mp4", weights) as job:
            make_film(job, "current", debug_video=tmp_path / f"{width}.debug.mp4")
        frame = next(iter(read_frames(tmp_path / f"{width}.debug.mp4")))
        assert frame[-60:].std() > 5
