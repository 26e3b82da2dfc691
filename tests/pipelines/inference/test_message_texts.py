"""A table of texts to a folder of videos: spoken by a command, made, kept, rehearsed and shown on a page."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest
from fixtures.synthesis_fixtures import weights

__all__ = ["weights"]

ROOT = Path(__file__).resolve().parents[3]
PYTHON = Path(sys.executable).name
TTS = """
import sys, wave
text, log = sys.argv[1], open(sys.argv[0] + ".log", "a")
print(text, file=log)
if "Mute" in text:
    sys.exit("this one is mute")
sound = wave.open(sys.argv[2], "wb")
sound.setnchannels(1), sound.setsampwidth(2), sound.setframerate(8000)
sound.writeframes(b"".join(int(9000 * ((n % 70) / 35 - 1)).to_bytes(2, "little", signed=True) for n in range(3200)))
sound.close()
"""


@pytest.fixture
def tts(tmp_path):
    """A command line that speaks each text for 0.4 s; `tts.spoken()` are the texts so far."""
    script = tmp_path / "tts.py"
    script.write_text(TTS)

    class Command(str):
        def spoken(self):
            log = Path(f"{script}.log")
            return log.read_text().splitlines() if log.exists() else []

    return Command(f"{shlex.join([sys.executable, str(script)])} {{text}} {{out}}")


@pytest.fixture
def infer(lipsync, tts, weights, tmp_path):
    """Make the videos of a table for the example photo."""
    photo = tmp_path / "face.jpg"
    shutil.copy(ROOT / "examples" / "astronaut.jpg", photo)

    def run(table, *options, output=tmp_path / "films"):
        line = [
            "infer",
            photo,
            "--messages",
            table,
            "-o",
            output,
            "--weights",
            weights,
            "--device",
            "cpu",
            "--tts",
            tts,
        ]
        return lipsync(*line, *options)

    return run


def test_a_table_becomes_videos_and_a_rerun_makes_what_is_missing(infer, tts, tmp_path):
    table, films, page = tmp_path / "customers.csv", tmp_path / "films", tmp_path / "page.html"
    table.write_text('name,day\n"O\'Neil, Ann",Monday\nMute,Monday\nBen,Monday\n<b>,Monday\nCid,\n')
    options = ("--text", "Your parcel comes on {day}, {name}.", "--names", "{name}.mp4", "--report", page)
    made = infer(table, *options)
    assert made.returncode == 5, made.stderr
    assert sorted(path.name for path in films.iterdir()) == sorted(["O'Neil, Ann.mp4", "Ben.mp4", "b.mp4"])
    errors = [line for line in made.stderr.splitlines() if line.startswith("lipsync:")]
    assert errors == [
        f"lipsync: {table}: line 6: its day is empty, which --text asks for",
        f"lipsync: {table}: line 3: {PYTHON} cannot say this (this one is mute)",
        "lipsync: 2 of 5 messages failed, the others are done",
    ]
    html = page.read_text()
    assert html.count("<img ") == 3
    assert html.count("data:image/webp;base64,") == 3
    assert "Your parcel comes on Monday, &lt;b&gt;." in html
    assert 'href="./films/O%27Neil%2C%20Ann.mp4"' in html
    assert "this one is mute" in html
    assert not re.findall(r'(?:src|href)="(?!data:|\./films/)', html)
    (films / "Ben.mp4").unlink()
    before = len(tts.spoken())
    again = infer(table, *options)
    assert again.stdout.split("\n")[:-1] == [str(films / "Ben.mp4")]
    assert tts.spoken()[before:] == [f"Your parcel comes on Monday, {name}." for name in ("Mute", "Ben")]


def test_the_same_text_for_two_people_is_drawn_once(infer, tts, tmp_path):
    table, films = tmp_path / "list.jsonl", tmp_path / "films"
    rows = [{"id": 1, "text": "Hello Ada"}, {"id": 2, "text": "Hello Ada"}, {"id": 1, "text": "Hello Ada"}]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = infer(table, "--names", "{id}.mp4")
    assert made.returncode == 0, made.stderr
    assert "line 3: the same as line 1, made once" in made.stderr
    assert tts.spoken() == ["Hello Ada"]
    assert (films / "1.mp4").read_bytes() == (films / "2.mp4").read_bytes()


def test_a_rehearsal_tells_texts_lengths_and_time_and_makes_nothing(infer, tmp_path):
    table = tmp_path / "a.csv"
    table.write_text("text,output,lnag\nHello Ada,ada,en\nMute,m,en\n")
    told = infer(table, "-n")
    films = tmp_path / "films"
    assert told.returncode == 5
    assert told.stdout.splitlines() == [
        f"{films / 'ada.mp4'}  0.4 s  Hello Ada",
        f"output: {films}",
        "messages: 1",
        "to_make: 1",
        "ready: 0",
        "duration_s: 0.4",
        "estimated_s: 2.4",
    ]
    assert f"{table}: columns that are not used: lnag; lnag: did you mean lang?" in told.stderr
    assert f"{table}: line 3: " in told.stderr
    assert not films.exists()
    assert json.loads(infer(table, "-n", "--json").stdout)["texts"][0]["text"] == "Hello Ada"


@pytest.mark.parametrize(
    ("table", "options", "code", "told"),
    [
        ("name\nAda\n", (), 3, "line 1: has no column text and no column speech; say with --text"),
        ("txet\nAda\n", (), 3, "line 1: has no column text and no column speech; rename txet"),
        ("name\nA\n", ("--text", "{nam}"), 2, "--text has the unknown field {nam}; did you mean name?; the fields are"),
        (
            "name\nA\n",
            ("--text", "x", "--names", "{nam}"),
            2,
            "--names has the unknown field {nam}; did you mean name?",
        ),
        ("name\nA\n", ("--text", " "), 2, "--text is empty"),
        ("text\nA\n", ("--tts", "no-such-tts {out}"), 6, "the command 'no-such-tts' of --tts is not there"),
        ("text\nA\n", ("--tts", "nobody"), 2, "no speech synthesiser is called 'nobody'"),
        ("text\n", (), 4, "the list is empty"),
    ],
)
def test_what_makes_no_sense_is_one_line_before_anything_is_made(table, options, code, told, infer, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(table)
    result = infer(path, *options)
    assert (result.returncode, result.stdout) == (code, ""), result.stderr
    assert told in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "films").exists()


# A value, and the name of its video; None: one line says why there is none.
ODD = [
    ("O'Neil", "O'Neil"),
    ('Say "Ann"', "Say -Ann"),
    ("Smith, Jr.", "Smith, Jr"),
    ("Zoë & Co; rm -rf /", "Zoë & Co; rm -rf"),
    ("$(touch pwned) `x` %n {day} {{", "$(touch pwned) `x` %n {day} {{"),
    ("👋🏽", "👋🏽"),
    ("مرحبا", "مرحبا"),
    ("\u202egnp.exe", "gnp.exe"),
    ("x" * 2000, "x" * 150),
    ("--version", "version"),
    ("../../up", "up"),
    ("/etc/passwd", "etc-passwd"),
    ("two\nlines", "two-lines"),
    ("NUL", "NUL_"),
    ("", None),
    ("  ", None),
    ("..", None),
    ("a\0b", None),
]


def test_odd_values_give_the_right_video_or_one_line(infer, tts, tmp_path):
    table, films = tmp_path / "odd.csv", tmp_path / "films"
    with open(table, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name"])
        writer.writerows([value] for value, _ in ODD)
    result = infer(table, "--text", "{name}", "--names", "{name}.mp4")
    wanted = [f"{name}.mp4" for _, name in ODD if name is not None]
    failed = [line for line in result.stderr.splitlines() if line.startswith("lipsync:")]
    assert result.returncode == 5
    assert {path.name for path in films.iterdir()} == set(wanted)
    assert len(result.stdout.splitlines()) == len(wanted)
    assert [line.split(": ", 3)[3] for line in failed[:-1]] == [
        "its name is empty, which --text asks for",
        "its name is empty, which --text asks for",
        "no name for the video is left of it",
        "name holds a NUL character; take it out",
    ]
    assert [path.name for path in tmp_path.iterdir() if path.name in ("pwned", "up.mp4")] == []
    said = "".join(f"{' ' * value.startswith('-')}{value}\n" for value, name in ODD if name is not None)
    assert "\n".join(tts.spoken()) + "\n" == said


def test_the_example_of_the_guide_does_what_the_guide_says(lipsync, tts, weights, tmp_path, monkeypatch):
    guide = (ROOT / "docs" / "guide" / "personal-messages.md").read_text("utf-8")
    blocks = re.findall(r"```(\w+)\n(.*?)```", guide, re.DOTALL)
    (table,) = [text for kind, text in blocks if kind == "csv"]
    rehearsal, making, *_ = [shlex.split(text.replace("\\\n", " ")) for kind, text in blocks if kind == "sh"]
    (tmp_path / "customers.csv").write_text(table)
    shutil.copy(ROOT / "examples" / "astronaut.jpg", tmp_path / "presenter.mp4")
    monkeypatch.chdir(tmp_path)
    own = ("--tts", tts, "--weights", weights, "--device", "cpu")
    told = lipsync(*rehearsal[1:], *own)
    assert told.returncode == 0, told.stderr
    length = re.compile(r"  \d+\.\d s  |(?<=_s: )\d+\.\d$", re.MULTILINE)
    said = "\n".join(line[4:] for line in guide.split("\n") if line.startswith("    "))
    assert length.sub("TIME", told.stdout).strip() == length.sub("TIME", said).strip()
    made = lipsync(*making[1:], *own)
    assert made.stdout.splitlines() == ["videos/O'Neil, Ann.mp4", "videos/Ben.mp4"], made.stderr
    assert made.returncode == 0
    assert (tmp_path / "videos.html").read_text().count("<img ") == 2


def test_texts_go_with_tables_only(lipsync, tmp_path):
    for options in (("a.wav", "--text", "x"), ("a.wav", "b.wav", "-o", tmp_path, "--text", "x")):
        result = lipsync("infer", "face.jpg", *options)
        assert result.returncode == 2
        assert "--text" in result.stderr
