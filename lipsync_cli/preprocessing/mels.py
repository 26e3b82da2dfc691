"""Clips or sound files to mels.h5: the log-mel spectrogram of each, and its speech features if they are wanted."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.config.shard import Shard
from lipsync_cli.errors import InputError, UsageError
from lipsync_cli.formats import schema
from lipsync_cli.formats.speech_encoder_weights import load_speech_encoder, make_encode
from lipsync_cli.media.reading import AUDIO, Reading
from lipsync_cli.preprocessing.clip_jobs import ClipJob, NotedWork, Notify, OnFailure, Part, Progress, journal
from lipsync_cli.preprocessing.detect_faces import describe_input, hash_clip
from lipsync_cli.preprocessing.find_clips import FRAMES, SOUND, VIDEO, find_share
from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.runtime.disk_array import StoredRows
from lipsync_cli.runtime.processes.workers import Run, run_tasks
from lipsync_cli.runtime.run_inputs import keep_inputs
from lipsync_cli.speech.mel import N_MELS, WINDOW, MelParameters, log_mel, stream_levels, to_mel
from lipsync_cli.speech.speech_features import FeatureParameters, encode_silence
from lipsync_cli.speech.speech_windows import SOUND_PEAK

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from lipsync_cli.speech.speech_features import Encode

MEL, ENCODER, SAMPLES = FEATURES = ("mel", "encoder", "sound")  # what can be made of sound; the last is the sound
MAX_VARIANTS = 64


def collect_mels(
    source: str | Path,
    output: str | Path,
    *,
    jobs: int = 1,
    force: bool = False,
    progress: Progress | None = None,
    on_failure: OnFailure | None = None,
    features: tuple[str, ...] = (MEL,),
    variants: int = 0,
    seed: int = 10,
    bands: int = N_MELS,
    audio_track: int | None = None,
    notify: Notify | None = None,
    shard: Shard | None = None,
    run: Run = run_tasks,
) -> dict[str, Any]:
    """Compute the log-mel spectrogram of every clip and write them to one HDF5 file.

    Parameters
    ----------
    source : a folder of clips or sound files, a folder made by extract-frames, or one file
    jobs : worker processes
    features : of FEATURES; "mel" is always among them, since everything that scores sync takes it
    variants : how many altered copies of each sound get speech features, too, see `speech.sound_variants`
    seed : of what they are altered by
    bands : of the mels
    audio_track : which sound of each file counts, of several; None: the file's default, or the first that is not silent
    notify : told in words what was noticed of a file
    shard : which part of the clips; None: all
    run : does the work on the clips, called as `run_tasks` is

    Returns
    -------
    counts: clips, mel_frames, failed, and feature_frames, samples and shard where there are any

    Raises
    ------
    InputError : the source or the output cannot be used
    NothingToDoError : no clips
    UsageError : there are no such features, or variants of none
    """
    source, output = Path(source), Path(output)
    parameters = _parameters(features, variants, seed, bands)
    failed: list[str] = []

    def fail(error: Any) -> None:
        failed.append(str(error))
        if on_failure is not None:
            on_failure(error)

    clips = find_share(source, shard, (VIDEO, FRAMES, SOUND), fail, notify)
    work = NotedWork(mel_of_clip, (AUDIO,), Reading(audio_track=audio_track))
    with (
        keep_inputs([source]),
        journal(
            work,
            clips,
            parameters if audio_track is None else parameters | {"audio_track": audio_track},
            output,
            jobs,
            force=force,
            progress=progress,
            on_failure=fail,
            notify=notify,
            label="mels",
            run=run,
        ) as parts,
    ):
        counts = _assemble(parts, source, output, parameters, force)
    found = {"clips": len(parts), **counts, "failed": len(failed)}
    return found | ({} if shard is None else {"shard": str(shard)})


def _parameters(features: tuple[str, ...], variants: int, seed: int, bands: int) -> dict[str, Any]:
    for name in features:
        if name not in FEATURES:
            raise UsageError(f"there are no features {name!r}", hint=f"choose from {', '.join(FEATURES)}")
    if MEL not in features:
        raise UsageError("--features leaves out mel", hint="give --features mel,encoder")
    if variants and ENCODER not in features:
        raise UsageError("--variants are of speech features", hint="give --features mel,encoder")
    parameters: dict[str, Any] = {"mel_parameters": MelParameters(n_mels=bands).to_dict()}
    if ENCODER in features:
        parameters |= {"feature_parameters": FeatureParameters().to_dict(), "variants": variants, "seed": seed}
    if SAMPLES in features:
        parameters |= {"sound_rate": parameters["mel_parameters"]["sample_rate"]}
    return parameters


def mel_of_clip(job: ClipJob) -> dict[str, Any]:
    """Compute the mel of one clip: what a worker does.

    Returns
    -------
    mel (T, n_mels), bytes, sha256; if wanted, features (1 + variants, T', 384) float16, and sound (N,) int16

    Raises
    ------
    InputError : there is no sound, or it is damaged, too short or silent throughout
    """
    import numpy as np

    clip, parameters = job.clip, MelParameters.from_dict(job.parameters["mel_parameters"])
    path = clip.sound
    if clip.kind == FRAMES and not path.exists():
        raise InputError("has no sound", clip.path, "give a clip with sound")
    if not {"feature_parameters", "sound_rate"} & job.parameters.keys() and job.folder is not None:
        return {"mel": _stored_mel(path, parameters, job.folder), **hash_clip(clip)}
    samples = np.concatenate(list(_checked(path, parameters)))
    made = {"mel": log_mel(samples, parameters), **hash_clip(clip)}
    if "feature_parameters" in job.parameters:
        made["features"] = _encode_variants(samples, f"{clip.speaker}/{clip.name}", job.parameters)
    if "sound_rate" in job.parameters:
        made["sound"] = (samples * SOUND_PEAK).round().clip(-SOUND_PEAK, SOUND_PEAK).astype(np.int16)
    return made


def _stored_mel(path: Path, parameters: MelParameters, folder: Path) -> StoredRows:
    """Compute a mel block by block: the length of the sound costs no memory."""
    blocks = (to_mel(levels, parameters) for levels in stream_levels(_checked(path, parameters), parameters))
    return StoredRows.write(blocks, parameters.n_mels, folder)


def _checked(path: Path, parameters: MelParameters) -> Iterator[np.ndarray]:
    """Give the sound of a clip in pieces; InputError at its end if it is too short, or silent throughout."""
    from lipsync_cli.media.sound.audio import read_speech_blocks

    num_samples, is_silent = 0, True
    for piece in read_speech_blocks(path, parameters.sample_rate):
        num_samples, is_silent = num_samples + len(piece), is_silent and not piece.any()
        yield piece
    shortest = WINDOW * parameters.hop_length
    if num_samples < shortest:
        raise InputError(
            f"its sound is too short: {num_samples / parameters.sample_rate:.2f} s, "
            f"{shortest / parameters.sample_rate:.2f} s are needed"
        )
    if is_silent:
        raise InputError("its sound is silent throughout", hint="leave it out, or name its voice's track")


def _encode_variants(samples: np.ndarray, name: str, parameters: dict[str, Any]) -> np.ndarray:
    """Encode a sound and its altered copies, each brought to the usual level: shape (1 + variants, T, 384) float16."""
    import numpy as np

    from lipsync_cli.speech.mel import mel_levels
    from lipsync_cli.speech.sound_variants import alter_sound
    from lipsync_cli.speech.speech_features import SPEECH_DB, encode_sound
    from lipsync_cli.speech.vad import band_levels, find_speech

    encoded = []
    for variant in range(1 + parameters["variants"]):
        rng = np.random.default_rng([parameters["seed"], variant, *hashlib.sha256(name.encode()).digest()[:8]])
        sound = alter_sound(samples, rng) if variant else samples
        level_db = find_speech(band_levels(mel_levels(sound))).level_db
        gain_db = 0.0 if level_db is None else SPEECH_DB - level_db
        encoded.append(encode_sound(sound, _encoder(), gain_db).astype(np.float16))
    return np.stack(encoded)


@lru_cache(maxsize=1)
def _encoder() -> Encode:
    """Load the speech encoder, once in a process; each works on one core."""
    import torch

    torch.set_num_threads(1)
    return make_encode(load_speech_encoder())


def _assemble(parts: list[Part], source: Path, output: Path, parameters: dict[str, Any], force: bool) -> dict[str, int]:
    import numpy as np

    rows: list[dict[str, Any]] = []
    total = features = samples = 0
    has_features, has_sound = "feature_parameters" in parameters, "sound_rate" in parameters
    for part in parts:
        size, sha256 = part.read("bytes", "sha256")
        clip, num_mels = part.clip, sum(len(rows) for rows in part.read_rows("mel"))
        row: dict[str, Any] = {"name": clip.name, "speaker": clip.speaker, "num_mels": num_mels, "first_mel": total}
        row |= {"file": clip.file, "bytes": int(size), "sha256": str(sha256)}
        total += num_mels
        if has_features:
            count = part.read("features")[0].shape[1]
            row |= {"num_features": count, "first_feature": features}
            features += count
        if has_sound:
            count = sum(len(piece) for piece in part.read_rows("sound"))
            row |= {"num_samples": count, "first_sample": samples}
            samples += count
        rows.append(row)
    columns = schema.MELS_COLUMNS + (schema.FEATURE_COLUMNS if has_features else ())
    columns += schema.SOUND_COLUMNS if has_sound else ()
    room = sum(part.path.stat().st_size for part in parts)
    with atomic_output(output, force) as temporary, schema.create_hdf5(temporary, room) as file:
        schema.write_header(file, schema.MELS, parameters, describe_input(source, rows))
        schema.write_table(file, schema.make_table(rows, columns))
        data = file.create_dataset("mels/data", (total, parameters["mel_parameters"]["n_mels"]), np.float32)
        first = 0
        for part in parts:
            for mel in part.read_rows("mel"):
                data[first : first + len(mel)] = mel
                first += len(mel)
        if has_features:
            shape = (1 + parameters["variants"], features, parameters["feature_parameters"]["dim"])
            stored = file.create_dataset("features/data", shape, np.float16)
            stored.attrs["silence"] = encode_silence(_encoder())
            for part, row in zip(parts, rows, strict=True):
                place = slice(row["first_feature"], row["first_feature"] + row["num_features"])
                stored[:, place] = part.read("features")[0]
        if has_sound:
            sound = file.create_dataset("sound/data", (samples,), np.int16)
            for part, row in zip(parts, rows, strict=True):
                sound[row["first_sample"] : row["first_sample"] + row["num_samples"]] = part.read("sound")[0]
    counts = {"mel_frames": total}
    return counts | ({"feature_frames": features} if has_features else {}) | ({"samples": samples} if has_sound else {})
