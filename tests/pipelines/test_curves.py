"""Logs of several runs in one picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lipsync_cli.training.logging.compared_curves import compare_logs


def write_run(folder: Path, level: float) -> Path:
    folder.mkdir(parents=True)
    lines = []
    for samples in (100, 200):
        lines.append(
            {
                "kind": "train",
                "samples": samples,
                "generator/l1": level,
                "critic/face": 0.7,
                "critic/face/chance": 0.69,
                "generator/l1/gradient_norm": 1.0,
            }
        )
        lines.append(
            {
                "kind": "validation",
                "samples": samples,
                "model/mouth_psnr": 20 + level,
                "copy/mouth_psnr": 19.0,
                "over_copy_db": level,
            }
        )
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_a_panel_has_a_curve_for_each_run() -> None:
    one = {"kind": "validation", "samples": 10, "model/mouth_psnr": 20.0, "copy/mouth_psnr": 19.0}
    other = {"kind": "train", "samples": 20, "generator/l1": 0.5, "generator/l1/gradient_norm": 1.0}
    panels = compare_logs({"a": [one, other], "b": [one | {"model/mouth_psnr": 21.0}]})
    assert panels == {
        "loss, generator: l1": {"a": [(20, 0.5)]},
        "PSNR of the mouth (dB)": {"a": [(10, 20.0)], "b": [(10, 21.0)]},
    }


def test_the_picture_and_what_is_said(lipsync, tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "runs" / name, level) for name, level in (("a", 0.3), ("b", 0.2))]
    output = tmp_path / "curves.png"
    result = lipsync("curves", *runs, "-o", output, "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"output": str(output), "runs": 2, "panels": 4}
    assert output.read_bytes().startswith(b"\x89PNG")
    assert lipsync("curves", *runs, "-o", output).returncode == 3
    assert lipsync("curves", runs[0] / "log.jsonl", runs[1], "-o", output, "-f").returncode == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["runs/a", "runs/a"], 2, "a run is named twice"),
        (["runs/a", "runs/b", "--name", "A"], 2, "--name is given 1 times for 2 runs"),
        (["runs/a", "-o", "curves.jpg"], 2, "is no name of a PNG file"),
        (["empty"], 4, "nothing was logged yet"),
        (["runs"], 3, "it has no log.jsonl"),
    ],
)
def test_what_cannot_be_drawn(words, code, says, lipsync, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "ab":
        write_run(tmp_path / "runs" / name, 0.3)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "log.jsonl").touch()
    monkeypatch.chdir(tmp_path)
    result = lipsync("curves", *words)
    assert (result.returncode, says in result.stderr) == (code, True), result.stderr
    assert not (tmp_path / "curves.png").exists()
