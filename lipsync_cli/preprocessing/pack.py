"""faces.h5 and mels.h5 to one training file with a split."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.mouth_shapes import NUM_SHAPES, Measure, find_measure
from lipsync_cli.faces.similarity import find_measure as find_points
from lipsync_cli.formats import schema
from lipsync_cli.formats.faces_file import HEAD_PARTS, create_faces
from lipsync_cli.formats.guarded_hdf5 import read_attribute
from lipsync_cli.formats.schema import RAW
from lipsync_cli.preprocessing.clip_jobs import OnFailure, Progress
from lipsync_cli.preprocessing.store_set import StoredClip, open_stores
from lipsync_cli.runtime.atomic_files import atomic_output, check_output
from lipsync_cli.speech.mel import FRAMES_PER_SECOND, MelParameters

if TYPE_CHECKING:
    import h5py
    import numpy as np

_LATER = ("validation_speakers", "split_above")
Joined = tuple[StoredClip, StoredClip]  # the faces and the mel of one clip
_RAGGED = {"feature": "features/data", "sample": "sound/data"}  # by the columns num_NAMEs and first_NAME
MAX_MISSING_SOUND_S = 0.25  # sound may end this much before the middle of the last frame


@dataclass(frozen=True)
class Split:
    """Which clips are for what, speaker by speaker, in the order of the clips' names.

    The thesis (Liljegren and Nordqvist 2021) has GRIDTest = 20 clips a speaker, GRIDSmall and GRIDFull = 300 and 980.

    Parameters
    ----------
    test_per_speaker : the last clips by name; a speaker with no more clips than this keeps them all for training
    validation_per_speaker : the clips before those, by the same rule
    train_per_speaker : this many of the rest, evenly spread, the others unused; None: all of them
    hold_out : speakers whose every clip is for the test
    validation_speakers : speakers whose every clip is for validation
    split_above : speakers with at most so many clips keep them all for training
    """

    test_per_speaker: int = 20
    validation_per_speaker: int = 0
    train_per_speaker: int | None = None
    hold_out: tuple[str, ...] = field(default=())
    validation_speakers: tuple[str, ...] = field(default=())
    split_above: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Give the split as a JSON-able dictionary; what came later is left out where it is not used."""
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {name: value for name, value in values.items() if value or name not in _LATER}

    def assign(self, speakers: np.ndarray, note: Callable[[str], None] | None = None) -> list[str]:
        """Give each clip its split.

        Parameters
        ----------
        speakers : shape (n,), the speaker of each clip; clips are in the order of their names
        note : told of speakers that have too few clips

        Raises
        ------
        UsageError : a speaker to hold out has no clips
        """
        import numpy as np

        known = sorted(set(speakers.tolist()))
        for speaker in (*self.hold_out, *self.validation_speakers):
            if speaker not in known:
                raise UsageError(f"there is no speaker {speaker!r} to hold out", hint=f"there are {' '.join(known)}")
        if both := sorted(set(self.hold_out) & set(self.validation_speakers)):
            raise UsageError(f"{both[0]} cannot be for test and validation both")
        splits = np.full(len(speakers), schema.TRAIN, dtype="U6")
        for speaker in known:
            rows = np.flatnonzero(speakers == speaker)
            if speaker in self.hold_out:
                splits[rows] = schema.TEST
                continue
            if speaker in self.validation_speakers:
                splits[rows] = schema.VALIDATION
                continue
            for split, count in (
                (schema.TEST, self.test_per_speaker),
                (schema.VALIDATION, self.validation_per_speaker),
            ):
                if count and len(rows) > max(count, self.split_above):
                    splits[rows[-count:]] = split
                    rows = rows[:-count]
                elif count and not self.split_above and note is not None:
                    clips = "clip" if len(rows) == 1 else "clips"
                    note(f"{speaker}: {len(rows)} {clips}, too few to spare {count} for {split}; all stay in train")
            wanted = self.train_per_speaker
            if wanted is not None and wanted < len(rows):
                splits[rows] = schema.UNUSED
                splits[rows[np.linspace(0, len(rows) - 1, wanted).round().astype(int)]] = schema.TRAIN
            elif wanted is not None and wanted > len(rows) and note is not None:
                note(f"{speaker}: {len(rows)} clips for train, {wanted} were asked for")
        return splits.tolist()


