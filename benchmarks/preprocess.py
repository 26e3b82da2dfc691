"""Clips to a training file: detect-faces, mels and pack against LipGAN's way, both with two worker processes.

LipGAN's way (KR et al. 2019, preprocess.py, with the detector of the thesis): every frame read with OpenCV, searched by
dlib's HOG detector on the doubled image, one JPEG file a face, the mel by librosa. Needs clips in LIPSYNC_TEST_DATA
(default ../shared/data).

`cpu_` figures count processor time, which other work on the machine does not change much.

Usage: python benchmarks/preprocess.py [NUM_CLIPS | all]
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.preprocessing.clip_jobs import ClipJob
from lipsync_cli.preprocessing.detect_faces import collect_faces
from lipsync_cli.preprocessing.find_clips import find_clips
from lipsync_cli.preprocessing.mels import collect_mels
from lipsync_cli.preprocessing.pack import pack
from lipsync_cli.runtime.processes.workers import run_tasks

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("LIPSYNC_TEST_DATA", ROOT.parent / "shared" / "data"))
SPEAKER = "s1"
JOBS = 2
NUM_CLIPS, NUM_NAIVE = 40, 4


def preprocess_naively(job: ClipJob) -> int:
    """Write one clip's faces and mel as files and return the number of its frames."""
    import cv2
    import dlib
    import librosa
    import numpy as np
    from scipy.signal import lfilter

    from lipsync_cli.media.sound.audio import read_speech

    cv2.setNumThreads(1)
    folder = Path(job.parameters["folder"]) / job.clip.name
    folder.mkdir()
    detector = dlib.get_frontal_face_detector()
    video = cv2.VideoCapture(str(job.clip.path))
    count = 0
    while True:
        more, frame = video.read()
        if not more:
            break
        boxes = detector(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), 1)
        if boxes:
            box = max(boxes, key=lambda one: one.area())
            crop = frame[max(0, box.top()) : box.bottom(), max(0, box.left()) : box.right()]
            cv2.imwrite(str(folder / f"{count}.jpg"), cv2.resize(crop, (96, 96)))
        count += 1
    samples = lfilter([1, -0.97], [1], read_speech(job.clip.path))
    magnitude = np.abs(librosa.stft(y=samples, n_fft=800, hop_length=200, win_length=800))
    basis = librosa.filters.mel(sr=16000, n_fft=800, n_mels=80, fmin=55, fmax=7600)
    level = 20 * np.log10(np.maximum(1e-5, basis @ magnitude)) - 20
    np.savez_compressed(folder / "mels.npz", spec=np.clip(8 * (level + 100) / 100 - 4, -4, 4))
    return count


def cpu_s() -> float:
    """Processor time of this process and its ended children so far, in seconds."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> int:
    """Measure and print one JSON object."""
    clips = DATA / "grid" / SPEAKER
    if not clips.is_dir():
        print(f"no clips in {clips}; set LIPSYNC_TEST_DATA", file=sys.stderr)
        return 3
    found = find_clips(clips)
    wanted = sys.argv[1] if len(sys.argv) > 1 else str(NUM_CLIPS)
    count = len(found) if wanted == "all" else min(int(wanted), len(found))
    chosen = found[:: max(1, len(found) // count)][:count]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / SPEAKER
        source.mkdir()
        for clip in chosen:
            (source / clip.path.name).symlink_to(clip.path)
        started, cpu_started = time.perf_counter(), cpu_s()
        report = collect_faces(source, folder / "faces.h5", CropRule(), jobs=JOBS)
        faces_s = time.perf_counter() - started
        collect_mels(source, folder / "mels.h5", jobs=JOBS)
        mels_s = time.perf_counter() - started - faces_s
        pack(folder / "faces.h5", folder / "mels.h5", folder / "pack.h5")
        total_s, total_cpu_s = time.perf_counter() - started, cpu_s() - cpu_started
        tasks = [ClipJob(clip, {"folder": name}) for clip in chosen[:NUM_NAIVE]]
        started, cpu_started = time.perf_counter(), cpu_s()
        naive_frames = 0
        for _, frames, error in run_tasks(preprocess_naively, tasks, JOBS):
            if error is not None:
                raise error
            naive_frames += frames
        naive_s, naive_cpu_s = time.perf_counter() - started, cpu_s() - cpu_started
    per_s, naive_per_s = report["frames"] / total_s, naive_frames / naive_s
    figures = {
        "clips": report["clips"],
        "detect_faces_s": round(faces_s, 2),
        "mels_s": round(mels_s, 2),
        "pack_s": round(total_s - faces_s - mels_s, 2),
        "frames_per_s": round(per_s, 1),
        "minutes_for_886_clips": round(886 * total_s / report["clips"] / 60, 2),
        "cpu_minutes_for_886_clips": round(886 * total_cpu_s / report["clips"] / 60, 2),
        "naive_frames_per_s": round(naive_per_s, 2),
        "ratio": round(per_s / naive_per_s, 2),
        "cpu_ratio": round(report["frames"] / total_cpu_s / (naive_frames / naive_cpu_s), 2),
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
