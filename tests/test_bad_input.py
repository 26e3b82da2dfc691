"""Bad input through the command line: one line (file, fact, next step), the exit code, and nothing left or lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bad_bench import Bench
from typer.testing import CliRunner

from lipsync_cli import cli

ROOT = Path(__file__).resolve().parent.parent
VOICE = ROOT / "examples" / "speech.flac"
FACE = ROOT / "examples" / "astronaut.jpg"
MakeClip = Callable[..., Path]


TINY = ("--weights", "tiny.safetensors")
READERS = [
    ("info", "{bad}"),
    ("extract-frames", "{bad}", "frames"),
    ("detect-faces", "{bad}", "new.h5"),
    ("mels", "{bad}", "new.h5"),
    ("pack", "{bad}", "mels.h5", "new.h5"),
    ("pack", "faces.h5", "{bad}", "new.h5"),
    ("train", "{bad}", "run"),
    ("infer", "{bad}", str(VOICE), *TINY),
    ("infer", "clip.mp4", "{bad}", *TINY),
    ("infer", "clip.mp4", str(VOICE), "--weights", "{bad}"),
    ("score", "{bad}"),
    ("score", "grid.h5", "--weights", "{bad}"),
    ("score", "clip.mp4", "--reference", "{bad}"),
    ("score", "clip.mp4", "--expert", "{bad}"),
]


def make_bad(bench: Bench, kind: str) -> Path:
    """A path that no command can use."""
    path = bench.folder / "bad.mp4"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("This is no video, no sound, no store and no weights.\n" * 50)
    elif kind == "truncated":
        path.write_bytes(bench.clip_mp4.read_bytes()[:3000])
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated"])
@pytest.mark.parametrize("line", READERS, ids=lambda line: " ".join(Path(word).name for word in line))
def test_a_file_that_cannot_be_read(
    line: tuple[str, ...], kind: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (line[0], kind) == ("info", "truncated"):
        pytest.skip("what a header says can be told without the rest")
    monkeypatch.chdir(bench.folder)
    bad = make_bad(bench, kind)
    bench.fails(3, *(word.format(bad=bad) for word in line), says=("bad.mp4",))


@pytest.mark.parametrize("verb", ["extract-frames", "detect-faces", "mels"])
def test_a_folder_with_nothing_in_it(verb: str, bench: Bench) -> None:
    empty = bench.folder / "empty"
    empty.mkdir()
    bench.fails(4, verb, empty, bench.folder / "new.h5", says=("empty", "no clips"))


@pytest.mark.parametrize(
    "line",
    [
        ("detect-faces", "clips", "faces.h5"),
        ("mels", "clips", "mels.h5"),
        ("pack", "faces.h5", "mels.h5", "grid.h5"),
        ("infer", "clip.mp4", str(VOICE), "-o", "old.mp4", *TINY),
    ],
    ids=lambda line: line[0],
)
def test_an_output_that_exists(line: tuple[str, ...], bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.folder)
    bench.fails(3, *line, says=("exists", "--force"))


def test_a_damaged_clip_among_good_ones_costs_one_line(bench: Bench) -> None:
    make_bad(bench, "truncated").rename(bench.folder / "clips" / "ann" / "a3.mp4")
    for verb in ("detect-faces", "mels"):
        output = bench.folder / f"new-{verb}.h5"
        result = CliRunner().invoke(cli.app, [verb, str(bench.folder / "clips"), str(output), "--json"])
        assert result.exit_code == 5, result.stderr
        lines = result.stderr.splitlines()
        assert len(lines) == 2
        assert "a3.mp4" in lines[0]
        assert "1 of 3" in lines[1]
        assert json.loads(result.stdout)["clips"] == 2
        assert output.exists()


def test_no_sound(bench: Bench, make_clip: MakeClip) -> None:
    mute = make_clip(bench.folder / "mute.mp4", num_frames=15, sound=False)
    bench.fails(3, "mels", mute, bench.folder / "new.h5", says=("mute.mp4", "sound"))
    bench.fails(3, "infer", bench.clip_mp4, mute, "--weights", bench.tiny_safetensors, says=("mute.mp4", "sound"))


def test_no_face(bench: Bench) -> None:
    import cv2
    import numpy as np

    from lipsync_cli.media.video.encode import VideoWriter

    grey = bench.folder / "grey.mp4"
    with VideoWriter(grey, 160, 120, 25) as writer:
        for _ in range(15):
            writer.write(np.full((120, 160, 3), 128, np.uint8))
    photo = bench.folder / "grey.png"
    cv2.imwrite(str(photo), np.full((120, 160, 3), 128, np.uint8))
    bench.fails(4, "infer", grey, VOICE, "--weights", bench.tiny_safetensors, says=("grey.mp4", "no face"))
    bench.fails(4, "infer", photo, VOICE, "--weights", bench.tiny_safetensors, says=("grey.png", "no face"))
    bench.fails(4, "detect-faces", grey, bench.folder / "new.h5", says=("grey.mp4", "no face"))


def test_weights_of_another_format_or_version(bench: Bench) -> None:
    import torch
    from safetensors.torch import save_file

    weights = bench.folder / "w.safetensors"
    save_file({"x": torch.zeros(2)}, weights)
    bench.fails(3, "infer", bench.clip_mp4, VOICE, "--weights", weights, says=("w.safetensors",))
    header = {"format": "lipsync-weights", "format_version": 99}
    save_file({"x": torch.zeros(2)}, weights, {"lipsync-weights": json.dumps(header)})
    bench.fails(3, "infer", bench.clip_mp4, VOICE, "--weights", weights, says=("w.safetensors", "99"))


def test_stores_of_another_format_or_version(bench: Bench) -> None:
    import h5py

    for more in ((), ("--dry-run",)):
        bench.fails(3, "train", bench.faces_h5, bench.folder / "run", *more, says=("lipsync-faces", "lipsync-pack"))
    with h5py.File(bench.grid_h5, "r+") as file:
        file.attrs["format_version"] = 99
    bench.fails(3, "train", bench.grid_h5, bench.folder / "run", says=("99",))


def test_mels_of_other_parameters_than_the_weights(bench: Bench) -> None:
    import h5py

    with h5py.File(bench.grid_h5, "r+") as file:
        parameters = json.loads(file.attrs["parameters"])
        changed = json.loads(json.dumps(parameters).replace('"fmin": 55.0', '"fmin": 90.0'))
        assert changed != parameters
        file.attrs["parameters"] = json.dumps(changed)
    bench.fails(3, "score", bench.grid_h5, "--weights", bench.tiny_safetensors, says=("fmin", "55", "90"))


def test_a_clip_too_short_for_a_reference(bench: Bench, make_clip: MakeClip) -> None:
    short = make_clip(bench.folder / "short.mp4", num_frames=5)
    bench.fails(3, "detect-faces", short, bench.folder / "new.h5", says=("short.mp4", "5 frames"))


FULL_DISK = """
import json, resource, sys
from typer.testing import CliRunner
from lipsync_cli import cli

resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
for line in json.load(sys.stdin):
    result = CliRunner().invoke(cli.app, line, prog_name="lipsync")
    print(json.dumps([result.exit_code, result.stderr]), flush=True)
"""


def test_a_disk_that_fills_up(bench: Bench) -> None:
    """No file may grow beyond 4 kB, which stops a write in the middle as a full disk does."""
    lines = [
        ("detect-faces", "clips", "new-faces.h5", "--jobs", "1"),
        ("mels", "clips", "new-mels.h5", "--jobs", "1"),
        ("pack", "faces.h5", "mels.h5", "new-pack.h5"),
        ("infer", "clip.mp4", str(VOICE), "-o", "new.mp4", *TINY),
        ("extract-frames", "clips", "new-frames", "--jobs", "1"),
        ("score", "grid.h5", "-o", "new.jsonl", "--metrics", "reconstruction", *TINY),
        ("score", "grid.h5", "-o", "new", "--metrics", "reconstruction", *TINY),
        ("curves", "log.jsonl", "-o", "new.png"),
        ("say", "Hello.", "new.wav", "--tts", "cp clip.mp4 {out}"),
    ]
    lines_of_log = [json.dumps({"kind": "train", "samples": samples, "generator/l1": 0.5}) for samples in (50, 100)]
    (bench.folder / "log.jsonl").write_text("\n".join(lines_of_log))
    before, folders = set(bench.state()), {path for path in bench.folder.iterdir() if path.is_dir()}
    command = [sys.executable, "-c", FULL_DISK]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}  # else compiled modules are cut at 4 kB, and kept
    done = subprocess.run(
        command, cwd=bench.folder, env=environment, input=json.dumps(lines), capture_output=True, text=True
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(lines), done.stderr
    for line, (code, stderr) in zip(lines, told, strict=True):
        assert code == 3, (line, stderr)
        assert stderr.splitlines()[-1].startswith("lipsync: "), (line, stderr)
        assert "(File too large)" in stderr, line
        assert "Traceback" not in stderr, line
    assert not [name for name in set(bench.state()) - before if ".parts/" not in name or name.endswith(".tmp")]
    made = {path for path in bench.folder.iterdir() if path.is_dir()} - folders
    assert all(path.name.endswith(".parts") or path.name == "new-frames" for path in made)
