"""Nothing that is printed acts on the terminal, and JSON stays JSON."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import time
import unicodedata
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lipsync_cli import cli
from lipsync_cli.commands.output.progress import Progress
from lipsync_cli.commands.output.terminal import print_json, print_json_text, print_line, print_text
from lipsync_cli.errors import InputError

PACKAGE = Path(cli.__file__).parent
# OSC 52 (clipboard), CSI (colour, clear), C1 CSI, a line break, the right-to-left override and isolates, DEL
EVIL = "a\x1b]52;c;AAAA\x07\x1b[2J\x9b31m\r\nok\u202egpj.exe\u2066\u2028\x7f\udcff"


def is_harmless(text: str, layout: str = "\n") -> bool:
    return all(
        letter in layout or unicodedata.category(letter) not in ("Cc", "Cf", "Zl", "Zp", "Cs") for letter in text
    )


def test_a_line_is_one_line_and_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    for error in (False, True):
        print_line(EVIL, error)
    output, errors = capsys.readouterr()
    assert output == errors
    assert is_harmless(output)
    assert output.count("\n") == 1
    assert "\\x1b" in output


def test_a_text_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_text(f"one\n\ttwo {EVIL}")
    output = capsys.readouterr().out
    assert output.startswith("one\n\ttwo ")
    assert is_harmless(output, "\n\t")


def test_what_is_no_control_stays(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("Zoë 😀 日本語 עברית \\x1b %s {}")
    assert capsys.readouterr().out == "Zoë 😀 日本語 עברית \\x1b %s {}\n"


@pytest.mark.parametrize("encoding", ["ascii", "iso8859-1", "utf-8"])
def test_json_stays_json_in_every_locale(encoding: str) -> None:
    output = io.TextIOWrapper(io.BytesIO(), encoding)
    with contextlib.redirect_stdout(output):
        print_json({"path": "ünï 😀.mp4"}, as_ascii=False)
    output.seek(0)
    assert json.load(output) == {"path": "ünï 😀.mp4"}


@pytest.mark.parametrize("as_ascii", [True, False])
@pytest.mark.parametrize("indent", [None, 2])
def test_json_is_harmless_and_means_the_same(
    as_ascii: bool, indent: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    print_json({EVIL: [EVIL, 1.5], "none": float("nan")}, indent, as_ascii)
    output = capsys.readouterr().out
    assert is_harmless(output)
    assert json.loads(output) == {EVIL: [EVIL, 1.5], "none": None}


def test_json_lines_stay_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_json_text(2 * (json.dumps({"clip": EVIL}, ensure_ascii=False) + "\n"))
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [{"clip": EVIL}] * 2


def test_progress_and_its_notes_are_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(verbose=True) as progress:
        progress.note(f"{EVIL}: is kept")
        progress.detail(EVIL)
        progress.failure(InputError(f"cannot be read ({EVIL})", EVIL, EVIL))
    assert is_harmless(capsys.readouterr().err)


def test_without_a_terminal_lines_come_though_nothing_new_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    seen, deadline = "", time.monotonic() + 60
    with Progress(line_every_s=0.01) as progress:
        progress.update(0, 3, "detect-faces")
        while seen.count("\n") < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
            seen += capsys.readouterr().err
    assert set(seen.splitlines()) == {"detect-faces: 0 of 3, 0 s"}


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("error", [OSError(5, EVIL, EVIL), InputError(EVIL, EVIL), RuntimeError(EVIL)])
def test_errors_are_harmless(error: Exception, verbose: bool, capsys: pytest.CaptureFixture[str]) -> None:
    cli.tell(error, verbose)
    assert is_harmless(capsys.readouterr().err)


@pytest.mark.parametrize(
    "line", [["--\x1b[31m"], ["\x1b[31m"], ["info", "--\u202e"], ["infer", "a", "--crf", "\x9b1m"]]
)
def test_words_of_the_command_line_that_are_wrong_are_harmless(line: list[str]) -> None:
    result = CliRunner().invoke(cli.app, line)
    assert result.exit_code == 2
    assert is_harmless(result.output)


def test_results_are_harmless(tmp_path: Path, example_voice: Path) -> None:
    name = tmp_path / "v\x1b[31m\u202e.flac"
    name.symlink_to(example_voice)
    for line in (["info", str(name)], ["info", "--json", str(name)]):
        result = CliRunner().invoke(cli.app, line)
        assert result.exit_code == 0, result.stderr
        assert is_harmless(result.stdout)
        assert json.loads(result.stdout)


def test_one_file_prints() -> None:
    """All others go through it, but for a program of its own."""
    breaches = []
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if file.stem != "espeak_library" else ():
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called in ("print", "typer.echo", "typer.secho", "sys.stdout.write", "sys.stderr.write"):
                breaches.append(f"{file.relative_to(PACKAGE)}:{called}")
    assert not breaches
