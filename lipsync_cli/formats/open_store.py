"""The one way to open a file of the HDF5 family: it holds what `docs/reference/formats.md` says, or it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.formats import schema
from lipsync_cli.formats.guarded_hdf5 import (
    check_numbers,
    check_run,
    damage_as_error,
    find_dataset,
    find_group,
    has_member,
    read_attribute,
)
from lipsync_cli.media.ffmpeg import check_file
from lipsync_cli.media.sound.audio import SPEECH_RATE
from lipsync_cli.runtime.json_values import check_type
from lipsync_cli.speech.mel import MelParameters
from lipsync_cli.speech.speech_features import FeatureParameters

if TYPE_CHECKING:
    import h5py
    import numpy as np

MOST_SECONDS = 1e7  # of a clip
MOST_PIXELS = 1e6  # of a face box's place
MOST_RATE = 2**31  # of a frame rate's two numbers
MEL_MARGIN = 1e-3  # beyond the levels of the mel parameters


@contextmanager
def open_hdf5(
    path: str | Path, formats: tuple[str, ...] = (schema.FACES, schema.MELS, schema.PACK)
) -> Iterator[h5py.File]:
    """Open a file of the family for reading, after a check of everything it declares.

    Raises
    ------
    InputError : it is missing, unreadable, damaged, not HDF5, of another format or version, or reaches beyond itself
    """
    import h5py

    path = Path(path)
    check_file(path, _how_to_make(formats))
    with open(path, "rb") as probe:
        is_hdf5 = probe.read(8) == b"\x89HDF\r\n\x1a\n"
    expected = " or ".join(formats)
    if not is_hdf5:
        raise InputError(f"is no HDF5 file, {expected} is needed", path, _how_to_make(formats))
    with damage_as_error(path):
        file = h5py.File(path, "r")
    with file:
        with damage_as_error(path):
            found = read_attribute(file, "format", str) if "format" in file.attrs else None
        if found not in formats:
            what = f"its format is {found}" if found else "it has no format attribute"
            raise InputError(f"{what}, {expected} is needed", path, _how_to_make(formats))
        how = f"make it again with lipsync {schema.MADE_BY[found]}"
        with damage_as_error(path, how):
            version = read_attribute(file, "format_version", int)
        if version != schema.VERSION:
            fact = f"format version {version}, this program reads version {schema.VERSION}"
            raise InputError(fact, path, f"{how}, or update lipsync")
        with damage_as_error(path, how):
            check_store(file, found)
        yield file


def _how_to_make(formats: tuple[str, ...]) -> str:
    return "make one with " + " or ".join(f"lipsync {schema.MADE_BY[name]}" for name in formats)


def check_store(file: h5py.File, format_name: str) -> None:
    """Check links, storage, types, shapes, ranges and offsets of all that is read of a store.

    The bytes of crops and speech features are not looked at: crops are checked as they are decoded, features as they
    are taken.

    Raises
    ------
    InputError : something is not as it should be; it names file and dataset
    """
    path = Path(file.filename)
    parameters = schema.read_parameters(file)
    columns = {schema.FACES: schema.FACES_COLUMNS, schema.MELS: schema.MELS_COLUMNS, schema.PACK: schema.PACK_COLUMNS}
    has_features = format_name != schema.FACES and "feature_parameters" in parameters
    has_sound = format_name != schema.FACES and "sound_rate" in parameters
    wanted = columns[format_name] + (schema.FEATURE_COLUMNS if has_features else ())
    wanted += schema.SOUND_COLUMNS if has_sound else ()
    clips = _check_clips(file, wanted, path)
    if format_name != schema.MELS:
        _check_faces(file, parameters, check_run(clips["first_frame"], clips["num_frames"], "frames", path), path)
    if format_name != schema.FACES:
        _check_mels(file, parameters, check_run(clips["first_mel"], clips["num_mels"], "mels", path), path)
    if has_features:
        total = check_run(clips["first_feature"], clips["num_features"], "speech features", path)
        _check_features(file, parameters, total, path)
    if has_sound:
        if parameters["sound_rate"] != SPEECH_RATE:
            raise InputError(f"its sound has {parameters['sound_rate']!r} samples a second, not {SPEECH_RATE}", path)
        find_dataset(
            file, "sound/data", "<i2", (check_run(clips["first_sample"], clips["num_samples"], "samples", path),)
        )
    if format_name == schema.PACK:
        read_attribute(file, "fingerprint", str)


def _check_clips(file: h5py.File, columns: tuple[str, ...], path: Path) -> np.ndarray:
    find_dataset(file, "clips", None, (None,))
    stored = file["clips"].dtype
    for column in columns:
        kind = "S" if column in schema.TEXT else "i"
        if (
            column not in (stored.names or ())
            or stored[column].kind != kind
            or (kind == "i" and stored[column] != "<i8")
        ):
            raise InputError(f"clips has no column {column} of {'text' if kind == 'S' else 'int64'}", path)
    clips = schema.read_table(file)
    for column in ("name", "speaker"):
        for value in clips[column].tolist():
            if not value or value in (".", "..") or "/" in value or "\0" in value:
                raise InputError(f"clips has {value!r} as a {column}", path)
    if "fps_num" in columns:
        rates = (clips["fps_num"], clips["fps_den"])
        if any((part < 1).any() or (part > MOST_RATE).any() for part in rates):
            raise InputError("clips has a frame rate that is not above zero", path)
    if "split" in columns and (unknown := set(clips["split"].tolist()) - set(schema.SPLITS)):
        raise InputError(f"clips has the split {min(unknown)!r}, not one of {', '.join(schema.SPLITS)}", path)
    return clips


def _check_faces(file: h5py.File, parameters: dict[str, Any], num_frames: int, path: Path) -> None:
    rule = CropRule.from_dict(parameters.get("crop_rule"))
    for name, shape, most in (
        ("box", (num_frames, 4), MOST_PIXELS),
        ("score", (num_frames,), MOST_PIXELS),
        ("landmarks", (num_frames, 5, 2), MOST_PIXELS),
    ):
        values = find_dataset(file, f"faces/{name}", "<f4", shape)
        check_numbers(values, f"faces/{name}", -most, most, may_miss=True)
    middle = find_dataset(file, "faces/middle", "<f8", (num_frames,))
    check_numbers(middle, "faces/middle", -MOST_SECONDS, MOST_SECONDS)
    if has_member(file, "faces/mouth"):
        mouth = find_dataset(file, "faces/mouth", "<f4", (num_frames, 3))
        check_numbers(mouth, "faces/mouth", -MOST_PIXELS, MOST_PIXELS, may_miss=True)
    crop = find_group(file, "faces/crop")
    encoding = read_attribute(crop, "encoding", str, "faces/crop")
    if encoding not in (schema.JPEG, schema.RAW) or parameters.get("encoding") != encoding:
        raise InputError(f"faces/crop has the encoding {encoding!r}", path)
    if not _has_quality(parameters, encoding):
        raise InputError("its parameters have no quality from 1 to 100", path)
    if (size := read_attribute(crop, "size", int, "faces/crop")) != rule.size:
        raise InputError(f"faces/crop has the size {size}, its crop rule {rule.size}", path)
    if encoding == schema.RAW:
        find_dataset(file, "faces/crop/data", "|u1", (num_frames, size, size, 3))
        return
    data = find_dataset(file, "faces/crop/data", "|u1", (None,))
    offset = find_dataset(file, "faces/crop/offset", "<i8", (num_frames + 1,))[()]
    if offset[0] != 0 or (offset[1:] < offset[:-1]).any() or offset[-1] > data.shape[0]:
        raise InputError("faces/crop/offset points outside of faces/crop/data", path)


def _has_quality(parameters: dict[str, Any], encoding: str) -> bool:
    quality = parameters.get("quality")
    if quality is None:
        return encoding != schema.JPEG
    return isinstance(quality, int) and 1 <= quality <= 100


def _check_mels(file: h5py.File, parameters: dict[str, Any], num_mels: int, path: Path) -> None:
    made_with = MelParameters.from_dict(parameters.get("mel_parameters"))
    most = made_with.max_abs + MEL_MARGIN
    check_numbers(find_dataset(file, "mels/data", "<f4", (num_mels, made_with.n_mels)), "mels/data", -most, most)


def _check_features(file: h5py.File, parameters: dict[str, Any], num_features: int, path: Path) -> None:
    import numpy as np

    made_with = FeatureParameters.from_dict(parameters["feature_parameters"])
    variants = check_type(parameters.get("variants", 0), int, "variants in its parameters")
    data = find_dataset(file, "features/data", "<f2", (1 + variants, num_features, made_with.dim))
    silence = read_attribute(data, "silence", list, "features/data")
    if silence.shape != (made_with.dim,) or not np.isfinite(silence).all():
        raise InputError("the attribute silence of features/data is no row of finite numbers", path)