def pack(
    faces: str | Path | Sequence[Path],
    mels: str | Path | Sequence[Path],
    output: str | Path,
    split: Split | None = None,
    *,
    force: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
    on_failure: OnFailure | None = None,
    note: Callable[[str], None] | None = None,
    mouths: bool = False,
    landmarks: bool = False,
) -> dict[str, Any]:
    """Join faces and mels by speaker and name into one training file.

    Parameters
    ----------
    faces, mels : what detect-faces and mels wrote, each in one file or in several
    dry_run : write nothing
    on_failure : told of every clip that is in one of the two only, or whose sound does not fit its pictures
    note : told what the split could not do
    mouths, landmarks : measure mouths (`mouth_shapes`), find eyes and nose (`faces.similarity`) in every crop

    Returns
    -------
    counts: clips, frames, frames_without_face, mel_frames, failed, and clips by split

    Raises
    ------
    InputError : a file cannot be used, the two do not fit, two files of one kind differ in their rules or hold the same
        clip, or no clip is in both
    UsageError : the split cannot be made
    ToolError : mouths or landmarks are to be measured, and dlib's landmarks are not installed
    """
    faces, mels, output = _as_paths(faces), _as_paths(mels), Path(output)
    split, look = split or Split(), (find_measure() if mouths else None, find_points() if landmarks else None)
    check_output(output, force, [*faces, *mels])
    failed: list[str] = []

    def fail(text: str, path: Path) -> None:
        failed.append(text)
        if on_failure is not None:
            on_failure(InputError(text, path))

    with open_stores(faces, schema.FACES) as face_set, open_stores(mels, schema.MELS) as mel_set:
        _check_rate(MelParameters.from_dict(mel_set.parameters["mel_parameters"]), mels[0])
        sound_of = {clip.key: clip for clip in mel_set.clips}
        joined: list[Joined] = []
        for face in face_set.clips:
            sound = sound_of.pop(face.key, None)
            label = "/".join(face.key)
            if sound is None:
                fail(f"{label} has faces but no mel in {_name(mels)}, and is left out", face.path)
                continue
            last = face.read_whole("faces/middle")[face.place("frame").stop - 1]
            if (missing := last - sound.row["num_mels"] / FRAMES_PER_SECOND) > MAX_MISSING_SOUND_S:
                fail(f"the sound of {label} ends {missing:.2f} s before its pictures, it is left out", sound.path)
            else:
                joined.append((face, sound))
        for key, sound in sound_of.items():
            fail(f"{'/'.join(key)} has a mel but no faces in {_name(faces)}, and is left out", sound.path)
        if not joined:
            raise InputError(f"no clip is both in it and in {_name(mels)}", faces[0], "make both from the same clips")
        parameters = {**face_set.parameters, **mel_set.parameters, "split": split.to_dict()}
        rows = _rows(joined, split, note, _ragged_kinds(mel_set.parameters))
        faceless = sum(_count_faceless(face) for face, _ in joined)
        if not dry_run:
            room = face_set.num_bytes + mel_set.num_bytes
            with atomic_output(output, force) as temporary, schema.create_hdf5(temporary, room) as file:
                inputs = [*face_set.describe(), *mel_set.describe()]
                _write(file, parameters, joined, rows, inputs, progress=progress, look=look)
    return {
        "clips": len(rows),
        "frames": sum(row["num_frames"] for row in rows),
        "frames_without_face": faceless,
        "mel_frames": sum(row["num_mels"] for row in rows),
        **{name: sum(row["split"] == name for row in rows) for name in schema.SPLITS},
        "failed": len(failed),
    }


def _check_rate(parameters: MelParameters, path: Path) -> None:
    rate = parameters.sample_rate / parameters.hop_length
    if rate != FRAMES_PER_SECOND:
        raise InputError(f"has {rate:g} mel frames a second, {FRAMES_PER_SECOND} are needed", path)


def _as_paths(given: str | Path | Sequence[Path]) -> list[Path]:
    return [Path(given)] if isinstance(given, str | Path) else [Path(each) for each in given]


def _name(paths: Sequence[Path]) -> str:
    return str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def _rows(
    joined: list[Joined], split: Split, note: Callable[[str], None] | None, kinds: list[str]
) -> list[dict[str, Any]]:
    import numpy as np

    splits = split.assign(np.array([face.key[0] for face, _ in joined]), note)
    rows = []
    first_frame = first_mel = 0
    firsts = dict.fromkeys(kinds, 0)
    for (one, other), name in zip(joined, splits, strict=True):
        face, sound = one.row, other.row
        row = {column: face[column] for column in ("name", "speaker", "fps_num", "fps_den")}
        row |= {"split": name, "num_frames": int(face["num_frames"]), "first_frame": first_frame}
        row |= {"num_mels": int(sound["num_mels"]), "first_mel": first_mel}
        for kind in kinds:
            row |= {f"num_{kind}s": int(sound[f"num_{kind}s"]), f"first_{kind}": firsts[kind]}
            firsts[kind] += int(sound[f"num_{kind}s"])
        rows.append(row)
        first_frame += int(face["num_frames"])
        first_mel += int(sound["num_mels"])
    return rows


def _ragged_kinds(parameters: dict[str, Any]) -> list[str]:
    """Say what mels.h5 holds beside mels: speech features, the sound itself."""
    known = (("feature_parameters", "feature"), ("sound_rate", "sample"))
    return [kind for name, kind in known if name in parameters]


