"""Ratings from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lipsync_cli import cli


def command(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    for condition, clips in {"real": "ab", "mine": "a"}.items():
        (tmp_path / "pairs" / condition).mkdir(parents=True)
        for clip in clips:
            (tmp_path / "pairs" / condition / f"{clip}.mp4").write_bytes(f"{condition} {clip}".encode())
    return tmp_path / "pairs"


def test_the_page_lies_beside_the_folder_and_gaps_are_said(pairs: Path) -> None:
    planned = json.loads(command("score", "--rate", pairs, "--dry-run", "--json").stdout)
    page, key = pairs.parent / "pairs.html", pairs.parent / "pairs.key.csv"
    assert planned == {"output": str(page), "key": str(key), "videos": 3, "conditions": ["mine", "real"]}
    result = command("score", "--rate", f"{pairs}/")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip() == str(page)
    assert "keep it from the raters" in result.stderr
    assert "mine lacks 1 of 2 clips" in result.stderr
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert sorted(line.split(",", 1)[1] for line in key.read_text().splitlines()[1:]) == ["mine,a", "real,a", "real,b"]
    page.unlink()  # the key of ratings that were given is not replaced, either
    again = command("score", "--rate", pairs)
    assert again.exit_code == 3
    assert "exists" in again.stderr


def test_ratings_are_a_table_or_json(tmp_path: Path) -> None:
    for rater, values in {"ann": "45", "bob": "34"}.items():
        rows = "".join(f"{rater},mine,clip{place},{value}\n" for place, value in enumerate(values))
        (tmp_path / f"{rater}.csv").write_text("rater,condition,clip,rating\n" + rows)
    files = sorted(tmp_path.glob("*.csv"))
    result = command("score", "--ratings", *files)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[1].split()[:2] == ["mine", "4.00"]
    found = json.loads(command("score", "--ratings", *files, "--json").stdout)
    assert found["opinions"][0]["ratings"] == 4
    assert found["agreement"] == pytest.approx(0, abs=0.5)


def test_ratings_of_a_page_need_its_key(tmp_path: Path) -> None:
    (tmp_path / "ann.csv").write_text("rater,place,item,rating\nann,1,0a,4\n")
    alone = command("score", "--ratings", tmp_path / "ann.csv")
    assert alone.exit_code == 3
    assert "which video 0a is" in alone.stderr
    assert "add the .key.csv" in alone.stderr
    (tmp_path / "pairs.key.csv").write_text("item,condition,clip\n0a,mine,swwi8n\n")
    result = command("score", "--ratings", *tmp_path.glob("*.csv"), "--json")
    assert json.loads(result.stdout)["opinions"][0]["condition"] == "mine"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--rate", "--ratings"), "--rate makes a page, and --ratings reads"),
        (("--rate", "--table", "csv"), "leave out --table"),
        (("--rate", "-o", "page.txt"), "ends in .html"),
        (("--ratings", "-o", "x.html"), "prints, and writes no file"),
        (("--rate", "other"), "one folder"),
    ],
)
def test_options_that_do_not_fit_are_refused(words: tuple[str, ...], says: str, pairs: Path) -> None:
    result = command("score", *words, pairs)
    assert result.exit_code == 2
    assert says in result.stderr
