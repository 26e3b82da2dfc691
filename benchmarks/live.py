"""`lipsync live` at real time: delay of every frame, from its sound to its coded frame, drops, drift.

A sound is written to the command's stdin as a microphone would, 20 ms at a time; what comes out of its stdout is taken
apart by FFmpeg, and the moment when each coded frame is there is compared with the moment when the sound in its middle
was written.

Usage: python benchmarks/live.py [SECONDS] [--size WIDTHxHEIGHT] [--clip FILE] [--voice FILE] [OPTIONS OF live]
(default: 600 and 360x288)
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from infer import RATE, ROOT, make_input

from lipsync_cli.media.ffmpeg import find_tool
from lipsync_cli.media.sound.audio import read_speech

PRESENTER_S = 20  # of the video that is shown back and forth
PIECE = 320  # samples that are written at once
SETTLED_S = 5  # at the beginning, that does not count


def play(sound: np.ndarray, pipe: int) -> float:
    """Write a sound (n,) in real time, and return when it began."""
    samples = (np.clip(sound, -1, 1) * 32767).astype("<i2")
    start_s = time.monotonic()
    for first in range(0, len(samples), PIECE):
        time.sleep(max(0.0, start_s + (first + PIECE) / 16000 - time.monotonic()))
        os.write(pipe, samples[first : first + PIECE].tobytes())
    os.close(pipe)
    return start_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("seconds", type=int, nargs="?", default=600)
    parser.add_argument("--size", default="360x288")
    parser.add_argument("--clip", type=Path)
    parser.add_argument("--voice", type=Path, default=ROOT / "examples" / "speech.flac")
    given, more = parser.parse_known_args()
    width, height = map(int, given.size.split("x"))
    sound = np.resize(read_speech(given.voice), given.seconds * 16000)
    with tempfile.TemporaryDirectory() as folder:
        face, _ = make_input(Path(folder), PRESENTER_S, (width, height), given.clip)
        line = [sys.executable, "-m", "lipsync_cli", "live", face, "--rate", "16000", "--json", "-v", *more]
        told_at = Path(folder, "told")
        with open(told_at, "wb") as told:
            command = subprocess.Popen(
                list(map(str, line)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told, bufsize=0
            )
        fast = ["-v", "error", "-fflags", "nobuffer", "-probesize", "32k", "-analyzeduration", "0", "-i", "pipe:0"]
        lines = ["-map", "0:v:0", "-c", "copy", "-flush_packets", "1", "-f", "framecrc", "-"]
        reader = subprocess.Popen(
            [find_tool("ffmpeg"), *fast, *lines], stdin=command.stdout, stdout=subprocess.PIPE, bufsize=0
        )
        assert command.stdin is not None
        assert command.stdout is not None
        assert reader.stdout is not None
        command.stdout.close()
        while b"latency" not in told_at.read_bytes():  # the presenter is ready
            time.sleep(0.1)
        arrived: list[float] = []

        def read() -> None:
            arrived.extend(time.monotonic() for text in iter(reader.stdout.readline, b"") if not text.startswith(b"#"))

        thread = threading.Thread(target=read)
        thread.start()
        start_s = play(sound, os.dup(command.stdin.fileno()))
        command.stdin.close()
        thread.join()
        command.wait()
        reader.wait()
        figures = json.loads(told_at.read_text().splitlines()[-1])
    delays = 1000 * (np.array(arrived) - start_s - (np.arange(len(arrived)) + 0.5) / RATE)[SETTLED_S * RATE :]
    own = f"{1000 * figures['latency_p50_s']:.0f} | {1000 * figures['latency_p99_s']:.0f}"
    print("| size | s | p50 ms | p99 ms | to the encoder: p50 | p99 | frames | repeated | changes | drift ms | load |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    print(
        f"| {given.size} | {given.seconds} | {np.median(delays):.0f} | {np.percentile(delays, 99):.0f} | {own} | "
        f"{len(arrived)} | {figures['repeated']} | {figures['mouth_changes']} | {1000 * figures['drift_s']:.0f} | "
        f"{os.getloadavg()[0]:.1f} |"
    )


if __name__ == "__main__":
    main()