def _count_faceless(clip: StoredClip) -> int:
    import numpy as np

    return int(np.isnan(clip.read_whole("faces/box")[clip.place("frame"), 0]).sum())


def _write(
    file: h5py.File,
    parameters: dict[str, Any],
    joined: list[Joined],
    rows: list[dict[str, Any]],
    inputs: list[dict[str, Any]],
    *,
    progress: Progress | None,
    look: tuple[Measure | None, Callable[..., Any] | None],
) -> None:
    import numpy as np

    (measure, find), kinds = look, _ragged_kinds(parameters)
    columns = schema.PACK_COLUMNS + tuple(name for kind in kinds for name in (f"num_{kind}s", f"first_{kind}"))
    table = schema.make_table(rows, columns)
    digest = hashlib.sha256(repr((sorted(parameters.items()), table.tolist())).encode())
    schema.write_header(file, schema.PACK, parameters, inputs)
    schema.write_table(file, table)
    raw = parameters["encoding"] == RAW
    num_frames = int(table["num_frames"].sum())
    num_bytes = 0 if raw else sum(_count_bytes(face) for face, _ in joined)
    write = create_faces(file, num_frames, num_bytes, parameters["crop_rule"]["size"], parameters)
    num_mels = int(table["num_mels"].sum())
    mel_data = file.create_dataset("mels/data", (num_mels, joined[0][1].file["mels/data"].shape[1]), np.float32)
    ragged = {kind: _create_ragged(file, joined, kind, int(table[f"num_{kind}s"].sum())) for kind in kinds}
    shapes = file.create_dataset("faces/mouth", (num_frames, NUM_SHAPES), np.float32) if measure else None
    rule, head = CropRule.from_dict(parameters["crop_rule"]), HEAD_PARTS if parameters.get("head") else ()
    first_byte = 0
    for done, ((face, sound), row) in enumerate(zip(joined, rows, strict=True)):
        faces, mels, frames = face.file, sound.file, face.place("frame")
        arrays = [faces[f"faces/{name}"][frames] for name in ("middle", "box", "score", "landmarks")]
        if raw:
            data, piece = faces["faces/crop/data"][frames], np.zeros(1, np.int64)
        else:
            piece = face.read_whole("faces/crop/offset")[frames.start : frames.stop + 1]
            data = faces["faces/crop/data"][piece[0] : piece[-1]]
        crops = data if raw else [data[a:b] for a, b in zip(piece - piece[0], piece[1:] - piece[0], strict=False)]
        if find is not None:
            arrays[-1] = find(crops, rule, arrays[1])
        parts = {name: faces[f"faces/{name}"][frames] for name in head}
        write(row["first_frame"], first_byte, *arrays, data=data, offset=piece, **parts)
        if shapes is not None and measure is not None:
            shapes[row["first_frame"] : row["first_frame"] + row["num_frames"]] = measure(crops, rule)
        mel = mels["mels/data"][sound.place("mel")]
        mel_data[row["first_mel"] : row["first_mel"] + len(mel)] = mel
        first_byte += 0 if raw else len(data)
        hashed = [*arrays, data, piece - piece[0], mel, *parts.values()]
        for kind, made in ragged.items():
            heard = mels[_RAGGED[kind]][_rows_of(made, sound.place(kind))]
            first = row[f"first_{kind}"]
            made[_rows_of(made, slice(first, first + row[f"num_{kind}s"]))] = heard
            hashed.append(heard)
        for array in hashed:
            digest.update(np.ascontiguousarray(array).tobytes())
        if progress is not None:
            progress(done + 1, len(rows), "pack")
    file.attrs["fingerprint"] = digest.hexdigest()


def _count_bytes(clip: StoredClip) -> int:
    """Return how many bytes the crops of a clip have."""
    offset, frames = clip.read_whole("faces/crop/offset"), clip.place("frame")
    return int(offset[frames.stop] - offset[frames.start])


def _create_ragged(file: h5py.File, joined: list[Joined], kind: str, total: int) -> h5py.Dataset:
    """Create the dataset for the speech features of all clips, (1 + variants, total, D), or their sound, (total,)."""
    stored = joined[0][1].file[_RAGGED[kind]]
    shape = (total,) if stored.ndim == 1 else (stored.shape[0], total, stored.shape[2])
    made = file.create_dataset(_RAGGED[kind], shape, stored.dtype)
    if kind == "feature":
        made.attrs["silence"] = read_attribute(stored, "silence", list, _RAGGED[kind])
    return made


def _rows_of(stored: h5py.Dataset, rows: slice) -> tuple[slice, ...]:
    """Give the place of a clip in a dataset of one axis, or in the second of three."""
    return (rows,) if stored.ndim == 1 else (slice(None), rows)
