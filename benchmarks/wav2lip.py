"""`lipsync infer` beside the inference script of Wav2Lip (Prajwal et al. 2020): frames a second, and peak memory.

The clip is that of `infer.py`. `lipsync infer` makes 30 s of it, everything included. Wav2Lip's script, which searches
every frame for the face with its own detector (S3FD), runs on two short pieces: their difference is the time a frame,
what remains is the time of its start, and both together give its time for 30 s. Its memory, which grows with the clip,
is that of the longer piece. Its networks get random weights, whose speed is that of trained ones; since a random
detector finds nothing, its network runs as ever, and one box is given back for what it would have found.

Nothing of Wav2Lip comes with this project: give the path of a checkout of github.com/Rudrabha/Wav2Lip. Both programs
run with the same number of threads, one after the other, on a machine that should do nothing else.

Usage: python benchmarks/wav2lip.py CHECKOUT [SHORT_FRAMES LONG_FRAMES]        (default: 16 64)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

from infer import RATE, SIZE, children_cpu_s, make_input, resident_mb, run_infer

DURATION_S = 30
BOX = 120, 60, 240, 200  # x0, y0, x1, y1 of a face in the clip

# What runs in place of its command: fresh weights, the place of the face, and what newer libraries call otherwise.
DRIVER = """
import runpy, sys
checkout, x0, y0, x1, y1 = sys.argv[1], *map(float, sys.argv[2:6])
sys.path.insert(0, checkout)
import librosa, numpy, torch
from face_detection.detection.sfd import net_s3fd, sfd_detector
from models import Wav2Lip

def find(net, images, device):
    with torch.no_grad():
        net(torch.from_numpy(images.transpose(0, 3, 1, 2)).float().to(device))
    return numpy.tile(numpy.array([x0, y0, x1, y1, 1.0]), (1, len(images), 1))

mel = librosa.filters.mel
librosa.filters.mel = lambda rate, size, **rest: mel(sr=rate, n_fft=size, **rest)
sfd_detector.load_url = lambda url: net_s3fd.s3fd().state_dict()
sfd_detector.batch_detect = find
torch.save({"state_dict": Wav2Lip().state_dict()}, "random.pth")
sys.argv = ["inference.py", "--checkpoint_path", "random.pth", *sys.argv[6:]]
runpy.run_path(checkout + "/inference.py", run_name="__main__")
"""


def cut(folder: Path, clip: Path, speech: Path, num_frames: int) -> tuple[str, str]:
    """Write the first frames of the clip and their sound; return the names in the folder."""
    import soundfile

    from lipsync_cli.media.video.decode import read_frames
    from lipsync_cli.media.video.encode import VideoWriter

    with VideoWriter(folder / f"face{num_frames}.mp4", *SIZE, Fraction(RATE)) as writer:
        for frame in read_frames(clip, stop=num_frames):
            writer.write(frame)
    samples, sample_rate = soundfile.read(speech, frames=num_frames * soundfile.info(speech).samplerate // RATE)
    soundfile.write(folder / f"speech{num_frames}.wav", samples, sample_rate)
    return f"face{num_frames}.mp4", f"speech{num_frames}.wav"


def run_peer(checkout: Path, folder: Path, names: tuple[str, str]) -> tuple[float, float, float]:
    """Run Wav2Lip's script in a folder; return its seconds, its processor seconds, and its peak memory in MB."""
    place = [str(checkout), *map(str, BOX)]
    line = [sys.executable, "-c", DRIVER, *place, "--face", names[0], "--audio", names[1], "--outfile", "out.mp4"]
    tools = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    started, cpu_s, peak_mb = time.monotonic(), children_cpu_s(), 0.0
    with open(folder / "log.txt", "w+") as log:
        with subprocess.Popen(line, cwd=folder, env={**os.environ, "PATH": tools}, stdout=log, stderr=log) as process:
            while process.poll() is None:
                peak_mb = max(peak_mb, resident_mb(process.pid))
                time.sleep(0.1)
        if process.returncode != 0 or not (folder / "out.mp4").exists():
            log.seek(0)
            raise SystemExit(f"Wav2Lip ended with {process.returncode}: {log.read()[-600:]}")
    (folder / "out.mp4").unlink()
    return time.monotonic() - started, children_cpu_s() - cpu_s, peak_mb


def main() -> None:
    """Measure and print one JSON line."""
    from lipsync_cli.media.ffmpeg import find_tool

    if len(sys.argv) < 2:
        print(json.dumps({"skipped": "give the path of a checkout of github.com/Rudrabha/Wav2Lip"}))
        return
    checkout, counts = Path(sys.argv[1]).resolve(), list(map(int, sys.argv[2:4] or (16, 64)))
    if not (checkout / "inference.py").is_file():
        raise SystemExit(f"{checkout}: no checkout of Wav2Lip, it has no inference.py")
    whole = DURATION_S * RATE
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "temp").mkdir()
        (folder / "bin").mkdir()
        (folder / "bin" / "ffmpeg").symlink_to(find_tool("ffmpeg"))
        clip, speech = make_input(folder, DURATION_S)
        ours = [run_infer(clip, speech)]
        peers = [run_peer(checkout, folder, cut(folder, clip, speech, count)) for count in counts]
        ours.append(run_infer(clip, speech))
    frame_s, frame_cpu_s = ((peers[1][k] - peers[0][k]) / (counts[1] - counts[0]) for k in (0, 1))
    rate, cpu_rate = (whole * len(ours) / sum(run[k] for run in ours) for k in (0, 1))
    peer_rate = whole / (peers[1][0] + (whole - counts[1]) * frame_s)
    peer_cpu_rate = whole / (peers[1][1] + (whole - counts[1]) * frame_cpu_s)
    peak_mb = max(run[2] for run in ours)
    result = {
        "seconds": DURATION_S,
        "frames_per_s": round(rate, 1),
        "frames_per_cpu_s": round(cpu_rate, 1),
        "peak_mb": round(peak_mb),
        "wav2lip_frames_per_s": round(peer_rate, 2),
        "wav2lip_frames_per_cpu_s": round(peer_cpu_rate, 2),
        "wav2lip_peak_mb": round(peers[1][2]),
        "wav2lip_frames": counts[1],
        "memory_ratio": round(peers[1][2] / peak_mb, 2),
        "ratio": round(rate / peer_rate, 1),
        "cpu_ratio": round(cpu_rate / peer_cpu_rate, 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
