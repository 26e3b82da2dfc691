"""Which source frame is shown when: exact for constant and variable rates, in all ways to go on."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import numpy as np
import pytest

from lipsync_cli.errors import UsageError
from lipsync_cli.media.timeline import Timeline
from lipsync_cli.synthesis.sources.frame_schedule import plan_frames, steady

KEPT = ("bounce", "loop", "hold", "trim")  # ways to go on that show every frame as long as the source does
RATES = [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(50)]


@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize("speech_s", [Fraction(1, 16000), Fraction(1), Fraction(48001, 16000), Fraction(123457, 44100)])
@pytest.mark.parametrize("extend", KEPT)
def test_number_of_frames_and_length_of_sound(rate, speech_s, extend):
    source = Timeline.constant(rate, 40)
    plan = plan_frames(source, speech_s, extend)
    wanted = ceil(speech_s * rate)
    if extend == "trim":
        wanted = min(wanted, 40)
    assert plan.num_frames == wanted == plan.timeline.num_frames
    assert plan.timeline == Timeline.constant(rate, wanted)
    assert plan.sound_s == min(speech_s, wanted / rate)
    assert plan.extended == (wanted > 40)
    assert plan.num_source_frames == min(wanted, 40)


def test_a_speech_of_whole_frames_adds_none():
    assert plan_frames(Timeline.constant(25, 100), Fraction(3)).num_frames == 75
    assert plan_frames(Timeline.constant(25, 100), Fraction(3) + Fraction(1, 44100)).num_frames == 76


@pytest.mark.parametrize(
    ("extend", "order"),
    [
        ("bounce", [0, 1, 2, 3, 2, 1, 0, 1, 2, 3, 2]),
        ("loop", [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2]),
        ("hold", [0, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3]),
        ("trim", [0, 1, 2, 3]),
    ],
)
def test_order_for_constant_and_variable_rates(extend, order):
    assert plan_frames(Timeline.constant(25, 4), Fraction(11, 25), extend).order.tolist() == order
    pts = np.array([0, 40, 90, 120, 160])  # not equal, as long on average
    variable = plan_frames(Timeline(pts, Fraction(1, 1000)), Fraction(430, 1000), extend)
    assert variable.order.tolist()[: len(order)] == order[: len(variable.order)]
    assert variable.timeline.is_variable


@pytest.mark.parametrize("extend", ["bounce", "loop"])
def test_one_frame_is_held(extend):
    assert plan_frames(Timeline.constant(25, 1), Fraction(1, 5), extend).order.tolist() == [0] * 5


@pytest.mark.parametrize("extend", KEPT)
def test_variable_rate_keeps_each_frames_own_duration(extend):
    duration = np.array([33, 33, 50, 17, 40, 101, 33])
    source = Timeline(np.concatenate([[0], np.cumsum(duration)]), Fraction(1, 1000))
    plan = plan_frames(source, Fraction(1700, 1000), extend)
    shown = np.diff(plan.timeline.pts)
    own = duration[plan.order]
    if extend == "hold":
        own[len(duration) :] = np.median(duration)
    np.testing.assert_array_equal(shown, own)
    end = plan.timeline.duration_s
    if extend == "trim":
        assert plan.num_frames == len(duration)
        assert plan.sound_s == end
    else:
        assert end >= Fraction(17, 10) > plan.timeline.time(plan.num_frames - 1)
        assert plan.sound_s == Fraction(17, 10)


def test_variable_rate_ends_with_a_short_speech():
    source = Timeline(np.array([0, 100, 150, 300, 320, 500]), Fraction(1, 1000))
    plan = plan_frames(source, Fraction(151, 1000))
    assert plan.timeline.pts.tolist() == [0, 100, 150, 300]
    assert plan_frames(source, Fraction(150, 1000)).num_frames == 2


def test_hours_are_planned_at_once():
    plan = plan_frames(Timeline.constant(Fraction(30000, 1001), 90), Fraction(5 * 3600))
    assert plan.num_frames == ceil(5 * 3600 * Fraction(30000, 1001))
    steps = np.abs(np.diff(plan.order))
    assert steps.min() == steps.max() == 1


def test_clock_rounded_to_milliseconds_is_a_constant_rate():
    pts = np.round(np.arange(301) * 1001 / 30).astype(int)
    timeline = steady(Timeline(pts, Fraction(1, 1000)), Fraction(30000, 1001))
    assert timeline == Timeline.constant(Fraction(30000, 1001), 300)
    guessed = steady(Timeline(np.arange(101) * 40, Fraction(1, 1000)), Fraction(30))  # the file tells a wrong rate
    assert guessed.rate == 25


def test_nothing_to_plan():
    source = Timeline.constant(25, 10)
    with pytest.raises(ValueError, match="must have a length"):
        plan_frames(source, Fraction(0))
    with pytest.raises(UsageError, match="bounce, loop, hold, trim"):
        plan_frames(source, Fraction(1), "mirror")


@pytest.mark.parametrize("speech_s", [Fraction(2), Fraction(4), Fraction(1)])
def test_remap_shows_the_whole_source_in_the_time_of_the_speech(speech_s):
    plan = plan_frames(Timeline.constant(25, 50), speech_s, "remap")
    assert plan.num_frames == 25 * speech_s
    assert plan.sound_s == speech_s
    assert not plan.extended
    assert (plan.order[0], plan.order[-1]) == ((0, 49) if speech_s >= 2 else (1, 49))
    steps = np.diff(plan.order)
    assert set(steps.tolist()) == {Fraction(2): {1}, Fraction(4): {0, 1}, Fraction(1): {2}}[speech_s]


def test_remap_goes_by_the_times_of_a_variable_source():
    source = Timeline(np.array([0, 100, 900, 1000]), Fraction(1, 1000))  # its second frame is shown for 0.8 s
    plan = plan_frames(source, Fraction(2), "remap")
    shown_s = [float((plan.order == number).sum() / plan.timeline.rate) for number in range(3)]
    np.testing.assert_allclose(shown_s, [0.2, 1.6, 0.2], atol=0.4)
    assert np.argmax(shown_s) == 1


def test_silence_shows_all_of_the_source_or_holds_its_last_frame():
    source = Timeline.constant(25, 50)
    short, long = plan_frames(source, Fraction(1), "silence"), plan_frames(source, Fraction(3), "silence")
    assert (short.num_frames, short.sound_s, short.extended) == (50, 1, False)
    assert short.order.tolist() == list(range(50))
    assert (long.num_frames, long.extended) == (75, True)
    assert long.order.tolist() == [*range(50), *[49] * 25]
    variable = Timeline(np.array([0, 40, 90, 120, 160]), Fraction(1, 1000))
    assert plan_frames(variable, Fraction(5, 100), "silence").order.tolist() == [0, 1, 2, 3]
