"""Figures by head angle."""

from __future__ import annotations

import json

import numpy as np

from lipsync_cli.metrics.face.head_angle import FAMILIES
from lipsync_cli.metrics.image.reconstruction import FAMILIES as RECONSTRUCTION
from lipsync_cli.scoring.report.text_table import make_records, make_summary, make_table
from lipsync_cli.scoring.results.head_angles import describe_by_angle
from lipsync_cli.scoring.results.records import make_results
from lipsync_cli.scoring.results.scores import Scores, Series


def make_scores(**rows: dict[str, Series]) -> Scores:
    return Scores([*RECONSTRUCTION[0].metrics, *FAMILIES[0].metrics], rows, ["a", "b"], ["", ""])


def series(values: list[float], clip: list[int], frame: list[int]) -> Series:
    return Series(np.array(values), np.array(clip), np.array(frame))


ANGLE = {"head_angle": series([2, 15, 40, 12], [0, 0, 0, 1], [0, 1, 2, 0])}
OUTPUT = {"mouth_psnr": series([30, 20, 10, 24], [0, 0, 0, 1], [0, 1, 2, 0])}


def test_frames_are_grouped_by_the_head_of_the_ground_truth() -> None:
    own = {"head_angle": series([0, 0, 0, 0], [0, 0, 0, 1], [0, 1, 2, 0])}
    found = describe_by_angle(make_scores(output=OUTPUT | own, ground_truth=ANGLE))
    means = {name: rows["output"]["mouth_psnr"].mean for name, rows in found.items()}
    assert means == {"0-10": 30, "10-20": 22, "35+": 10}
    assert found["10-20"]["output"]["mouth_psnr"].clips == 2


def test_without_a_reference_the_videos_own_head_counts() -> None:
    found = describe_by_angle(make_scores(output=OUTPUT | ANGLE))
    assert found["35+"]["output"]["mouth_psnr"].frames == 1


def test_frames_without_an_angle_are_left_out() -> None:
    angle = {"head_angle": series([2], [0], [0])}
    found = describe_by_angle(make_scores(output=OUTPUT | angle))
    assert [rows["output"]["mouth_psnr"].frames for rows in found.values()] == [1]


def test_nothing_is_grouped_where_no_head_angle_was_measured() -> None:
    scores = make_scores(output=OUTPUT)
    assert describe_by_angle(scores) == {}
    assert "head_angles" not in make_summary(scores)
    assert "by head angle" not in make_table(scores, "x")


def test_table_and_records_have_the_groups_and_are_read_back() -> None:
    scores = make_scores(output=OUTPUT | ANGLE)
    lines = make_table(scores, "x").splitlines()
    place = lines.index("output by head angle, degrees: mean (frames)")
    assert lines[place + 1].split() == ["0-10", "10-20", "35+"]
    assert lines[place + 2].split()[-6:] == ["30.00", "(1)", "22.00", "(2)", "10.00", "(1)"]
    records = json.loads(json.dumps(make_records(scores)))
    of_angle = [record for record in records if record["kind"] == "head_angle"]
    assert [(record["angle"], record["mean"]) for record in of_angle] == [("0-10", 30), ("10-20", 22), ("35+", 10)]
    assert make_summary(scores)["head_angles"]["35+"]["output"]["mouth_psnr"]["mean"] == 10
    assert make_results(records, "x").figures["output"]["mouth_psnr"]["", "a"].values.tolist() == [30, 20, 10]
