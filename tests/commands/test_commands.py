"""What the commands share: options under their present and their former names, files of options, completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from lipsync_cli import cli
from lipsync_cli.commands.config import COMMANDS as TAKE_CONFIG
from lipsync_cli.commands.config import find_config
from lipsync_cli.commands.options.from_config import CONTEXT, resolve
from lipsync_cli.config.option import entries_of
from lipsync_cli.training.config import RECIPES

APP = typer.main.get_command(cli.app)


def run(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words], prog_name="lipsync")


def parse(*words: str) -> tuple[object, str]:
    """The configuration that a command line comes to, and what is said on stderr; the command itself is not run."""
    verb, *arguments = words
    command = APP.commands[verb]  # type: ignore[attr-defined]
    context = command.make_context(verb, arguments)
    said: list[str] = []
    config = resolve(find_config(verb), context.params | {CONTEXT: context}, said.append)
    return config, "\n".join(said)


def value_of(config: object, name: str) -> object:
    (entry,) = [entry for entry in entries_of(type(config)) if entry.name == name]
    for part in entry.path:
        config = getattr(config, part)
    return config


INFER, TRAIN = ("infer", "a.mp4", "b.wav"), ("train", "a.h5", "run")


@pytest.mark.parametrize(
    ("line", "name", "value", "says"),
    [
        (
            (*INFER, "--drive-audio", "c.wav"),
            "driving_audio",
            Path("c.wav"),
            "--drive-audio is called --driving-audio now",
        ),
        (
            ("train", "a.h5", "run", "--recipe", "wgan-ls"),
            "recipe",
            "wgan-lp",
            "--recipe wgan-ls is called --recipe wgan-lp now",
        ),
        ((*INFER, "--label"), "visible_watermark", True, "--label is called --visible-watermark now"),
        (
            (*INFER, "--occlusion", "paint"),
            "occlusion",
            "ignore",
            "--occlusion paint is called --occlusion ignore now",
        ),
    ],
)
def test_former_spellings_work_and_say_the_new_one(line: tuple[str, ...], name: str, value: object, says: str) -> None:
    config, said = parse(*line)
    assert value_of(config, name) == value
    assert said == says


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ((*INFER, "--driving-audio", "c.wav"), "driving_audio", Path("c.wav")),
        ((*INFER, "--visible-watermark"), "visible_watermark", True),
        ((*INFER, "--occlusion", "ignore"), "occlusion", "ignore"),
        ((*INFER, "--occlusion", "mine.safetensors"), "occlusion", "mine.safetensors"),
        ((*INFER, "--extend", "pingpong"), "extend", "bounce"),
        ((*INFER, "--extend", "Bounce"), "extend", "bounce"),
        ((*TRAIN, "--speaker-temperature", "2"), "speaker_temperature", 2.0),
        ((*TRAIN, "--balance-speakers", "2"), "speaker_temperature", 2.0),
        ((*TRAIN, "--lr", "0.5"), "learning_rate", 0.5),
        ((*TRAIN, "--learning-rate", "0.5"), "learning_rate", 0.5),
        ((*TRAIN, "--recipe", "L1WGAN-GP"), "recipe", "l1wgan-gp"),
        ((*TRAIN, "--precision", "BFloat16"), "precision", "bfloat16"),
        (("score", "a.h5", "--split", "VAL"), "split", "val"),
        (("detect-faces", "a", "b.h5", "--detector", "MMOD"), "detector", "mmod"),
    ],
)
def test_spellings_that_mean_the_same(line: tuple[str, ...], name: str, value: object) -> None:
    config, said = parse(*line)
    assert value_of(config, name) == value
    assert said == ""


@pytest.mark.parametrize("spelling", ["--hold-out", "--test-speaker"])
def test_a_speaker_is_held_out_under_either_name(spelling: str) -> None:
    config, said = parse("pack", "a.h5", "b.h5", "c.h5", spelling, "s2")
    assert (config.test_speaker, said) == (("s2",), "")


def test_a_recipe_that_does_not_exist_brings_the_nearest_one() -> None:
    result = run(*TRAIN, "--recipe", "l1wgangp", "-n")
    assert result.exit_code == 2
    assert result.stderr.endswith("; did you mean l1wgan-gp?\n")
    assert "lip-reader" in result.stderr


def test_the_recipes_of_the_help_are_those_that_there_are() -> None:
    from lipsync_cli.training import recipes

    assert tuple(recipes.RECIPES) == RECIPES


def test_the_defaults_of_train_are_those_of_its_recipe() -> None:
    printed = {}
    for recipe in ("lipgan", "wgan-gp"):
        printed[recipe] = json.loads(run(*TRAIN, "--recipe", recipe, "-n", "--json").stdout)
    assert [printed[recipe]["learning_rate"] for recipe in printed] == [1e-3, 1e-4]
    given = json.loads(run(*TRAIN, "--recipe", "wgan-gp", "--lr", "0.001", "-n", "--json").stdout)
    assert given["learning_rate"] == 1e-3


@pytest.mark.parametrize("verb", ["mels", "doctor"])
def test_examples_stay_on_lines_of_their_own(verb: str) -> None:
    shown = run(verb, "-h").stdout
    assert f"\n  Example:\n    lipsync {verb}" in shown
    assert "\\b" not in shown


def test_zero_is_shown_as_a_default() -> None:
    assert "[default: 0; 0<=x<=64]" in run("mels", "-h").stdout


def test_each_verb_says_of_itself_what_lipsync_says_of_it() -> None:
    for verb, summary in cli.COMMANDS.items():
        assert APP.commands[verb].help.split("\n\n")[0] == summary  # type: ignore[attr-defined]


@pytest.mark.parametrize("verb", TAKE_CONFIG)
def test_config_writes_a_file_that_the_command_takes(verb: str, tmp_path: Path) -> None:
    written = run("config", verb)
    assert written.exit_code == 0
    assert written.stderr == ""
    (tmp_path / "mine.toml").write_text(written.stdout)
    arguments = {"infer": ["a.mp4", "b.wav"], "score": ["a.h5"], "pack": ["a", "b", "c"]}.get(verb, ["a", "b"])
    with_file, said = parse(verb, *arguments, "--config", str(tmp_path / "mine.toml"))
    assert (with_file, said) == parse(verb, *arguments)
    assert run("config", verb.upper()).stdout == written.stdout
    assert json.loads(run("config", verb, "--json").stdout)


def test_config_of_another_command_is_refused() -> None:
    result = run("config", "infr")
    assert result.exit_code == 2
    assert result.stderr.endswith(
        "use infer, animate, live, train, score, extract-frames, detect-faces, mels, pack, curves, say or export; "
        "did you mean infer?\n"
    )


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("lipsync in", ["infer", "info"]),
        ("lipsync infer --driv", ["--driving-audio"]),
        ("lipsync infer a.mp4 b.wav --extend b", ["bounce"]),
        ("lipsync train a.h5 run --recipe wgan", ["wgan-gp", "wgan-lp", "wgan-div"]),
        ("lipsync config d", ["detect-faces"]),
    ],
)
def test_the_shell_completes_commands_options_and_words(typed: str, offered: list[str]) -> None:
    asked = {"_LIPSYNC_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    result = subprocess.run(
        [sys.executable, "-m", "lipsync_cli"], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert result.stdout.split() == offered, result.stderr


def test_completion_is_installed_for_the_shell_that_is_named(tmp_path: Path) -> None:
    home = {**os.environ, "HOME": str(tmp_path)}
    result = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m lipsync_cli --install-completion; exit $?"],
        env=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    scripts = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("_LIPSYNC_COMPLETE=complete_bash" in path.read_text() for path in scripts)
