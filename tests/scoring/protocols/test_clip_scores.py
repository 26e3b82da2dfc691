"""What becomes of a metric's answer: figures, nulls with their reasons, sets; and that finished clips survive."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.metrics.clip_view import ClipView
from lipsync_cli.metrics.metric import CLIP, FRAME, HIGHER, SET, Metric, MetricGroup
from lipsync_cli.metrics.networks import MetricNetworks
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.scoring.protocols.clip_scores import ClipScores, concerns
from lipsync_cli.scoring.report.text_table import make_lines, make_records, make_summary, make_table
from lipsync_cli.scoring.results.aggregate import collect
from lipsync_cli.scoring.results.checkpoint import open_checkpoint


def metric(name: str, per: str) -> Metric:
    return Metric(name, f"the {name}", "reconstruction", per, HIGHER, "made up", "nobody")


def measure(evidence: ClipView) -> dict[str, object]:
    bright = evidence.crops.mean((1, 2, 3))
    bright[0] = np.nan
    loudest = evidence.mel.max() if evidence.clip != "b" else MetricUnavailableError("clip b is odd")
    return {"bright": bright, "loudest": float(loudest) if evidence.clip != "b" else loudest, "undefined": float("nan")}


def refuse(evidence: ClipView) -> dict[str, object]:
    raise NothingToDoError(f"{evidence.row} is too short")


def spread(evidence: ClipView) -> dict[str, np.ndarray]:
    return {"spread": evidence.crops.reshape(len(evidence), -1)[:, :2].astype(np.float32)}


def compare(drawn: list[np.ndarray], real: list[np.ndarray]) -> float:
    return float(np.concatenate(drawn).mean() - np.concatenate(real).mean())


FAMILIES = [
    MetricGroup((metric("bright", FRAME), metric("loudest", CLIP), metric("undefined", CLIP)), measure),
    MetricGroup((metric("short", CLIP),), refuse),
    MetricGroup((metric("spread", SET),), spread, combine=compare),
]


def evidence(clip: str, row: str, level: int, truth: ClipView | None = None, mel: bool = True) -> ClipView:
    made = ClipView(
        row=row,
        clip=clip,
        speaker="ann" if clip == "a" else "bob",
        crops=np.full((4, 12, 12, 3), level, np.uint8),
        frame=np.arange(3, 7),
        middles=(np.arange(3, 7) + 0.5) / 25,
        fps=25.0,
        rule=CropRule(size=12),
        tools=MetricNetworks(),
        truth_or_none=truth,
        mel_or_none=np.full((80, 80), level / 100, np.float32) if mel else None,
    )
    return made


@pytest.fixture
def clip_scores() -> list[ClipScores]:
    clips = []
    for clip, level in (("a", 10), ("b", 40)):
        one = ClipScores(clip, "ann" if clip == "a" else "bob")
        one.add([evidence(clip, "model", level), evidence(clip, "ground_truth", level + 1)], FAMILIES)
        clips.append(one)
    return clips


def test_frames_clips_and_sets_come_together(clip_scores: list[ClipScores]) -> None:
    scores = collect(clip_scores, FAMILIES, (("model", "ground_truth"),), {}, [])
    bright = scores.rows["model"]["bright"]
    assert bright.values.tolist() == [10] * 3 + [40] * 3
    assert bright.frame.tolist() == [4, 5, 6] * 2
    assert scores.rows["model"]["loudest"].values == pytest.approx([0.1])
    overall = scores.summary()["all"]
    assert overall["model - ground_truth"]["bright"].mean == -1
    assert (overall["model"]["spread"].mean, overall["ground_truth"]["spread"].mean) == (-1, 0)
    assert scores.summary()["bob"]["model"]["spread"].mean == -1
    assert overall["model"]["spread"].low is None
    assert overall["model"]["bright"].low is not None


def test_what_cannot_be_computed_is_null_with_its_reason_never_zero(clip_scores: list[ClipScores]) -> None:
    scores = collect(clip_scores, FAMILIES, (), {}, [])
    assert scores.missing["model", "loudest"] == {"clip b is odd": [1]}
    assert scores.missing["model", "short"] == {"model is too short": [0, 1]}
    assert scores.missing["model", "undefined"] == {"is not a finite number": [0, 1]}
    records = [json.loads(line) for line in make_lines(make_records(scores)).splitlines()]
    (short,) = (r for r in records if r["kind"] == "summary" and r["metric"] == "short" and r["row"] == "model")
    assert short["mean"] is None
    assert short["reason"] == "model is too short"
    of_b = next(r for r in records if r["kind"] == "clip" and r["clip"] == "b" and r["row"] == "model")
    assert of_b["loudest"] is None
    assert of_b["reasons"]["loudest"] == "clip b is odd"
    summary = make_summary(scores)
    assert summary["groups"]["all"]["model"]["short"] is None
    assert summary["reasons"]["model"]["undefined"] == "is not a finite number"
    table = make_table(scores, "x")
    assert "null in 1 of 2 clips, model, ground truth: loudest: clip b is odd" in table
    assert next(line for line in table.splitlines() if line.startswith("The short")).split()[-2:] == ["null", "null"]


def test_evidence_says_itself_what_is_not_there() -> None:
    alone = evidence("a", "output", 10, mel=False)
    for name, reason in (
        ("real", "no reference"),
        ("mel", "no sound"),
        ("samples", "no sound"),
        ("source", "no picture of the person"),
        ("sync", "no sound"),
    ):
        with pytest.raises(MetricUnavailableError, match=reason):
            getattr(alone, name)
    with pytest.raises(MetricUnavailableError, match="only the mels"):
        _ = evidence("a", "model", 10).samples
    clip_scores = ClipScores("a", "ann")
    clip_scores.add([alone], FAMILIES[:1])
    assert clip_scores.reasons["output", "bright"] == "no sound"


def test_rows_concern_the_metrics_that_they_are_made_for() -> None:
    of_frames, of_clips = MetricGroup(()), MetricGroup((), is_continuous=True)
    hears = MetricGroup((), is_continuous=True, hears=True)
    for row, who in (
        ("copy", [of_frames]),
        ("frozen", [of_clips, hears]),
        ("other_sound", [hears]),
        ("model", [of_frames, of_clips, hears]),
    ):
        assert [family for family in (of_frames, of_clips, hears) if concerns(family, row)] == who


def test_finished_clips_survive_a_kill_and_go_with_the_end(clip_scores: list[ClipScores], tmp_path: Path) -> None:
    output = tmp_path / "scores.jsonl"
    with pytest.raises(RuntimeError), open_checkpoint(output, ["key"]) as kept:
        kept.put("a", clip_scores[0])
        raise RuntimeError("killed")
    with pytest.raises(RuntimeError), open_checkpoint(output, ["another key"]) as kept:
        assert kept.get("a") is None
        raise RuntimeError("killed")
    with open_checkpoint(output, ["key"]) as kept:
        found = kept.get("a")
        assert kept.get("b") is None
    assert found is not None
    assert found.reasons == clip_scores[0].reasons
    assert found.clips == clip_scores[0].clips
    for key, (numbers, values) in clip_scores[0].frames.items():
        np.testing.assert_array_equal(found.frames[key], (numbers, values))
    for key, features in clip_scores[0].features.items():
        np.testing.assert_array_equal(found.features[key], features)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", ["[" * 100_000, '{"clip": "a"}', '{"clip": 3}', "3", "{", '{"clip": "\\ud800"}'])
def test_kept_figures_that_are_odd_are_made_again(kept: str, tmp_path: Path) -> None:
    with open_checkpoint(tmp_path / "scores", "key") as checkpoint:
        checkpoint.put("a", ClipScores("a", "ann"))
        assert checkpoint.get("a") == ClipScores("a", "ann")
        (part,) = (tmp_path / ".scores.parts").iterdir()
        np.savez(part, plain=np.array(kept))
        assert checkpoint.get("a") is None
