"""Tables of messages: cells, templates, names of videos, and one line for each row that is no message."""

from __future__ import annotations

import json

import pytest

from lipsync_cli.config.placeholders import parse_template
from lipsync_cli.errors import LipsyncError, UsageError
from lipsync_cli.synthesis.message_names import MOST_BYTES, make_safe, read_names
from lipsync_cli.synthesis.messages import Message, Spoken, Wording, plan_messages
from lipsync_cli.synthesis.table_reader import read_columns, read_json_rows, read_rows, read_text


def read(path, text=None):
    """Return the rows of a table, as lines and values, and what was said."""
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    told: list[LipsyncError] = []
    rows = [(row.line, row.values) for row in read_rows(read_text(path), path, told.append)]
    return rows, [str(error).removeprefix(f"{path}: ") for error in told]


def plan(rows, folder, text=None, names=None, **options):
    """Return the messages of rows given as dictionaries, and what was said."""
    told: list[LipsyncError] = []
    lines = [json.dumps(row) for row in rows]
    template, suffix = (None, ".mp4") if names is None else read_names(names)
    wording = Wording(None if text is None else parse_template(text, "--text"), template, suffix)
    found = plan_messages(
        read_json_rows(lines, "list", told.append),
        "list",
        folder,
        folder,
        told.append,
        wording,
        allows_more=text is not None or names is not None,
        **options,
    )
    return found, [str(error).removeprefix("list: ") for error in told]


def test_quotes_hold_commas_quotes_and_lines(tmp_path):
    rows, told = read(tmp_path / "a.csv", 'name,text\r\n"O\'Neil, Ann","He said ""hi""\nand left"\r\n\r\nBob,x\r\n')
    assert told == []
    assert rows == [(2, {"name": "O'Neil, Ann", "text": 'He said "hi"\nand left'}), (5, {"name": "Bob", "text": "x"})]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tsv", "name\tday\nAnn\tMay 1, 2\n"),
        ("a.csv", 'name;day\nAnn;"May 1, 2"\n'),
        ("a.CSV", b'\xef\xbb\xbfname,day\nAnn,"May 1, 2"\n'),
    ],
)
def test_tabs_semicolons_and_a_byte_order_mark_are_taken(name, text, tmp_path):
    assert read(tmp_path / name, text) == ([(2, {"name": "Ann", "day": "May 1, 2"})], [])


