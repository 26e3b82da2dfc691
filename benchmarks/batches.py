"""Training samples a second: LipGAN's way of reading them against a pack, held decoded and straight from its JPEG.

LipGAN's data loader (KR et al. 2019, train.py) lists a clip's folder for every sample, reads two of its images and its
mel file, and cuts the window. All three ways draw the same frames here and give the same arrays: reference and target
(n, 96, 96, 3) uint8 and the mel window (n, 27, 80) float32. One thread, but for "jpeg_2_threads". Beside them
"training_batches": what `lipsync train` does on a CPU for a batch, which also draws the frames and mismatched audio
for each, and makes float tensors of it all.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from glob import glob
from pathlib import Path

import cv2
import h5py
import numpy as np

from lipsync_cli.datasets.frame_table import FrameTable, Sampling, gather
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.formats import schema
from lipsync_cli.formats.faces_file import create_faces
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.preprocessing.pack import Split, pack
from lipsync_cli.speech.mel import MelParameters, log_mel, window, window_start

ROOT = Path(__file__).resolve().parent.parent
NUM_CLIPS, NUM_FRAMES, RATE = 60, 75, 25
BATCH = 128
SECONDS = 4.0  # measured for each way


def make_inputs(folder: Path) -> None:
    """Write the same crops and mels twice: as LipGAN's tree of files, and as a pack."""
    photo = cv2.imread(str(ROOT / "examples" / "astronaut.jpg"))
    noise = np.random.default_rng(0)
    rule, parameters = CropRule(), MelParameters()
    rows, mel_rows, crops, mels = [], [], [], []
    for number in range(NUM_CLIPS):
        name = f"clip{number:03d}"
        place = folder / "tree" / name
        place.mkdir(parents=True)
        mel = log_mel(0.1 * noise.standard_normal(NUM_FRAMES * 640).astype(np.float32))
        np.savez_compressed(place / "mels.npz", spec=mel)
        mels.append(mel)
        for frame in range(NUM_FRAMES):
            x, y = 150 + 8 * np.sin(frame / 9 + number), 62 + 6 * np.cos(frame / 7)
            crop = cv2.warpAffine(photo, np.array([[0.8, 0, -0.8 * x], [0, 0.8, -0.8 * y]]), (96, 96))
            data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].reshape(-1)
            (place / f"{frame}.jpg").write_bytes(data.tobytes())
            crops.append(data)
        shared = {"name": name, "speaker": "s", "file": name, "bytes": 0, "sha256": ""}
        times = {"fps_num": RATE, "fps_den": 1, "num_frames": NUM_FRAMES, "first_frame": number * NUM_FRAMES}
        rows.append(shared | times)
        mel_rows.append(shared | {"num_mels": len(mel), "first_mel": number * len(mel)})
    total = NUM_CLIPS * NUM_FRAMES
    with h5py.File(folder / "faces.h5", "w") as file:
        settings = {"crop_rule": rule.to_dict(), "encoding": "jpeg", "quality": 95}
        schema.write_header(file, schema.FACES, settings, [])
        schema.write_table(file, schema.make_table(rows, schema.FACES_COLUMNS))
        offset = np.cumsum([0, *map(len, crops)], dtype=np.int64)
        middle = np.tile((np.arange(NUM_FRAMES) + 0.5) / RATE, NUM_CLIPS)
        box = np.tile(np.float32([10, 10, 90, 90]), (total, 1))
        landmarks = np.full((total, 5, 2), np.nan, np.float32)
        write = create_faces(file, total, int(offset[-1]), rule.size, settings)
        write(0, 0, middle, box, box[:, 0], landmarks, data=np.concatenate(crops), offset=offset)
    with h5py.File(folder / "mels.h5", "w") as file:
        schema.write_header(file, schema.MELS, {"mel_parameters": parameters.to_dict()}, [])
        schema.write_table(file, schema.make_table(mel_rows, schema.MELS_COLUMNS))
        file.create_dataset("mels/data", data=np.concatenate(mels))
    pack(folder / "faces.h5", folder / "mels.h5", folder / "pack.h5", Split(test_per_speaker=0))


def read_as_lipgan(tree: Path) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, ...]]:
    """Give a function that reads samples from a tree of files, each on its own."""
    folders = sorted(tree.iterdir())

    def read(reference: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, ...]:
        references, targets, mels = [], [], []
        for first, second in zip(reference, target, strict=True):
            place = folders[second // NUM_FRAMES]
            names = glob(str(place / "*.jpg"))
            assert len(names) >= 12
            references.append(cv2.imread(str(place / f"{first % NUM_FRAMES}.jpg")))
            targets.append(cv2.imread(str(place / f"{second % NUM_FRAMES}.jpg")))
            mel = np.load(place / "mels.npz")["spec"]
            mels.append(window(mel, (second % NUM_FRAMES + 0.5) / RATE))
        return np.array(references)[..., ::-1], np.array(targets)[..., ::-1], np.array(mels)

    return read


def read_from_pack(
    opened: Pack, crops: np.ndarray | None
) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, ...]]:
    """Give a function that reads samples from a pack: from decoded crops, or from its JPEG data."""
    table = FrameTable(opened, "train")
    fetch = opened.read_crops if crops is None else crops.__getitem__

    def read(reference: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, ...]:
        both = fetch(np.concatenate([reference, target]))
        return both[: len(reference)], both[len(reference) :], table.windows(target)

    return read


def measure(read: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, ...]]) -> float:
    """Samples a second over batches of 128; a reference is another frame of the target's clip, 6 or more away."""
    generator = np.random.default_rng(1)
    samples, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < SECONDS:
        read(*draw(generator))
        samples += BATCH
    return samples / passed


def measure_training(opened: Pack, crops: np.ndarray) -> float:
    """Samples a second of the training loop's own batches."""
    import torch

    torch.set_num_threads(1)
    table, sampling = FrameTable(opened, "train"), Sampling(batch_size=BATCH)
    samples, started = 0, time.perf_counter()
    while (passed := time.perf_counter() - started) < SECONDS:
        gather(crops, table, table.draw(sampling, samples))
        samples += BATCH
    return samples / passed


def draw(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the frames of one batch: reference and target."""
    clip = generator.integers(0, NUM_CLIPS, BATCH) * NUM_FRAMES
    target = generator.integers(0, NUM_FRAMES, BATCH)
    reference = (target + generator.integers(6, NUM_FRAMES - 6, BATCH)) % NUM_FRAMES
    return clip + reference, clip + target


def main() -> None:
    """Measure and print one JSON object."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_inputs(folder)
        with Pack(folder / "pack.h5") as one, Pack(folder / "pack.h5", jobs=2) as two:
            assert (window_start(one.frame_middle[:2]) == [-11, -8]).all()
            ways = {
                "lipgan": read_as_lipgan(folder / "tree"),
                "decoded": read_from_pack(one, one.decode_all()),
                "jpeg": read_from_pack(one, None),
                "jpeg_2_threads": read_from_pack(two, None),
            }
            frames = draw(np.random.default_rng(2))
            expected = ways["lipgan"](*frames)
            for read in ways.values():
                for array, other in zip(read(*frames), expected, strict=True):
                    np.testing.assert_array_equal(array, other)
            rates = {way: measure(read) for way, read in ways.items()}
            rates["training_batches"] = measure_training(one, one.decode_all())
    figures: dict[str, float | str] = {f"{way}_samples_per_s": round(rate, 1) for way, rate in rates.items()}
    figures |= {f"ratio_{way}": round(rates[way] / rates["lipgan"], 2) for way in rates if way != "lipgan"}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
