"""Tables, JSON Lines and pictures of scores."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from fixtures.fakes import Listener, MemoryPack
from matplotlib.image import imread

from lipsync_cli.errors import InputError
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.scoring.protocols.pack_protocol import score_pack
from lipsync_cli.scoring.report.result_folder import (
    JOURNAL,
    RESULTS,
    STAGING,
    check_folder,
    replace_files,
    write_folder,
)
from lipsync_cli.scoring.report.sample_sheet import Sheet, draw_sheet
from lipsync_cli.scoring.report.text_table import make_lines, make_records, make_summary, make_table
from lipsync_cli.scoring.results.scores import Scores


@pytest.fixture(scope="module")
def scored(memory_pack: MemoryPack) -> tuple[Scores, Sheet]:
    scores, draw = score_pack(
        memory_pack, Listener(), max_frames=60, families=find_metric_groups(["mouth_psnr", "mouth_ssim", "crop_psnr"])
    )
    return scores, draw_sheet(memory_pack, Listener(), "test", draw)


def test_records_say_what_was_compared_then_the_summary_then_each_clip(scored: tuple[Scores, Sheet]) -> None:
    records = [json.loads(line) for line in make_lines(make_records(scored[0])).splitlines()]
    kinds = [record["kind"] for record in records]
    groups, names, metrics = 3, 6, 3
    assert kinds == ["protocol"] + ["summary"] * (groups * names * metrics) + ["clip"] * (3 * 4) + ["frames"] * (3 * 4)
    assert records[0]["split"] == "test"
    assert records[0]["fingerprint"] == "0" * 64
    assert list(records[0]["metrics"]) == ["mouth_psnr", "mouth_ssim", "crop_psnr"]
    assert records[0]["metrics"]["mouth_ssim"]["direction"] == "higher"
    model = next(record for record in records if record.get("row") == "model" and record["metric"] == "crop_psnr")
    assert model["frames"] == 60
    assert model["clips"] == 3
    assert model["min"] <= model["low"] <= model["mean"] <= model["high"] <= model["max"]


def test_summary_is_one_object_for_programs(scored: tuple[Scores, Sheet]) -> None:
    summary = json.loads(json.dumps(make_summary(scored[0]), allow_nan=False))
    assert list(summary["groups"]) == ["all", "s1", "s2"]
    assert summary["groups"]["s1"]["ground_truth"]["mouth_psnr"]["mean"] == 100
    assert summary["groups"]["all"]["model - wrong_audio"]["mouth_psnr"]["mean"] > 10


def test_table_has_the_columns_of_the_thesis_every_row_and_every_speaker(scored: tuple[Scores, Sheet]) -> None:
    table = make_table(scored[0], "weights x on pack y")
    lines = table.splitlines()
    assert lines[:2] == ["weights x on pack y", "60 frames of 3 clips"]
    head = lines.index("PSNR of the mouth (dB); better: higher") + 1
    assert lines[head].split() == ["mean", "95", "%", "interval", "median", "max", "min"]
    assert lines[3].split() == ["means", "better", "model", "copy", "mismatched", "audio", "ground", "truth"]
    assert lines[4].endswith("100.00")
    rows = ("model", "copy", "mismatched audio", "ground truth", "model - copy", "model - mismatched audio")
    assert [line[2:27].strip() for line in lines[head + 1 : head + 7]] == list(rows)
    assert lines[head + 5].split()[3].startswith("+")
    assert any(line.startswith("s2") for line in lines)
    assert max(map(len, lines)) <= 140


def test_folder_holds_figures_table_and_pictures(scored: tuple[Scores, Sheet], tmp_path: Path) -> None:
    scores, sheet = scored
    files = write_folder(tmp_path / "scores", scores, make_table(scores, "x"), "x", sheet)
    assert [file.name for file in files] == ["scores.jsonl", "table.txt", "boxes.png", "samples.png"]
    assert sorted(tmp_path.joinpath("scores").iterdir()) == sorted(files)
    picture = imread(files[3])
    real = np.kron(sheet.columns["real"][0], np.ones((2, 2, 1), np.uint8))
    row, column = 52, 130 + 192 + 6
    shown = np.round(picture[row : row + 192, column : column + 192, :3] * 255).astype(np.uint8)
    np.testing.assert_array_equal(shown, real)
    assert imread(files[2]).shape[1] > 600


def test_results_that_exist_are_kept_without_force(scored: tuple[Scores, Sheet], tmp_path: Path) -> None:
    scores, _ = scored
    (tmp_path / "scores.jsonl").write_text("mine")
    with pytest.raises(InputError, match="exists"):
        write_folder(tmp_path, scores, "table", "x")
    assert [file.name for file in tmp_path.iterdir()] == ["scores.jsonl"]
    write_folder(tmp_path, scores, "table", "x", force=True)
    assert (tmp_path / "scores.jsonl").read_text() != "mine"


def test_a_folder_appears_whole_or_not_at_all(scored: tuple[Scores, Sheet], tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for folder in (tmp_path / "scores", tmp_path):
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))  # too few for the plots, as on a full disk
        try:
            with pytest.raises(InputError, match=r"cannot be written .*make room"):
                write_folder(folder, *scored[:1], "table", "x", scored[1])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_of_the_folder_is_said(scored: tuple[Scores, Sheet], tmp_path: Path) -> None:
    (tmp_path / "scores").write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        write_folder(tmp_path / "scores", scored[0], "table", "x")


@pytest.mark.parametrize("last", range(8))
@pytest.mark.parametrize("reason", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_results_are_replaced_all_or_none(last: int, reason: BaseException, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    for name in RESULTS:
        (tmp_path / name).write_text("old")
        (tmp_path / "new" / name).write_text("new")
    (tmp_path / "mine.txt").write_text("mine")
    moved: list[Path] = []

    def rename(one: Path, other: Path) -> None:
        if len(moved) == last:
            raise reason
        moved.append(one.rename(other))

    with pytest.raises(type(reason)):
        replace_files(tmp_path / "new", tmp_path, list(RESULTS), rename)
    assert {(tmp_path / name).read_text() for name in RESULTS} == {"old"}
    assert (tmp_path / "mine.txt").read_text() == "mine"


KILLED = """
import os, signal, sys
from pathlib import Path
from lipsync_cli.runtime.resumable import work_folder
from lipsync_cli.scoring.report.result_folder import RESULTS, STAGING, replace_files
folder, last, moved = Path(sys.argv[1]), int(sys.argv[2]), []
def rename(one, other):
    if len(moved) == last:
        os.kill(os.getpid(), signal.SIGKILL)
    moved.append(one.rename(other))
