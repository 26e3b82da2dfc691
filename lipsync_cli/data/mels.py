"""Clips or sound files to mels.h5: the log-mel spectrogram of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.data import schema
from lipsync_cli.data.discover import FRAMES, FRAMES_SOUND, SOUND, VIDEO, find_clips
from lipsync_cli.data.faces import describe_input, hash_clip
from lipsync_cli.data.journal import OnFailure, Part, Progress, Task, journal
from lipsync_cli.errors import InputError
from lipsync_cli.output import atomic_output
from lipsync_cli.speech.mel import WINDOW, MelParameters

if TYPE_CHECKING:
    import numpy as np


def collect_mels(
    source: str | Path,
    output: str | Path,
    jobs: int = 1,
    force: bool = False,
    progress: Progress | None = None,
    on_failure: OnFailure | None = None,
) -> dict[str, Any]:
    """Compute the log-mel spectrogram of every clip and write them to one HDF5 file.

    Parameters
    ----------
    source : a folder of clips or sound files, a folder made by extract-frames, or one file
    jobs : worker processes

    Returns
    -------
    counts: clips, mel_frames, failed

    Raises
    ------
    InputError : the source or the output cannot be used
    NothingToDoError : no clips
    """
    source, output = Path(source), Path(output)
    failed: list[str] = []

    def fail(error: Any) -> None:
        failed.append(str(error))
        if on_failure is not None:
            on_failure(error)

    clips = find_clips(source, (VIDEO, FRAMES, SOUND), fail)
    parameters = {"mel_parameters": MelParameters().to_dict()}
    with journal(mel_of_clip, clips, parameters, output, jobs, force, progress, fail, "mels") as parts:
        mel_frames = _assemble(parts, source, output, parameters, force)
    return {"clips": len(parts), "mel_frames": mel_frames, "failed": len(failed)}


def mel_of_clip(task: Task) -> dict[str, np.ndarray]:
    """Compute the mel of one clip: what a worker does.

    Returns
    -------
    mel (T, n_mels), bytes, sha256
    """
    from lipsync_cli.media.audio import read_speech
    from lipsync_cli.speech.mel import log_mel

    clip, parameters = task.clip, MelParameters.from_dict(task.parameters["mel_parameters"])
    path = clip.path / FRAMES_SOUND if clip.kind == FRAMES else clip.path
    if clip.kind == FRAMES and not path.exists():
        raise InputError("has no sound", clip.path, "give a clip with sound")
    samples = read_speech(path, parameters.sample_rate)
    shortest = WINDOW * parameters.hop_length
    if len(samples) < shortest:
        raise InputError(
            f"its sound is too short: {len(samples) / parameters.sample_rate:.2f} s, "
            f"{shortest / parameters.sample_rate:.2f} s are needed"
        )
    return {"mel": log_mel(samples, parameters), **hash_clip(clip)}


def _assemble(parts: list[Part], source: Path, output: Path, parameters: dict[str, Any], force: bool) -> int:
    import numpy as np

    rows: list[dict[str, Any]] = []
    total = 0
    for part in parts:
        mel, size, sha256 = part.read("mel", "bytes", "sha256")
        clip = part.clip
        row = {"name": clip.name, "speaker": clip.speaker, "num_mels": len(mel), "first_mel": total}
        rows.append(row | {"file": clip.file, "bytes": int(size), "sha256": str(sha256)})
        total += len(mel)
    room = sum(part.path.stat().st_size for part in parts)
    with atomic_output(output, force) as temporary, schema.create_hdf5(temporary, room) as file:
        schema.write_header(file, schema.MELS, parameters, describe_input(source, rows))
        schema.write_table(file, schema.make_table(rows, schema.MELS_COLUMNS))
        data = file.create_dataset("mels/data", (total, parameters["mel_parameters"]["n_mels"]), np.float32)
        first = 0
        for part in parts:
            (mel,) = part.read("mel")
            data[first : first + len(mel)] = mel
            first += len(mel)
    return total
