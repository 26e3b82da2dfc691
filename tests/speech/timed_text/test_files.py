"""Files that tell what is said when, good and bad."""

from __future__ import annotations

import json

import pytest

from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.speech.timed_text.files import has_times, is_text, read_spans
from lipsync_cli.speech.timed_text.span import Span

SRT = """1
00:00:00,500 --> 00:00:01,250
<i>Bin blue</i>
at f

2
00:00:02,000 --> 00:00:03,000
- [door] ANN: Two now
"""
VTT = """WEBVTT

NOTE
00:00:09.000 --> 00:00:08.000

first
00:00.500 --> 00:01.250 align:start
<v Ann>bin <00:00:00.900>blue
"""
TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 3
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 3
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 3
            text = "B"
    item [2]:
        class = "IntervalTier"
        name = "Words"
        xmin = 0
        xmax = 3
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.5
            text = ""
        intervals [2]:
            xmin = 0.5
            xmax = 1.25
            text = "bin ""so"" x"
        intervals [3]:
            xmin = 1.25
            xmax = 3
            text = "sil"
"""
WHISPERX = {
    "segments": [
        {
            "start": 0.5,
            "end": 2.0,
            "text": " Bin 2 blue",
            "words": [
                {"word": "Bin", "start": 0.5, "end": 0.9, "score": 0.8},
                {"word": "2"},
                {"word": "blue", "start": 1.2, "end": 2.0},
            ],
        }
    ]
}


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("name", "content", "spans"),
    [
        ("a.srt", SRT, [Span("Bin blue at f", 0.5, 1.25, 2), Span("Two now", 2.0, 3.0, 7)]),
        (
            "a.srt",
            "\ufeff" + SRT.replace("\n", "\r\n"),
            [Span("Bin blue at f", 0.5, 1.25, 2), Span("Two now", 2, 3, 7)],
        ),
        ("a.srt", SRT.encode("utf-16"), [Span("Bin blue at f", 0.5, 1.25, 2), Span("Two now", 2.0, 3.0, 7)]),
        ("a.vtt", VTT, [Span("bin", 0.5, 0.9, 7), Span("blue", 0.9, 1.25, 7)]),
        ("a.TextGrid", TEXTGRID, [Span('bin "so" x', 0.5, 1.25, 30)]),
        ("a.json", json.dumps(WHISPERX), [Span("Bin", 0.5, 0.9), Span("2 blue", 0.9, 2.0)]),
        ("a.json", json.dumps(WHISPERX["segments"][0]["words"][:1]), [Span("Bin", 0.5, 0.9)]),
        ("a.align", "0 12500 sil\n12500 25000 bin\n", [Span("bin", 0.5, 1.0)]),
    ],
)
def test_words_and_their_times_are_read(name, content, spans, write):
    assert read_spans(write(name, content)) == spans


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.srt", SRT.replace("01,250", "02,500"), r"line 7: begins at 2.000 s, and what is before it ends at 2.500 s"),
        ("a.srt", SRT.replace("00:00:03,000", "00:00:01,000"), r"line 7: 2.000 s to 1.000 s runs backwards"),
        ("a.srt", SRT.replace("00:00:02,000", "00:00:00,100"), r"line 7: begins at 0.100 s, before the one before it"),
        ("a.srt", SRT.replace("00:00:02,000", "two"), r"line 7: is not two times with an arrow; write it as"),
        ("a.srt", "1\n00:00:00,0 --> 00:00:01,0\nGr\xfc\xdfe".encode("latin-1"), r"line 3: its encoding is not UTF-8"),
        ("a.srt", SRT + "\0", r"line 9: holds a NUL character"),
        ("a.json", '[\n{"word": "a", }]', r"line 2: is no JSON; give \{"),
        ("a.json", "[3]", r"item 1 is no object"),
        ("a.json", '[{"word": "a", "start": "x", "end": 1}]', r"word 1, 'a': its times are no numbers"),
        ("a.json", '[{"word": "a"}]', r"its words have no times; align them first"),
        ("a.json", '{"text": "a"}', r"holds no list of words"),
        ("a.TextGrid", "hello", r"is no TextGrid of Praat"),
        ("a.TextGrid", TEXTGRID[:500], r"line \d+: ends in the middle"),
        ("a.TextGrid", TEXTGRID.replace("xmax = 1.25", 'xmax = "x"'), r"line \d+: 'x' is not a number"),
        ("a.doc", "hello", r"is no file of words with times; the names of such files end in .align, .srt"),
    ],
)
def test_a_bad_file_is_told_by_its_line(name, content, told, write):
    path = write(name, content)
    with pytest.raises(InputError, match=told) as caught:
        read_spans(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_without_words_is_told(write):
    with pytest.raises(NothingToDoError, match="holds no words"):
        read_spans(write("a.srt", "1\n00:00:00,000 --> 00:00:01,000\n[music]\n"))


def test_files_are_known_by_their_names(tmp_path):
    assert has_times(tmp_path / "A.SRT")
    assert is_text(tmp_path / "a.txt")
    assert not has_times(tmp_path / "a.txt")
    assert not is_text(tmp_path / "a.wav")
