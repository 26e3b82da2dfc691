"""`lipsync infer` with several speeches: how much faster the second and later messages of one presenter are.

The presenter is the clip of the example face that `infer.py` makes; each message lasts as long as the clip. The first
message counts from the start of the program to its film, a later one from film to film. Beside the time that passes,
the processor time of all processes together is measured, which does not depend on what else the machine does.

Usage: python benchmarks/messages.py [SECONDS NUM_MESSAGES]        (default: 10 4)
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from infer import RATE, make_input


def cpu_s(pid: int) -> float:
    """Processor time of a running process and of those that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and print one JSON line."""
    duration_s, count = map(int, sys.argv[1:3] or (10, 4))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, speech = make_input(folder, duration_s)
        speeches = [folder / f"message{number}.wav" for number in range(count)]
        for copy in speeches:
            shutil.copy(speech, copy)
        line = [sys.executable, "-m", "lipsync_cli", "infer", clip, *speeches, "-o", folder / "films", "--quiet"]
        walls, cpus = [time.monotonic()], [0.0]
        command = [*map(str, line), "--no-cache"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in process.stdout:
                walls.append(time.monotonic())
                cpus.append(cpu_s(process.pid) if process.poll() is None else cpus[-1])
        if process.returncode != 0 or len(walls) != count + 1:
            raise SystemExit(f"lipsync infer ended with {process.returncode}")
    later, later_cpu = (walls[-1] - walls[1]) / (count - 1), (cpus[-1] - cpus[1]) / (count - 1)
    result = {
        "seconds": duration_s,
        "messages": count,
        "first_s": round(walls[1] - walls[0], 2),
        "later_s": round(later, 2),
        "first_cpu_s": round(cpus[1], 2),
        "later_cpu_s": round(later_cpu, 2),
        "later_frames_per_cpu_s": round(duration_s * RATE / later_cpu, 1),
        "ratio": round((walls[1] - walls[0]) / later, 2),
        "cpu_ratio": round(cpus[1] / later_cpu, 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
