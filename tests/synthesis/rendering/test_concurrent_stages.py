"""Stages side by side: order, bounds, and ends of every kind."""

from __future__ import annotations

import threading
import time

import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.synthesis.rendering.concurrent_stages import pipeline


def _num_threads() -> int:
    return sum(
        thread.name.startswith("lipsync-") and thread.name != "lipsync-children" for thread in threading.enumerate()
    )


def test_order_is_kept_through_all_stages():
    def double(items):
        for item in items:
            yield 2 * item

    def split(items):  # a stage may give more items than it takes
        for item in items:
            yield item
            yield item + 1

    with pipeline(range(100), double, split, depth=2) as results:
        assert list(results) == list(range(200))
    assert _num_threads() == 0


def test_no_stage_runs_ahead_further_than_the_queues_allow():
    made = []

    def source():
        for number in range(50):
            made.append(number)
            yield number

    ahead = []
    with pipeline(source(), lambda items: items, depth=1) as results:
        for number in results:
            time.sleep(0.005)
            ahead.append(len(made) - number)
    # in the hands of: source 1, queue 1, stage 1, queue 1, and the one just taken
    assert max(ahead) <= 5


@pytest.mark.parametrize("place", ["source", "first", "second"])
def test_error_of_any_stage_ends_all_and_is_raised_as_it_is(place):
    closed = []

    def fail_at(name, items):
        try:
            for number, item in enumerate(items):
                if name == place and number == 3:
                    raise InputError("is broken", "clip.mp4")
                yield item
        finally:
            closed.append(name)

    got = []
    with (
        pytest.raises(InputError, match=r"clip\.mp4: is broken"),
        pipeline(
            fail_at("source", iter(range(10**9))),
            lambda items: fail_at("first", items),
            lambda items: fail_at("second", items),
        ) as results,
    ):
        got.extend(results)
    assert got == list(range(len(got)))
    assert sorted(closed) == ["first", "second", "source"]
    assert _num_threads() == 0


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError])
def test_consumer_that_stops_ends_all_stages(kind):
    closed = []

    def source():
        try:
            yield from range(10**9)
        finally:
            closed.append(True)

    with pytest.raises(kind), pipeline(source(), lambda items: items) as results:
        for number in results:
            if number == 5:
                raise kind
    assert closed == [True]
    assert _num_threads() == 0


def test_consumer_may_leave_early_and_an_empty_source_is_fine():
    with pipeline(iter(range(1000)), lambda items: items) as results:
        assert next(results) == 0
    with pipeline([], lambda items: items) as results:
        assert list(results) == []
    assert _num_threads() == 0
