"""Work that is shared by --shard, and joined again: the same as without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lipsync_cli.formats.pack_file import Pack


def make(lipsync, *words: object) -> dict:
    """Run a command that must succeed; return its --json."""
    result = lipsync(*words, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_faces_and_mels_of_two_shards_make_the_pack_of_the_whole(lipsync, clip_folder: Path, tmp_path: Path) -> None:
    for command in ("detect-faces", "mels"):
        make(lipsync, command, clip_folder, tmp_path / f"{command}.h5", "-j", 1)
        for part in (1, 2):
            found = make(
                lipsync, command, clip_folder, tmp_path / f"{command}.{part}.h5", "--shard", f"{part}/2", "-j", 1
            )
            assert (found["clips"], found["shard"]) == (2, f"{part}/2")
    make(lipsync, "pack", tmp_path / "detect-faces.h5", tmp_path / "mels.h5", tmp_path / "whole.h5")
    parts = sorted([*tmp_path.glob("*.1.h5"), *tmp_path.glob("*.2.h5")])
    assert make(lipsync, "pack", *parts, "-o", tmp_path / "joined.h5")["clips"] == 4
    with Pack(tmp_path / "whole.h5") as whole, Pack(tmp_path / "joined.h5") as joined:
        assert joined.fingerprint == whole.fingerprint


def test_shards_of_frames_go_into_one_folder(lipsync, clip_folder: Path, tmp_path: Path) -> None:
    for part in (2, 1):
        found = make(lipsync, "extract-frames", clip_folder, tmp_path / "frames", "--shard", f"{part}/2", "-j", 1)
        assert (found["clips"], found["shard"]) == (2, f"{part}/2")
    assert len(list((tmp_path / "frames").glob("*/*/frames.json"))) == 4


def test_a_dry_run_says_how_many_clips_a_shard_has(lipsync, clip_folder: Path, tmp_path: Path) -> None:
    for command in ("extract-frames", "detect-faces", "mels"):
        result = lipsync(command, clip_folder, tmp_path / "x.h5", "--shard", "3/3", "-n")
        assert "shard 3/3 has 1 of 4 clips" in result.stderr
        assert lipsync(command, clip_folder, tmp_path / "x.h5", "--shard", "5/5").returncode == 4
        assert lipsync(command, clip_folder, tmp_path / "x.h5", "--shard", "5/4").returncode == 2
    assert not list(tmp_path.iterdir())


def test_pack_says_which_file_is_missing(lipsync, good: Path, tmp_path: Path) -> None:
    faces, mels = good / "faces.h5", good / "mels.h5"
    assert "pack joins two files or more" in lipsync("pack", faces, tmp_path / "p.h5").stderr
    result = lipsync("pack", faces, faces, tmp_path / "p.h5")
    assert result.returncode == 3
    assert "no file that lipsync mels wrote" in result.stderr
    assert "is in" in lipsync("pack", faces, faces, mels, "-o", tmp_path / "p.h5").stderr


@pytest.fixture
def three_clips(lipsync, clip_folder: Path, tmp_path: Path) -> Path:
    """A pack with three test clips."""
    for command in ("detect-faces", "mels"):
        make(lipsync, command, clip_folder, tmp_path / f"{command}.h5", "-j", 1)
    options = ["--test-per-speaker", "1", "--test-speaker", "bob"]
    make(lipsync, "pack", tmp_path / "detect-faces.h5", tmp_path / "mels.h5", tmp_path / "grid.h5", *options)
    return tmp_path / "grid.h5"


def without_command(path: Path) -> list[dict]:
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [{name: value for name, value in record.items() if name != "command"} for record in records]


def test_shards_of_a_score_are_joined_by_the_command_without(
    lipsync, three_clips: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    words = ["score", three_clips, "--weights", tiny_weights, "--metrics", "reconstruction,sharpness"]
    make(lipsync, *words, "-o", tmp_path / "whole.jsonl")
    output = tmp_path / "joined.jsonl"
    for part, count in ((2, 1), (1, 2)):
        found = make(lipsync, *words, "-o", output, "--shard", f"{part}/2")
        assert (found["clips"], found["shard"]) == (count, f"{part}/2")
        assert not output.exists()
    kept = tmp_path / ".joined.jsonl.parts"
    assert len(list(kept.iterdir())) == 3
    make(lipsync, *words, "-o", output)
    assert without_command(output) == without_command(tmp_path / "whole.jsonl")
    assert not kept.exists()
    assert lipsync(*words, "--shard", "1/2").returncode == 2
    assert lipsync(*words, "-o", tmp_path / "x", "--shard", "1/2", "--table", "csv").returncode == 2


def test_shards_of_a_folder_of_videos(lipsync, clip_folder: Path, tmp_path: Path) -> None:
    words = ["score", clip_folder, "--reference", clip_folder, "--metrics", "crop_psnr", "-j", "1"]
    output = tmp_path / "scores"
    for part in (1, 2):
        assert make(lipsync, *words, "-o", output, "--shard", f"{part}/2")["clips"] == 2
    assert len(list((tmp_path / ".scores.scores.parts").iterdir())) == 4
    make(lipsync, *words, "-o", output)
    assert len([line for line in (output / "scores.jsonl").read_text().splitlines() if '"a1"' in line]) > 0
    single = lipsync("score", clip_folder / "ann" / "a1.mp4", "--shard", "1/2", "-o", tmp_path / "new")
    assert single.returncode == 2


def test_shards_of_messages(lipsync, good: Path, tiny_weights: Path, tmp_path: Path) -> None:
    clip = good / "clip.mp4"
    lines = [json.dumps({"speech": str(clip), "output": f"{name}.mp4"}) for name in "abc"]
    (tmp_path / "list.jsonl").write_text("\n".join([*lines, "{broken"]))
    words = ["infer", clip, "--messages", tmp_path / "list.jsonl", "-o", tmp_path / "out", "--weights", tiny_weights]
    result = lipsync(*words, "--shard", "2/2")
    assert result.returncode == 0, result.stderr
    assert "shard 2/2 has 1 of 3 messages" in result.stderr
    assert [path.name for path in (tmp_path / "out").glob("*.mp4")] == ["b.mp4"]
    result = lipsync(*words, "--shard", "1/2")
    assert result.returncode == 5  # the first part tells of the broken line
    assert sorted(path.name for path in (tmp_path / "out").glob("*.mp4")) == ["a.mp4", "b.mp4", "c.mp4"]
    assert lipsync("infer", clip, clip, "-o", tmp_path / "x.mp4", "--shard", "1/2").returncode == 2
