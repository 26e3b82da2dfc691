"""Text to speech: what the synthesiser is given, and what is said when there is none."""

from __future__ import annotations

import sys

import pytest
import soundfile
from typer.testing import CliRunner

from lipsync_cli import cli
from lipsync_cli.speech.synthesisers import espeak_library

ENGINE = f"""#!{sys.executable}
import json, sys, wave
text = sys.stdin.read()
flag = "-w" if "-w" in sys.argv else "--output_file"
path = sys.argv[sys.argv.index(flag) + 1]
if "nobody" in sys.argv:
    sys.exit("Error: the specified espeak-ng voice does not exist.")
with wave.open(path, "wb") as file:
    file.setnchannels(1), file.setsampwidth(2), file.setframerate(22050)
    file.writeframes(b"\\1\\2" * 100 * len(text.strip()))
open(__file__ + ".json", "w").write(json.dumps([sys.argv[1:], text]))
"""


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A folder that is all of PATH."""
    folder = tmp_path / "tools"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setitem(sys.modules, espeak_library.PACKAGE, None)
    return folder


def install(folder, name):
    program = folder / name
    program.write_text(ENGINE)
    program.chmod(0o755)
    return lambda: __import__("json").loads((folder / f"{name}.json").read_text())


def run(*arguments, **options):
    return CliRunner().invoke(cli.app, ["say", *map(str, arguments)], **options)


def test_text_goes_in_by_stdin_whatever_it_holds(tools, tmp_path):
    told, speech = install(tools, "espeak-ng"), tmp_path / "a b.wav"
    text = "-w /etc/x; $(touch y) 'Grüße'\n"
    result = run("--voice", "en-gb", "--", text, speech)
    assert (result.exit_code, result.stdout.strip()) == (0, str(speech)), result.stderr
    arguments, heard = told()
    assert heard == text
    assert arguments[:2] == ["-v", "en-gb"]
    assert soundfile.info(speech).frames == 100 * len(text.strip())
    assert run(text, speech).exit_code != 0  # exists
    assert run("-", speech, "--force", input="from stdin").exit_code == 0
    assert told()[1] == "from stdin"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a b.wav", "tools"]


def test_piper_where_it_is_present(tools, tmp_path):
    told, speech = install(tools, "piper"), tmp_path / "a.wav"
    assert run("two\nlines", speech).exit_code == 2  # it needs a voice
    assert run("two\nlines", speech, "--voice", "ada.onnx").exit_code == 0
    arguments, heard = told()
    assert arguments[:2] == ["--model", "ada.onnx"]
    assert heard == "two lines"


def test_failures(tools, tmp_path):
    speech = tmp_path / "a.wav"
    none = run("hello", speech)
    assert none.exit_code == 6
    assert "pip install espeakng-loader" in none.stderr
    install(tools, "espeak-ng")
    assert run("hello", speech, "--engine", "piper").exit_code == 6
    refused = run("hello", speech, "--voice", "nobody")
    assert refused.exit_code == 3
    assert "voice does not exist" in refused.stderr
    assert run(" ", speech).exit_code == 4
    assert run("hello", tmp_path / "a.mp3").exit_code == 2
    assert not speech.exists()
    assert len(list(tmp_path.iterdir())) == 1


def test_text_in_another_encoding_is_told_by_its_line(tools, tmp_path):
    install(tools, "espeak-ng")
    refused = run("-", tmp_path / "a.wav", input=b"Good morning,\nZo\xeb.\n")
    assert refused.exit_code == 3
    assert refused.stderr.startswith("lipsync: standard input: line 2: its encoding is not UTF-8")
    assert not (tmp_path / "a.wav").exists()


def test_a_synthesiser_whose_file_may_not_grow_is_a_full_disk(tools, tmp_path):
    tools.joinpath("tts").write_text("#!/bin/sh\nkill -s XFSZ $$\n")
    tools.joinpath("tts").chmod(0o755)
    ended = run("hello", tmp_path / "a.wav", "--tts", "tts {out}")
    assert ended.exit_code == 3
    assert ended.stderr.endswith("a.wav: cannot be written (File too large); make room and run it again\n")
    assert [path.name for path in tmp_path.iterdir()] == ["tools"]


@pytest.mark.parametrize("ends", ["in words of its own", "without a word", "with its file removed"])
def test_a_disk_that_a_command_fills_is_told_with_the_output(ends, tools, tmp_path, at_most):
    """Whatever the program says of it, and under whatever name."""
    told = {"in words of its own": "voll: $1", "without a word": "", "with its file removed": "$1: File too large"}
    words = told[ends]
    script = f"head -c 9000 /dev/zero > $1; {'rm $1;' if 'removed' in ends else ''} echo '{words}' >&2; "
    tools.joinpath("tts").write_text(
        f"#!/bin/sh\nPATH=/bin:/usr/bin; {script} exit {0 if ends == 'without a word' else 1}\n"
    )
    tools.joinpath("tts").chmod(0o755)
    with at_most(5000):
        ended = run("hello", tmp_path / "a.wav", "--tts", "tts {out}")
    assert ended.exit_code == 3
    assert ended.stderr.endswith("a.wav: cannot be written (File too large); make room and run it again\n")
    assert [path.name for path in tmp_path.iterdir()] == ["tools"]


def test_a_command_that_fails_is_told_without_the_temporary_name(tools, tmp_path):
    tools.joinpath("tts").write_text('#!/bin/sh\necho "no letters for $1" >&2; exit 1\n')
    tools.joinpath("tts").chmod(0o755)
    ended = run("hello", tmp_path / "a.wav", "--tts", "tts {out}")
    assert (ended.exit_code, ended.stderr) == (3, "lipsync: tts cannot say this (no letters for the file)\n")