with work_folder(folder / STAGING):
    for name in RESULTS[:3]:
        (folder / STAGING / name).write_text("new")
    replace_files(folder / STAGING, folder, list(RESULTS[:3]), rename)
"""


@pytest.mark.parametrize("last", range(7))
def test_results_of_a_run_killed_amid_the_moves_are_made_whole(last: int, tmp_path: Path) -> None:
    """The sheet of the old results has no new one."""
    for name in RESULTS:
        (tmp_path / name).write_text("old")
    (tmp_path / "mine.txt").write_text("mine")
    result = subprocess.run([sys.executable, "-c", KILLED, tmp_path, str(last)], check=False)
    assert result.returncode == -signal.SIGKILL
    with pytest.raises(InputError, match="exists"):
        check_folder(tmp_path)
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {"mine.txt": "mine", **dict.fromkeys(RESULTS[:3], "new")}


def test_results_of_a_run_killed_before_all_were_made_are_removed(tmp_path: Path) -> None:
    (tmp_path / STAGING).mkdir()
    (tmp_path / STAGING / RESULTS[0]).write_text("new")
    (tmp_path / RESULTS[0]).write_text("old")
    check_folder(tmp_path, force=True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(RESULTS[0], "old")]


def test_results_in_a_link_are_not_taken_for_those_of_a_killed_run(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / JOURNAL).write_text(RESULTS[0])
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / STAGING).symlink_to(tmp_path / "other")
    with pytest.raises(InputError, match="is a link or no folder"):
        check_folder(tmp_path / "folder", force=True)
    assert (tmp_path / "other" / JOURNAL).exists()


def test_two_runs_into_one_folder_leave_the_results_of_one(scored: tuple[Scores, Sheet], tmp_path: Path) -> None:
    ends: list[object] = []

    def write(sheet: Sheet | None) -> None:
        with suppress(InputError):  # the second is refused where the first still writes
            ends.append(write_folder(tmp_path / "scores", scored[0], "table", "x", sheet, force=True))

    threads = [threading.Thread(target=write, args=(sheet,)) for sheet in (scored[1], None)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((tmp_path / "scores").iterdir()) == sorted(ends[-1])


def test_a_sheet_of_other_scores_does_not_stay(scored: tuple[Scores, Sheet], tmp_path: Path) -> None:
    write_folder(tmp_path, scored[0], "table", "x", scored[1])
    (tmp_path / "mine.txt").write_text("mine")
    write_folder(tmp_path, scored[0], "table", "x", force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boxes.png", "mine.txt", "scores.jsonl", "table.txt"]
