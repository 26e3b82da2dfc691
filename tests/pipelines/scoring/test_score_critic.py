"""`score --critic`: what pairs come to, in numbers, in words and as errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fixtures.quick_training import train
from typer.testing import CliRunner, Result

from lipsync_cli import cli
from lipsync_cli.config.build import make
from lipsync_cli.errors import UsageError
from lipsync_cli.metrics.sync_embeddings import OTHER, RIGHT, SHIFTED, Pairs, evaluate_pairs
from lipsync_cli.pipelines.configs.score import ScoreConfig
from lipsync_cli.pipelines.scoring.score_critic import CriticScore, compute_shares, plan
from lipsync_cli.training.evaluators.sync_judgement import PairVerdicts
from lipsync_cli.training.recipe_config import make_config


def command(*words: object) -> Result:
    return CliRunner().invoke(cli.app, [str(word) for word in words])


def verdicts(distance: list[float], kind: list[int], clip: list[int], limit: float = 1.0) -> PairVerdicts:
    of = np.array(kind)
    return PairVerdicts(Pairs(of, of, of), np.array(distance), limit, True, np.array(clip), "lipgan", 5)


def test_shares_are_those_of_the_pairs_and_their_intervals_hold_them() -> None:
    rng = np.random.default_rng(0)
    kind = np.resize([RIGHT, SHIFTED, RIGHT, OTHER], 400)
    found = verdicts(
        (rng.random(400) + 0.7 * (kind != RIGHT)).tolist(), kind.tolist(), rng.integers(0, 20, 400).tolist()
    )
    shares = compute_shares(found)
    expected = evaluate_pairs(found.pairs, found.distance, 1.0)
    assert {name: share.value for name, share in shares.items()} == pytest.approx(expected, abs=1.1e-4)  # rounded
    for share in shares.values():
        assert share.low is not None
        assert share.high is not None
        assert share.low <= share.value <= share.high


def test_the_interval_is_of_clips_and_not_of_pairs() -> None:
    kind = [RIGHT, SHIFTED] * 50
    right, wrong = [0.5, 1.5] * 25, [1.5, 0.5] * 25  # one clip of which all is right, one of which nothing is
    shares = compute_shares(verdicts(right + wrong, kind, [0] * 50 + [1] * 50))
    accuracy = shares["pair_accuracy"]
    assert (accuracy.value, accuracy.low, accuracy.high) == (0.5, 0.0, 1.0)
    alone = compute_shares(verdicts([0.5, 1.5], [RIGHT, SHIFTED], [3, 3]))["pair_accuracy"]
    assert (alone.value, alone.low, alone.high) == (1.0, None, None)


def test_kinds_of_pairs_that_there_are_none_of_are_left_out() -> None:
    shares = compute_shares(verdicts([0.5, 1.5], [RIGHT, SHIFTED], [0, 1]))
    assert set(shares) == {"pair_accuracy", "right_accepted", "shifted_refused", "shifted_ranked"}


@pytest.mark.parametrize(("wrong", "doubts"), [(1.5, False), (0.5, True)])
def test_the_text_says_where_the_interval_holds_chance(wrong: float, doubts: bool) -> None:
    shares = compute_shares(verdicts([0.5, wrong] * 4, [RIGHT, SHIFTED] * 4, [0, 0, 1, 1, 2, 2, 3, 3]))
    about = {"run": "r", "recipe": "lipgan", "samples": 5, "pack": "p", "split": "test", "pairs": 8, "clips": 4}
    text = CriticScore({**about, "limit_is": "nearer than the limit of its loss"}, shares).to_text()
    assert ("holds chance" in text) == doubts
    line = next(line for line in text.splitlines() if line.startswith("pairs classified correctly"))
    assert line.split()[3:] == (["50.0", "%", "50.0", "..", "50.0", "%", "50", "%"] if doubts else
                                ["100.0", "%", "100.0", "..", "100.0", "%", "50", "%"])  # fmt: skip


def test_a_run_is_measured_and_told_in_text_and_json(small_pack: Path, tmp_path: Path) -> None:
    tiny = {"generator": "compact", "dims": {"channels": [16, 16, 16, 16], "audio_dim": 16}, "critic_width": 4}
    train(small_pack, tmp_path / "run", make_config("lipgan", **tiny, batch_size=2, max_samples=2))
    words = ("score", small_pack, "--critic", tmp_path / "run", "--split", "train", "-q")
    text = command(*words)
    assert text.exit_code == 0, text.stderr
    assert text.stderr == ""
    assert text.stdout.splitlines()[0].endswith("run (lipgan, 2 samples)")
    found = json.loads(command(*words, "--json").stdout)
    assert (found["recipe"], found["samples"], found["pairs"], found["limit"]) == ("lipgan", 2, 1000, 1.0)
    accuracy = found["figures"]["pair_accuracy"]
    assert accuracy["low"] <= accuracy["share"] <= accuracy["high"]
    assert accuracy["chance"] == 0.5
    assert f"{100 * accuracy['share']:.1f} %" in text.stdout
    nowhere = command("score", small_pack, "--critic", tmp_path / "none")
    assert nowhere.exit_code == 3
    assert nowhere.stderr.count("\n") == 1
    assert "holds no run with a discriminator" in nowhere.stderr


@pytest.mark.parametrize("option", ["weights", "reference", "output", "report"])
def test_options_for_faces_are_refused(option: str, small_pack: Path, tmp_path: Path) -> None:
    config = make(ScoreConfig, sources=[str(small_pack)], critic=str(tmp_path), **{option: str(tmp_path / "x.html")})
    with pytest.raises(UsageError, match="measures a discriminator") as caught:
        plan(config)
    assert caught.value.hint == f"leave out --{option}"


def test_what_is_no_pack_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    for source in (tmp_path / "a.jsonl", tmp_path):
        with pytest.raises(UsageError, match="--critic needs one pack"):
            plan(make(ScoreConfig, sources=[str(source)], critic=str(tmp_path)))
