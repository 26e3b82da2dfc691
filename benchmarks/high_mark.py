"""What lossy codes leave of the audio mark above 15 kHz, and of the usual one beside it.

    python benchmarks/high_mark.py clips/*.mp4

Each sound is brought to 48 kHz, one or two channels, marked, coded, and searched.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from lipsync_cli.media.ffmpeg import find_tool
from lipsync_cli.provenance.audio_watermark import HIGH_BAND, HIGH_DB, SPEECH_BAND, find_mark, mark

RATE = 48_000
CODES = {
    "none": (["-c:a", "pcm_f32le"], "wav"),
    **{f"AAC {rate} kbit/s": (["-c:a", "aac", "-b:a", f"{rate}k"], "m4a") for rate in (64, 128, 192)},
    "MP3 128 kbit/s": (["-b:a", "128k"], "mp3"),
    "24 kHz": (["-ar", "24000", "-c:a", "pcm_f32le"], "wav"),
}


def convert(source: Path, target: Path, *options: str) -> None:
    """Convert a sound with FFmpeg."""
    subprocess.run([find_tool("ffmpeg"), "-v", "error", "-y", "-i", source, "-vn", *options, target], check=True)


def main(clips: list[str]) -> None:
    """Print one line for each number of channels and code."""
    scores: dict[tuple[int, str], list[tuple[bool, bool, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        given, marked = Path(folder) / "given.wav", Path(folder) / "marked.wav"
        for clip in clips:
            for channels in (1, 2):
                convert(Path(clip), given, "-ar", str(RATE), "-ac", str(channels), "-c:a", "pcm_f32le")
                samples, rate = soundfile.read(given, dtype="float32", always_2d=True)
                plain = find_mark(given, HIGH_BAND)
                scores.setdefault((channels, "unmarked"), []).append((plain.found, False, plain.score))
                out = np.concatenate(list(mark([samples], rate, high_db=HIGH_DB)))
                soundfile.write(marked, out, rate, subtype="FLOAT")
                for name, (options, suffix) in CODES.items():
                    coded = Path(folder) / f"coded.{suffix}"
                    convert(marked, coded, *options)
                    high, usual = find_mark(coded, HIGH_BAND), find_mark(coded, SPEECH_BAND)
                    scores.setdefault((channels, name), []).append((high.found, usual.found, high.score))
    for (channels, name), found in scores.items():
        least, most = min(each[2] for each in found), max(each[2] for each in found)
        high, usual = (sum(each[place] for each in found) for place in (0, 1))
        of = len(found)
        print(f"{channels} channel(s), {name}: above hearing {high} of {of} ({least:.1f} to {most:.1f}), usual {usual}")


if __name__ == "__main__":
    main(sys.argv[1:])
