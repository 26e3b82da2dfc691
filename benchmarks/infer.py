"""`lipsync infer` end to end: output frames a second and peak memory, for a short and a long input.

The input is the example face, gently moving, at 25 frames/s, or a clip of yours brought to the size and played back and
forth; it is as long as the speech. The naive way is what scripts for lip-sync do: every frame in memory, dlib's HOG
detector on each of them, one face at a time through the same network, a rectangle pasted back. Figures per processor
second depend little on what else the machine does.

Usage: python benchmarks/infer.py [SHORT_S LONG_S] [--size WIDTHxHEIGHT] [--clip FILE]    (default: 10 600 and 360x288)
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SIZE, RATE = (360, 288), 25
NAIVE_FRAMES = 25
CLIP_FRAMES = 100  # of a given clip
SHORT_RUNS = 3  # of which the medians count


def make_input(
    folder: Path, duration_s: int, size: tuple[int, int] = SIZE, source: Path | None = None
) -> tuple[Path, Path]:
    """Write a silent clip of the example face, or of a given one, and a sound file of the same length."""
    import numpy as np
    import soundfile

    from lipsync_cli.media.video.encode import VideoWriter

    voice, sample_rate = soundfile.read(ROOT / "examples" / "speech.flac")
    clip, speech = folder / f"face{duration_s}.mp4", folder / f"speech{duration_s}.wav"
    soundfile.write(speech, np.resize(voice, duration_s * sample_rate), sample_rate)
    frames = move_photo(size) if source is None else read_clip(source, size)
    with VideoWriter(clip, *size, Fraction(RATE)) as writer:
        for n in range(duration_s * RATE):
            writer.write(frames[n % len(frames)])
    return clip, speech


def move_photo(size: tuple[int, int]) -> list[np.ndarray]:
    """Return one period of the example face, swaying."""
    import cv2
    import numpy as np

    photo = cv2.cvtColor(cv2.imread(str(ROOT / "examples" / "astronaut.jpg")), cv2.COLOR_BGR2RGB)
    width, height = size
    scale = height / SIZE[1]
    angles = 2 * np.pi * np.arange(4 * RATE) / (4 * RATE)
    middle = (width - SIZE[0] * scale) / 2
    frames = []
    for angle in angles:
        x, y = middle + (6 * np.sin(angle) - 45) * scale, (4 * np.cos(angle) - 8) * scale
        matrix = np.array([[scale, 0, x], [0, scale, y]])
        frames.append(cv2.warpAffine(photo, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT))
    return frames


def read_clip(path: Path, size: tuple[int, int]) -> list[np.ndarray]:
    """Return the first frames of a clip, there and back, scaled and cut to a size."""
    import cv2

    from lipsync_cli.media.video.decode import read_frames

    frames = []
    for frame in read_frames(path, stop=CLIP_FRAMES):
        height, width = frame.shape[:2]
        scale = max(size[0] / width, size[1] / height)
        large = cv2.resize(frame, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_CUBIC)
        top, left = (large.shape[0] - size[1]) // 2, (large.shape[1] - size[0]) // 2
        frames.append(large[top : top + size[1], left : left + size[0]])
    return frames + frames[-2:0:-1]


def resident_mb(pid: int) -> float:
    """Memory that a process and all its descendants hold now (shared pages counted once: PSS)."""
    waiting, total_kb = [pid], 0
    while waiting:
        one = waiting.pop()
        try:
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
            total_kb += int(rollup.partition("\nPss:")[2].split()[0])
            for task in os.listdir(f"/proc/{one}/task"):
                waiting += map(int, Path(f"/proc/{one}/task/{task}/children").read_text().split())
        except (OSError, IndexError, ValueError):
            continue
    return total_kb / 1024


def children_cpu_s() -> float:
    """Processor time of all processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run_infer(clip: Path, speech: Path) -> tuple[float, float, float]:
    """Run `lipsync infer` as a user does; return its seconds, its processor seconds, and its peak memory in MB.

    Time and memory are of all its processes together.
    """
    line = [
        sys.executable,
        "-m",
        "lipsync_cli",
        "infer",
        str(clip),
        str(speech),
        "-o",
        str(clip.with_suffix(".out.mp4")),
        "--no-cache",
    ]
    started, cpu_s, peak_mb = time.monotonic(), children_cpu_s(), 0.0
    with subprocess.Popen([*line, "--force", "--quiet"], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak_mb = max(peak_mb, resident_mb(process.pid))
            time.sleep(0.1)
    if process.returncode != 0:
        raise SystemExit(f"lipsync infer ended with {process.returncode}")
    return time.monotonic() - started, children_cpu_s() - cpu_s, peak_mb


def run_naively(clip: Path) -> tuple[float, float]:
    """Frames a second, and a processor second, of the naive way on the clip's first frames; no loading, no encoding."""
    import cv2
    import dlib
    import numpy as np
    import torch

    from lipsync_cli.faces.crop import crop_face
    from lipsync_cli.formats.weights import load_weights
    from lipsync_cli.media.video.decode import read_frames
    from lipsync_cli.models import hears

    generator, header = load_weights(None)
    rule = header.crop_rule
    detect = dlib.get_frontal_face_detector()
    heard = torch.zeros(1, 1, 80, 27) if hears(generator) == "mel" else torch.zeros(1, 21, 384)
    started, cpu_s = time.monotonic(), time.process_time()
    frames = list(read_frames(clip, stop=NAIVE_FRAMES))
    for frame in frames:
        found = detect(frame, 1)[0]
        box = np.array([found.left(), found.top(), found.right(), found.bottom()], np.float32)
        crop = torch.from_numpy(crop_face(frame, box, rule)).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            made = generator(crop, crop, heard).image[0].permute(1, 2, 0).numpy()
        x, y, side = (round(float(value)) for value in rule.square(box))
        x, y = max(x, 0), max(y, 0)
        hole = frame[y : y + side, x : x + side]
        hole[:] = cv2.resize((made * 255).astype(np.uint8), hole.shape[1::-1])
    return len(frames) / (time.monotonic() - started), len(frames) / (time.process_time() - cpu_s)


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=int, nargs="*", default=[10, 600])
    parser.add_argument("--size", default="{}x{}".format(*SIZE))
    parser.add_argument("--clip", type=Path)
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    with tempfile.TemporaryDirectory() as name:
        result: dict[str, object] = {"size": options.size}
        peaks = []
        for kind, duration_s in zip(("short", "long"), options.seconds, strict=False):
            clip, speech = make_input(Path(name), duration_s, (width, height), options.clip)
            runs = [run_infer(clip, speech) for _ in range(SHORT_RUNS if kind == "short" else 1)]
            lasted_s, cpu_s, peak_mb = (statistics.median(values) for values in zip(*runs, strict=True))
            peaks.append(peak_mb)
            rate, cpu_rate = duration_s * RATE / lasted_s, duration_s * RATE / cpu_s
            result |= {f"{kind}_s": duration_s, f"{kind}_frames_per_s": round(rate, 1)}
            result |= {f"{kind}_frames_per_cpu_s": round(cpu_rate, 1), f"{kind}_peak_mb": round(peak_mb)}
        naive_rate, naive_cpu_rate = run_naively(clip)
        result["memory_long_over_short"] = round(peaks[-1] / peaks[0], 3)
        result |= {"naive_frames_per_s": round(naive_rate, 2), "naive_frames_per_cpu_s": round(naive_cpu_rate, 2)}
        result |= {"ratio": round(rate / naive_rate, 1), "cpu_ratio": round(cpu_rate / naive_cpu_rate, 1)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
