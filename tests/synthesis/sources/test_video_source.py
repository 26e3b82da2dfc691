"""Any order of frames out of a film, in constant room."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.media.probe import probe
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.synthesis.sources.video_source import NUM_KEPT, VideoSource, runs

FRAME_BYTES = 32 * 192 * 3


def bounce(num_source: int, num_frames: int) -> np.ndarray:
    turn = num_source - 1
    return turn - np.abs(turn - np.arange(num_frames) % (2 * turn))


@pytest.mark.parametrize("room", [1000, 40], ids=["all on disk", "a stretch at a time"])
@pytest.mark.parametrize("kind", ["once", "bounce", "loop", "hold"])
def test_order_is_exact(numbered, frame_number, room, kind):
    num_source = 130
    path = numbered(num_source)
    order = {
        "once": np.arange(num_source),
        "bounce": bounce(num_source, 290),
        "loop": np.arange(290) % num_source,
        "hold": np.minimum(np.arange(140), num_source - 1),
    }[kind]
    with VideoSource(probe(path), num_source, room * FRAME_BYTES) as video:
        assert [frame_number(frame) for frame in video.scan()] == list(range(num_source))
        seen = [(number, frame_number(frame)) for number, frame in video.frames(order)]
        assert [number for number, _ in seen] == order.tolist()
        assert [read for _, read in seen] == order.tolist()
        for number in video.at_hand():
            assert frame_number(video.frame(number)) == number
        assert len(video.at_hand()) >= min(NUM_KEPT, num_source)
        assert video.num_stored <= (num_source if room > num_source else room + 2 * NUM_KEPT)


def test_the_end_of_a_long_film_is_not_decoded_again(numbered, frame_number):
    num_source, room, decoded = 100, 40, []

    def read(path, start, stop, **options):
        decoded.append((start, stop))
        return read_frames(path, start, stop, **options)

    with VideoSource(probe(numbered(num_source)), num_source, room * FRAME_BYTES, read=read) as video:
        for _ in video.scan():
            pass
        order = np.concatenate([bounce(num_source, 2 * num_source - 1), np.arange(1, num_source)])
        assert [frame_number(frame) for _, frame in video.frames(order)] == order.tolist()
    assert decoded == [(0, 100), (0, 60), (20, 60), (0, 20), (1, 100)]


def test_only_the_frames_that_are_needed_are_read(numbered):
    with VideoSource(probe(numbered(30)), 10) as video:
        assert sum(1 for _ in video.scan()) == 10


def test_film_shorter_than_it_says(numbered):
    path = numbered(20)
    with VideoSource(probe(path), 25) as video, pytest.raises(InputError, match="20 of 25 frames"):
        list(video.scan())


def test_runs():
    order = np.array([0, 1, 2, 1, 0, 1, 2, 2, 2, 0, 5])
    assert list(runs(order)) == [(0, 2, 1), (1, 0, -1), (1, 2, 1), (2, 1, 0), (0, 0, 1), (5, 5, 1)]


def test_frames_that_were_not_scanned_are_decoded_once(numbered, frame_number):
    started = []

    def read(path, start, *rest, **options):
        started.append(start)
        return read_frames(path, start, *rest, **options)

    with VideoSource(probe(numbered(40)), 40, read=read) as video:
        assert video.at_hand() == []
        assert frame_number(video.frame(7)) == 7
        for order in ([0, 1, 2, 3, 2, 1, 0], list(range(12)), [11, 12, 12, 15, 14, 20]):
            given = list(video.frames(np.array(order)))
            assert [number for number, _ in given] == order
            assert [frame_number(frame) for _, frame in given] == order
        assert started == [7, 0, 14]  # the frame asked for alone, the film, and the one step back past what was kept
