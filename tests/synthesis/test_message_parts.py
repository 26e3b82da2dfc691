"""Messages of which only a part varies: their text, their frames, and what they share."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lipsync_cli.config.placeholders import parse_template
from lipsync_cli.errors import UsageError
from lipsync_cli.synthesis.message_parts import (
    FrameStore,
    Laid,
    Part,
    check_marks,
    lay_frames,
    split_frames,
    split_marked,
)
from lipsync_cli.synthesis.messages import Spoken, Wording, plan_messages
from lipsync_cli.synthesis.table_reader import Row

PARTS = [Laid(40, False), Laid(20, True), Laid(60, False)]


def test_a_text_is_split_at_its_marks():
    assert split_marked("Hello [[Ada]], good morning.") == (
        Part("Hello ", False),
        Part("Ada", True),
        Part(", good morning.", False),
    )
    assert split_marked("[[Ada]]!") == (Part("Ada", True),)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Hello [[{name}", r"has a \[\[ without a \]\] after it"),
        ("Hello {name}]]", r"has a \]\] without a \[\[ before it"),
        ("Hello [[{name}]], on {day}", r"has the field \{day\} outside \[\[\]\], where nothing varies"),
    ],
)
def test_marks_that_make_no_sense_are_told(text, told):
    with pytest.raises(UsageError, match=told):
        check_marks(parse_template(text, "--text"), "--text")


@pytest.mark.parametrize("name", ["O'Neil", "[[Ada", "]] [[", "[Ada]", "مرحبا", "x" * 2000, "--version", "{day}"])
def test_a_name_of_any_letters_is_one_part(name, tmp_path):
    wording = Wording(parse_template("Hello [[{name}]], good morning.", "--text"))
    rows = [Row(2, {"name": name, "output": "a.mp4"})]
    (message,) = plan_messages(rows, "a.csv", tmp_path, tmp_path, pytest.fail, wording, allows_more=True)
    assert message.spoken is not None
    parts = message.spoken.parts
    assert [part.text for part in parts if not part.varies] == ["Hello ", ", good morning."]
    assert message.spoken.text.startswith("Hello ")
    assert message.spoken.text.endswith(", good morning.")
    assert "[[" not in message.spoken.text


def test_a_text_without_marks_may_have_brackets_in_its_values(tmp_path):
    wording = Wording(parse_template("Hello {name}", "--text"))
    rows = [Row(2, {"name": "[[Ada]]"})]
    (message,) = plan_messages(rows, "a.csv", tmp_path, tmp_path, pytest.fail, wording, allows_more=True)
    assert message.spoken == Spoken("Hello [[Ada]]")


def test_shared_parts_show_the_same_frames_whatever_is_between():
    short, long = (lay_frames([PARTS[0], Laid(count, True), PARTS[2]], 300) for count in (2, 70))
    np.testing.assert_array_equal(short[:40], long[:40])
    np.testing.assert_array_equal(short[-60:], long[-60:])


@pytest.mark.parametrize("parts", [PARTS, PARTS[1:], [Laid(8, True), Laid(9, False), Laid(7, True)]])
@pytest.mark.parametrize("num_source", [5, 50, 500])
def test_neighbouring_frames_are_neighbours_in_the_source(parts, num_source):
    order = lay_frames(parts, num_source)
    assert len(order) == sum(part.num_frames for part in parts)
    assert order.min() >= 0
    assert order.max() < num_source
    assert np.abs(np.diff(order)).max() <= 1


def test_a_photo_is_one_frame():
    assert (lay_frames(PARTS, 1) == 0).all()


def test_an_odd_part_in_the_middle_is_refused():
    with pytest.raises(ValueError, match="7 frames, which is odd"):
        lay_frames([Laid(7, True), Laid(9, False)], 50)


def test_frames_in_which_a_varying_part_is_heard_are_the_messages_own():
    spans = split_frames(PARTS, Fraction(25))
    assert [(span.start, span.stop, span.shared) for span in spans] == [(0, 34, 0), (34, 66, None), (66, 120, 2)]


def test_a_short_shared_part_is_drawn_each_time():
    spans = split_frames([Laid(10, False), Laid(20, True), Laid(60, False)], Fraction(25))
    assert [(span.start, span.stop, span.shared) for span in spans] == [(0, 36, None), (36, 90, 2)]


def test_shared_frames_are_read_where_they_were_drawn_before():
    spans = split_frames(PARTS, Fraction(25))
    frames = [np.full((4, 6, 3), number, np.uint8) for number in range(120)]
    with FrameStore() as store:
        first = store.of("hello", spans)
        assert [first.read(span, None) for span in first.spans] == [None] * 3
        for span in first.spans:
            for number in range(span.start, span.stop):
                first.keep(span, number, frames[number])
        second = [store.of("hello", spans).read(span, None) for span in spans]
        assert second[1] is None
        np.testing.assert_array_equal(list(second[0] or ()), frames[:34])
        np.testing.assert_array_equal(list(second[2] or ()), frames[66:])
        assert store.of("good morning", spans).read(spans[0], None) is None


def test_a_span_that_was_drawn_in_part_is_drawn_again():
    spans = split_frames(PARTS, Fraction(25))
    with FrameStore() as store:
        broken = store.of("hello", spans)
        broken.keep(spans[0], 0, np.zeros((4, 6, 3), np.uint8))
        assert store.of("hello", spans).read(spans[0], None) is None
