"""`lipsync doctor` on a sound installation, and on broken ones."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lipsync_cli.pipelines import doctor


def by_name(only: str) -> doctor.Check:
    return next(check for check in doctor.examine() if check.name == only)


def test_all_is_well_here(lipsync) -> None:
    result = lipsync("doctor", "--json")
    found = json.loads(result.stdout)
    checks = {check["name"]: check for check in found["checks"]}
    assert result.returncode == 0, result.stdout
    assert found["ok"], result.stdout
    assert {"ffmpeg", "codecs", "face detector", "device", "embedded weights", "temporary folder"} <= set(checks)
    assert all(check["status"] in ("ok", "absent") for check in checks.values())
    assert "ffmpeg" in checks["ffmpeg"]["fact"]


def test_missing_packages_are_lines_not_tracebacks(lipsync_process, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    for module, error in (("dlib", "ImportError('libopenblas.so.0: no such file')"), ("torch", "OSError('bad wheel')")):
        (broken / module).mkdir(parents=True)
        (broken / module / "__init__.py").write_text(f"raise {error}\n", encoding="utf-8")
    project = Path(doctor.__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(broken), str(project)])}
    result = lipsync_process("doctor", "-q", env=environment)
    assert result.returncode == 6
    assert "Traceback" not in result.stderr
    assert (
        "fail   dlib-bin: ImportError: libopenblas.so.0: no such file\n       mend: pip install dlib-bin"
        in result.stdout
    )
    assert "fail   torch: OSError: bad wheel" in result.stdout
    assert "fail   device" in result.stdout
    assert "fail   embedded weights" in result.stdout
    assert "ok " not in result.stdout
    assert result.stderr.count("\n") == 1
    assert "checks failed: torch, dlib-bin" in result.stderr


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    check = by_name("tqdm")
    assert (check.status, check.fact, check.mend) == ("fail", "is not installed", "pip install tqdm")


def test_no_ffmpeg(only_programs: Callable[..., None]) -> None:
    only_programs()
    assert by_name("ffmpeg").status == "fail"
    assert by_name("codecs").status == "fail"


def test_an_ffmpeg_without_encoders(only_programs: Callable[..., None]) -> None:
    only_programs(ffmpeg="echo \"Unknown encoder 'libx264'\" >&2; exit 1")
    check = by_name("codecs")
    assert check.status == "fail"
    assert "Unknown encoder 'libx264'" in check.fact
    assert check.mend


def test_other_weights_than_the_card_says(tmp_path: Path, tiny_weights: Path) -> None:
    (tmp_path / "MODEL_CARD.md").write_text(f"SHA-256 `{'0' * 64}`", encoding="utf-8")
    other = tmp_path / "other.safetensors"
    other.write_bytes(tiny_weights.read_bytes())
    check = next(check for check in doctor.examine(lambda path, kind: other) if check.name == "embedded weights")
    assert check.status == "fail"
    assert "model card" in check.fact


@pytest.mark.parametrize("name", ["onnx", "onnxruntime", "tensorboard", "distributed"])
def test_parts_that_most_people_can_do_without(name: str) -> None:
    check = by_name(name)
    assert check.status in ("ok", "absent")
    assert check.mend is None or check.mend.startswith("pip install 'lipsync-cli[")
