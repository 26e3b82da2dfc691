"""The model that weighs traces: what it adds up, and which files it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.provenance.face_traces import NAMES
from lipsync_cli.provenance.trace_model import PATH, TraceModel, load_model, name_traces


def test_a_score_is_a_weighted_sum_in_which_no_trace_counts_without_limit() -> None:
    model = TraceModel({"a": 1.0, "b": 0.0}, {"a": 0.5, "b": 1.0}, {"a": 2.0, "b": -1.0}, -3.0, 0.0)
    assert model.score({"a": 2.0, "b": 0.5}) == pytest.approx(-3 + 2 * 2 - 0.5)
    assert model.score({"a": 100.0, "b": 0.0}) == pytest.approx(-3 + 2 * 4)
    with pytest.raises(KeyError):
        model.score({"a": 1.0})


def test_the_packaged_model_weighs_every_trace_and_finds_real_clips_innocent_on_average() -> None:
    model = load_model()
    assert set(model.weights) == set(NAMES)
    assert min(model.scale.values()) > 0
    assert model.score(model.centre) == pytest.approx(model.bias)
    assert model.bias < model.threshold


def test_traces_have_their_names() -> None:
    assert name_traces(np.arange(len(NAMES)))[NAMES[2]] == 2.0


@pytest.mark.parametrize(
    ("part", "value"), [("weights", {"no such trace": 1.0}), ("bias", "much"), ("centre", [1.0]), ("scale", {})]
)
def test_a_model_of_other_traces_is_refused(part: str, value: object, tmp_path: Path) -> None:
    record = json.loads(PATH.read_text()) | {part: value}
    (tmp_path / "model.json").write_text(json.dumps(record))
    with pytest.raises(InputError):
        load_model(tmp_path / "model.json")
