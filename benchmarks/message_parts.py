"""Messages of which a part varies, in one run with `[[ ]]`, beside a run of `lipsync infer` for each.

The presenter is the clip of the example face that `infer.py` makes. A message lasts 6 s, of which 2 s vary; a command
that cuts recorded speech stands for the synthesiser. Single runs find the face in the cache. The processor time of all
processes together is measured beside the time that passes, because it does not depend on what else the machine does.
The seam is the largest change from frame to frame of a video over the 99th percentile of its changes: a jump where
parts meet would stand out.

Usage: python benchmarks/message_parts.py [NUM_MESSAGES NUM_SINGLE]        (default: 5 3)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from infer import make_input
from messages import cpu_s

from lipsync_cli.media.video.decode import read_frames

PER_LETTER_S = 0.1
BEFORE, AFTER = "a" * 20, "b" * 20  # what all messages say, 2 s each
THOUSAND = 1000
SPEAK = """
import sys, wave, zlib
text, speech, out = sys.argv[1:4]
with wave.open(speech) as source, wave.open(out, "wb") as made:
    count = int({per_letter} * len(text) * source.getframerate())
    source.setpos(zlib.crc32(text.encode()) % max(1, source.getnframes() - count))
    made.setparams(source.getparams())
    made.writeframes(source.readframes(count))
"""


def run(command: list[str], env: dict[str, str]) -> tuple[list[float], list[float]]:
    """Run a command; give wall and processor time at its start and at each line that it prints."""
    walls, cpus = [time.monotonic()], [0.0]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        for _ in process.stdout:
            walls.append(time.monotonic())
            cpus.append(cpu_s(process.pid) if process.poll() is None else cpus[-1])
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return walls, cpus


def seam(film: Path) -> float:
    """Give the largest change from frame to frame, over the 99th percentile of all changes."""
    frames = [np.asarray(frame).astype(np.int16) for frame in read_frames(film)]
    changes = np.array([np.abs(one - other).mean() for one, other in zip(frames[1:], frames, strict=False)])
    return float(changes.max() / np.percentile(changes, 99))


def main() -> None:
    """Measure and print one JSON line."""
    count, single = map(int, sys.argv[1:3] or (5, 3))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        env = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
        clip, speech = make_input(folder, 10)
        voice = folder / "voice.wav"
        subprocess.run(["ffmpeg", "-v", "error", "-i", str(speech), "-ac", "1", str(voice)], check=True)
        script = folder / "speak.py"
        script.write_text(SPEAK.format(per_letter=PER_LETTER_S))
        table = folder / "names.csv"
        table.write_text("name\n" + "".join(f"{chr(99 + number % 20) * 18}{number:02}\n" for number in range(count)))
        base = [sys.executable, "-m", "lipsync_cli", "infer", str(clip)]
        tts = f"{sys.executable} {script} {{text}} {voice} {{out}}"
        batch = [*base, "--messages", str(table), "--text", f"{BEFORE} [[{{name}}]], {AFTER}", "--names", "{line}.mp4"]
        walls, cpus = run([*batch, "--tts", tts, "-o", str(folder / "films"), "--quiet"], env)
        ones: list[tuple[float, float]] = []
        for number in range(single):
            sound = folder / f"whole{number}.wav"
            subprocess.run([sys.executable, str(script), "d" * 60 + str(number), str(voice), str(sound)], check=True)
            begun = time.monotonic()
            usage = os.times()
            subprocess.run(
                [*base, str(sound), "-o", str(folder / f"one{number}.mp4"), "--quiet"],
                check=True,
                env=env,
                stdout=subprocess.DEVNULL,
            )
            after = os.times()
            spent = after.children_user + after.children_system - usage.children_user - usage.children_system
            ones.append((time.monotonic() - begun, spent))
        films = sorted((folder / "films").glob("*.mp4"))
        result: dict[str, Any] = {"messages": len(films), "single": single}
        for kind, times, place in (("wall", walls, 0), ("cpu", cpus, 1)):
            later, alone = (times[-1] - times[1]) / (count - 1), float(np.mean([one[place] for one in ones[1:]]))
            whole = times[1] + later * (THOUSAND - 1) - times[0]
            result |= {
                f"{kind}_first_s": round(times[1] - times[0], 2),
                f"{kind}_later_s": round(later, 3),
                f"{kind}_single_s": round(alone, 2),
                f"{kind}_ratio_of_{THOUSAND}": round(THOUSAND * alone / whole, 2),
            }
        result["seam"] = round(max(seam(film) for film in films[:3]), 3)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