def test_rows_that_are_none_cost_one_line_each(tmp_path):
    rows, told = read(tmp_path / "a.csv", 'a,b\n1\n2,3,4\n"5"6,7\n8\0,9\nx,y\n"open,z\nmore\n')
    assert rows == [(6, {"a": "x", "b": "y"})]
    assert told == [
        "line 2: has 1 values, and there are 2 columns; fill it up",
        'line 3: has 3 values, and there are 2 columns; put quotes around a value that holds ","',
        'line 4: its quotes do not fit together; write a quote within a value twice: ""',
        "line 5: a holds a NUL character; take it out",
        'line 7: a quote is opened and never closed; write a quote within a value twice: ""',
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            "name\nJürgen\n".encode("latin-1"),
            "line 2: its encoding is not UTF-8, perhaps Windows-1252; save it as UTF-8",
        ),
        ("name\nAda\n".encode("utf-16"), "line 1: its encoding is UTF-16, not UTF-8; save it as UTF-8"),
        (b"", "the table is empty; its first line names the columns"),
        (b"a,,b\n", "line 1: column 2 has no name"),
        (b"a,b,a\n", "line 1: there are 2 columns a; rename all but one"),
    ],
)
def test_tables_that_cannot_be_read_are_told_with_the_next_step(content, told, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(LipsyncError) as caught:
        read_columns(read_text(path), path)
    assert str(caught.value).startswith(f"{path}: {told}")


def test_lines_that_are_no_json_are_told_without_the_parser(tmp_path):
    told: list[LipsyncError] = []
    assert list(read_json_rows(["name,day", '{"a": 1', "[1]", '"\\ud800"'], "list", told.append)) == []
    facts = [error.fact for error in told]
    assert facts[:3] == [f"line {number}: is no JSON object" for number in (1, 2, 3)]
    assert facts[3] == "line 4: holds text that is not Unicode"


def test_columns_become_texts_and_names(tmp_path):
    rows = [{"name": "Ada", "n": 3, "voice": "en-gb"}, {"name": "Ben", "n": 4, "output": "b.mkv", "lang": "de"}]
    found, told = plan(rows, tmp_path, "{{Hi}} {name}: {n}", "{name}-{line}.mov")
    assert told == []
    assert found == [
        Message(None, tmp_path / "Ada-1.mov", {}, Spoken("{Hi} Ada: 3", "en-gb")),
        Message(None, tmp_path / "b.mkv", {}, Spoken("{Hi} Ben: 4", None, "de")),
    ]


def test_a_recording_is_taken_where_there_is_one(tmp_path):
    found, _ = plan([{"speech": "a.wav", "name": "Ada"}], tmp_path, "Hello {name}", "{name}.mp4")
    assert found == [Message(tmp_path / "a.wav", tmp_path / "Ada.mp4")]


def test_a_video_of_a_text_is_named_after_it(tmp_path):
    (one, other, accent), _ = plan(
        [{"text": "Hi, Ada!"}, {"text": "Hi, Ada?"}, {"text": "Hi, Ada!", "voice": "en-gb"}], tmp_path
    )
    assert one.output.name.startswith("Hi-Ada-")
    assert len({one.output, other.output, accent.output}) == 3
    assert plan([{"text": "Hi, Ada!"}], tmp_path)[0] == [one]


def test_a_row_speaks_as_the_options_say_where_it_names_no_voice(tmp_path):
    lines = ['{"text": "Hi"}', '{"text": "Hi", "voice": "b", "lang": "de"}']
    rows = list(read_json_rows(lines, "list", pytest.fail))
    options = Wording(voice="a", language="en")
    found = plan_messages(rows, "list", tmp_path, tmp_path, pytest.fail, options)
    assert [message.spoken for message in found] == [Spoken("Hi", "a", "en"), Spoken("Hi", "b", "de")]
    (other,) = plan_messages(rows[:1], "list", tmp_path, tmp_path, pytest.fail, Wording(voice="c"))
    assert other.output != found[0].output


def test_rows_without_what_a_template_asks_for_cost_one_line_each(tmp_path):
    rows = [{"nmae": "Ada"}, {"name": " "}, {"name": "a\0"}, {"name": ["x"]}, {"name": "..", "x": 1}]
    found, told = plan(rows, tmp_path, "Hello {name}", "{name}")
    assert found == []
    assert told == [
        "line 1: has no name, which --text asks for; did you mean nmae?",
        "line 2: its name is empty, which --text asks for",
        "line 3: name holds a NUL character",
        "line 4: has no name, which --text asks for",
        "line 5: no name for the video is left of it",
    ]


def test_the_same_text_is_made_once_and_other_texts_are_no_replacement(tmp_path):
    rows = [{"name": "Ada", "day": 1}, {"name": "Ada", "day": 1}, {"name": "ada", "day": 2}, {"name": "Ben", "day": 1}]
    notes: list[str] = []
    found, told = plan(rows, tmp_path, "Hello on {day}", "{name}.mp4", notify=notes.append)
    assert [message.output.name for message in found] == ["Ada.mp4", "Ben.mp4"]
    assert notes == ["list: line 2: the same as line 1, made once"]
    assert told == ["line 3: ada.mp4 is the output of line 1, too"]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ('O\'Neil, "Ann"', "O'Neil, -Ann"),
        ("../../etc/passwd", "etc-passwd"),
        ("-rf", "rf"),
        ("👋 مرحبا", "👋 مرحبا"),
        ("a\u202eb\x1b[2J\n", "a-b-[2J"),
        ("C:\\x", "C--x"),
        ("con", "con_"),
        ("x" * 2000, "x" * MOST_BYTES),
        ("é" * 200, "é" * (MOST_BYTES // 2)),
    ],
)
def test_names_are_made_safe(value, name, tmp_path):
    found, _ = plan([{"name": value}], tmp_path, "Hello", "{name}.mp4")
    assert found[0].output == tmp_path / f"{name}.mp4"


def test_a_name_of_nothing_but_dots_is_refused():
    with pytest.raises(ValueError, match="no name for the video is left"):
        make_safe(" ../. ")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("films/{name}.mp4", "is more than a name; name the folder with -o"),
        ("{name}.txt", ".txt is no kind of video"),
        ("{name", "{ without its partner"),
        ("{}.mp4", "a field without a name"),
        ("", "--names is empty"),
    ],
)
def test_names_that_make_no_sense_are_refused(names, told):
    with pytest.raises(UsageError) as caught:
        read_names(names)
    assert told in str(caught.value)
