"""The files of examples/cluster, under a scheduler that starts the tasks one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lipsync_cli.formats.pack_file import Pack

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "cluster"
LIPSYNC = f"{sys.executable} -m lipsync_cli"

SBATCH = """#!/bin/bash
# sbatch --array=FIRST-LAST SCRIPT ARGUMENT...
IFS=- read first last <<< "${1#--array=}"
shift
for task in $(seq "$first" "$last"); do
    SLURM_ARRAY_TASK_ID=$task SLURM_ARRAY_TASK_COUNT=$((last - first + 1)) bash "$@" || exit
done
"""
PARALLEL = """#!/bin/bash
# parallel COMMAND ::: VALUE...
command=$1
shift 2
for value in "$@"; do
    bash -c "${command//\\{\\}/$value}" || exit
done
"""
SRUN = '#!/bin/bash\necho "$@"\n'
SCONTROL = "#!/bin/bash\nprintf 'node7\\nnode8\\n'\n"


@pytest.fixture
def scheduler(tmp_path: Path) -> Path:
    """Folder with programs that stand for those of a cluster."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("parallel", PARALLEL), ("srun", SRUN), ("scontrol", SCONTROL)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


def call(scheduler: Path, *line: object, **variables: str) -> str:
    environment = os.environ | {"PATH": f"{scheduler}:{os.environ['PATH']}", "LIPSYNC": LIPSYNC} | variables
    words = [str(word) for word in line]
    result = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def names(pack: Path) -> list[str]:
    with Pack(pack) as opened:
        return [f"{row['speaker']}/{row['name']}" for row in opened.clips]


def test_an_array_job_shares_the_clips_and_their_files_are_joined(
    scheduler: Path, clip_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    said = call(scheduler, "sbatch", "--array=1-2", FOLDER / "preprocess.sbatch", clip_folder, out)
    assert "shard 2/2 has 2 of 4 clips" in said
    call(scheduler, "bash", FOLDER / "join.sbatch", out, "--test-per-speaker", "1")
    assert names(out / "grid.h5") == ["ann/a1", "ann/a2", "bob/b1", "bob/b2"]
    before = (out / "faces.1.h5").stat().st_mtime_ns
    call(scheduler, "sbatch", "--array=1-2", FOLDER / "preprocess.sbatch", clip_folder, out)
    assert (out / "faces.1.h5").stat().st_mtime_ns == before


@pytest.mark.slow
def test_parallel_shares_the_clips(scheduler: Path, clip_folder: Path, tmp_path: Path) -> None:
    call(scheduler, FOLDER / "parallel.sh", clip_folder, tmp_path / "out", 3)
    assert len(names(tmp_path / "out" / "grid.h5")) == 4


@pytest.mark.slow
def test_an_array_job_scores_a_pack(scheduler: Path, good: Path, tiny_weights: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "best.safetensors").write_bytes(tiny_weights.read_bytes())
    said = call(scheduler, "sbatch", "--array=1-1", FOLDER / "score.sbatch", good / "grid.h5", run)
    assert "the same command without --shard writes the figures" in said
    assert not (run / "scores").exists()


def test_training_is_started_once_a_machine(scheduler: Path, tmp_path: Path) -> None:
    nodes = {"SLURM_JOB_NODELIST": "node[7-8]", "SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_ID": "5"}
    said = call(scheduler, "bash", FOLDER / "train.sbatch", "grid.h5", "runs/a", **nodes)
    assert " ".join(said.split()) == (
        "torchrun --nnodes 2 --nproc-per-node 1 --rdzv-backend c10d --rdzv-endpoint node7:29500 --rdzv-id 5 "
        "-m lipsync_cli train grid.h5 runs/a"
    )
