"""Finished clips survive failures and kills, and are not done twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lipsync_cli.errors import InputError
from lipsync_cli.preprocessing.clip_jobs import journal
from lipsync_cli.preprocessing.find_clips import Clip, find_clips
from lipsync_cli.runtime.processes.workers import FatalError


def measure(task):
    """Append a line to a log and give the clip's bytes, slowly if asked to."""
    with open(task.parameters["log"], "a") as log:
        log.write(task.clip.name + "\n")
    time.sleep(task.parameters["seconds"])
    data = task.clip.path.read_bytes()
    if data == b"bad":
        raise InputError("is damaged")
    return {"data": np.frombuffer(data, np.uint8)}


@pytest.fixture
def clips(tmp_path) -> list[Clip]:
    folder = tmp_path / "clips" / "s"
    folder.mkdir(parents=True)
    for number in range(6):
        (folder / f"c{number}.mp4").write_bytes(bytes([number] * 3))
    return find_clips(folder)


def collect(clips, tmp_path, seconds=0.0, jobs=1, **options):
    """Run the journal to its end: what the parts hold."""
    parameters = {"log": str(tmp_path / "log"), "seconds": seconds}
    with journal(measure, clips, parameters, tmp_path / "out.h5", jobs, **options) as parts:
        found = {part.clip.name: bytes(part.read("data")[0]) for part in parts}
        assert list(found) == sorted(found)
        (tmp_path / "out.h5").write_bytes(b"".join(found.values()))
    return found


def log(tmp_path):
    path = tmp_path / "log"
    lines = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return sorted(lines)


def test_all_is_done_and_nothing_is_left(clips, tmp_path):
    calls = []
    found = collect(clips, tmp_path, progress=lambda *call: calls.append(call))
    assert found == {f"c{n}": bytes([n] * 3) for n in range(6)}
    assert calls[-1] == (6, 6, "clips")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips", "log", "out.h5"]


def test_a_failure_is_told_and_the_rest_is_done(clips, tmp_path):
    clips[2].path.write_bytes(b"bad")
    clips[3].path.unlink()
    told = []
    assert sorted(collect(clips, tmp_path, on_failure=told.append)) == ["c0", "c1", "c4", "c5"]
    assert sorted(str(error).split("/")[-1] for error in told) == [
        "c2.mp4: is damaged",
        "c3.mp4: cannot be read (No such file or directory)",
    ]


def test_if_no_clip_can_be_used_nothing_is_written(clips, tmp_path):
    for clip in clips:
        clip.path.write_bytes(b"bad")
    with pytest.raises(InputError, match="s: none of the 6 clips could be used"):
        collect(clips, tmp_path)
    with pytest.raises(InputError, match=r"c0.mp4: is damaged"):
        collect(clips[:1], tmp_path)
    assert not list(tmp_path.glob("*out*"))


def test_what_is_done_is_kept_when_the_end_fails(clips, tmp_path):
    parameters = {"log": str(tmp_path / "log"), "seconds": 0.0}
    with pytest.raises(OSError, match="no room"), journal(measure, clips, parameters, tmp_path / "out.h5", 2):
        raise OSError("no room")
    assert len(log(tmp_path)) == 6
    clips[4].path.write_bytes(b"new")
    os.truncate(next((tmp_path / ".out.h5.parts").glob("*.npz")), 30)
    found = collect(clips, tmp_path)
    assert found["c4"] == b"new"
    assert len(found) == 6
    assert "c4" in (again := log(tmp_path))
    assert len(again) in (1, 2)


def test_two_runs_of_one_output_exclude_each_other(clips, tmp_path):
    parameters = {"log": str(tmp_path / "log"), "seconds": 0.0}
    with journal(measure, clips, parameters, tmp_path / "out.h5", 2):
        with pytest.raises(InputError, match="another run is writing this output"):
            collect(clips, tmp_path)


def test_an_output_that_exists_is_refused_before_any_work(clips, tmp_path):
    (tmp_path / "out.h5").touch()
    with pytest.raises(InputError, match="use --force"):
        collect(clips, tmp_path)
    assert log(tmp_path) == []
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_and_run_again(clips, tmp_path, number):
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "if __name__ == '__main__':\n"
        "    from pathlib import Path; import signal; import test_clip_jobs as t\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background ignores it
        f"    t.collect(t.find_clips({str(tmp_path / 'clips')!r}), Path({str(tmp_path)!r}), seconds=0.3, jobs=2)\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    process = subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, text=True, start_new_session=True)
    parts = tmp_path / ".out.h5.parts"
    deadline = time.monotonic() + 30
    while len(list(parts.glob("*.npz"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    if number == signal.SIGKILL:
        process.kill()
    else:
        os.killpg(process.pid, number)  # Ctrl-C reaches the workers too
    errors = process.communicate(timeout=20)[1]
    assert process.returncode != 0
    assert not (tmp_path / "out.h5").exists()
    assert errors.count("Traceback") == (0 if number == signal.SIGKILL else 1), errors
    kept = len(list(parts.glob("*.npz")))
    assert 2 <= kept < 6
    log(tmp_path)
    found = collect(clips, tmp_path, seconds=0.3, jobs=2)
    assert found == {f"c{n}": bytes([n] * 3) for n in range(6)}
    assert len(log(tmp_path)) == 6 - kept
    assert not parts.exists()


def leave_unfinished(task):
    """Begin a part as `StoredRows` does, and go no further."""
    (task.folder / f".{'0' * 32}.tmp").touch()
    raise FatalError("cannot be written")


def test_what_workers_have_begun_goes_where_the_work_cannot_go_on(clips, tmp_path):
    with pytest.raises(FatalError), journal(leave_unfinished, clips, {}, tmp_path / "out.h5"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["clips"]
