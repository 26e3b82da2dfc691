"""Small stores written with the schema alone: no video, no detector."""

from pathlib import Path

import cv2
import h5py
import numpy as np

from lipsync_cli.data import schema
from lipsync_cli.data.known_faces import create_faces
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.speech.features import DIM, RATE, FeatureParameters
from lipsync_cli.speech.mel import MelParameters


def picture(number: int, side: int = 96) -> np.ndarray:
    """A smooth coloured picture that is different for every number and survives JPEG."""
    y, x = np.mgrid[:side, :side] / side
    phase = number * 0.7
    channels = (np.sin(3 * x + phase), np.cos(2 * y + phase), np.sin(2 * x + 3 * y - phase))
    return np.stack([127 + 100 * channel for channel in channels], -1).astype(np.uint8)


def write_faces(path: Path, clips, raw: bool = False, faceless=(), rate: int = 25, size: int = 96) -> None:
    """Write a faces.h5; clips: (speaker, name, num_frames), sorted; faceless: frame numbers without a face."""
    rule = CropRule(size=size)
    parameters = {"crop_rule": rule.to_dict(), "encoding": "raw" if raw else "jpeg", "quality": None if raw else 95}
    rows, first = [], 0
    for speaker, name, count in clips:
        row = {"name": name, "speaker": speaker, "fps_num": rate, "fps_den": 1, "num_frames": count}
        rows.append(row | {"first_frame": first, "file": f"{speaker}/{name}.mp4", "bytes": 10, "sha256": "0" * 64})
        first += count
    pieces = []
    for number in range(first):
        if raw:
            pieces.append(picture(number, rule.size).reshape(-1) * (number not in faceless))
        elif number in faceless:
            pieces.append(np.zeros(0, np.uint8))
        else:
            bgr = cv2.cvtColor(picture(number, rule.size), cv2.COLOR_RGB2BGR)
            pieces.append(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].reshape(-1))
    with h5py.File(path, "w") as file:
        schema.write_header(file, schema.FACES, parameters, [])
        schema.write_table(file, schema.make_table(rows, schema.FACES_COLUMNS))
        write = create_faces(file, first, sum(len(piece) for piece in pieces), rule.size, parameters)
        first_byte = 0
        for row in rows:
            numbers = range(row["first_frame"], row["first_frame"] + row["num_frames"])
            box = np.array([[10 + n, 20, 110 + n, 120] for n in numbers], np.float32)
            box[[n - numbers.start for n in numbers if n in faceless]] = np.nan
            middle = (np.arange(len(box)) + 0.5) / rate
            landmarks = np.full((len(box), 5, 2), np.nan, np.float32)
            mine = [pieces[n] for n in numbers]
            offset = np.cumsum([0, *map(len, mine)], dtype=np.int64)
            data = np.concatenate(mine)
            write(numbers.start, first_byte, middle, box, box[:, 0] * 0 + 1, landmarks, data, offset)
            first_byte += len(data)


def write_mels(
    path: Path,
    clips,
    parameters: MelParameters | None = None,
    features: int = 0,
    feature_parameters: FeatureParameters | None = None,
) -> None:
    """Write a mels.h5; clips: (speaker, name, num_mels), sorted; the mel of clip k is all k / 10.

    With `features`, so many sounds have speech features: of the first, feature 0 of each moment is the time in seconds
    since the clip began, and feature 1 is k / 10; of its altered copies all is a hundred more.
    """
    rows, first, first_feature = [], 0, 0
    for speaker, name, count in clips:
        row = {"name": name, "speaker": speaker, "num_mels": count, "first_mel": first}
        rows.append(row | {"file": f"{speaker}/{name}.mp4", "bytes": 10, "sha256": "0" * 64})
        first += count
        if features:
            rows[-1] |= {"num_features": count * 5 // 8, "first_feature": first_feature}
            first_feature += count * 5 // 8
    with h5py.File(path, "w") as file:
        described = {"mel_parameters": (parameters or MelParameters()).to_dict()}
        if features:
            described |= {
                "feature_parameters": (feature_parameters or FeatureParameters()).to_dict(),
                "variants": features - 1,
                "seed": 10,
            }
        schema.write_header(file, schema.MELS, described, [])
        columns = schema.MELS_COLUMNS + (schema.FEATURE_COLUMNS if features else ())
        schema.write_table(file, schema.make_table(rows, columns))
        values = np.concatenate([np.full((row["num_mels"], 80), k / 10) for k, row in enumerate(rows)])
        file.create_dataset("mels/data", data=values.astype(np.float32))
        if features:
            data = np.zeros((features, first_feature, DIM), np.float16)
            for k, row in enumerate(rows):
                place = slice(row["first_feature"], row["first_feature"] + row["num_features"])
                data[:, place, 0] = np.arange(row["num_features"]) / RATE
                data[:, place, 1] = k / 10
            data[1:] += 100
            stored = file.create_dataset("features/data", data=data)
            stored.attrs["silence"] = np.full(DIM, -1, np.float32)
