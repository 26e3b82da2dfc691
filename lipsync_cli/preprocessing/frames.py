"""Clips to folders of numbered frames with their sound and their times, and either of the two back to frames."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli import __version__
from lipsync_cli.config.shard import Shard
from lipsync_cli.errors import InputError, LipsyncError, with_path
from lipsync_cli.media.reading import KINDS
from lipsync_cli.preprocessing.clip_jobs import ClipJob, NotedWork, Notify, OnFailure, Progress
from lipsync_cli.preprocessing.find_clips import FRAMES, FRAMES_RECORD, FRAMES_SOUND, VIDEO, Clip, find_share
from lipsync_cli.preprocessing.frame_folders import (
    FORMAT,
    JPG,
    VERSION,
    check_replaceable,
    growing_folder,
    read_record,
    remove_unfinished,
)
from lipsync_cli.runtime.hashing import hash_file
from lipsync_cli.runtime.json_values import check_type
from lipsync_cli.runtime.processes.workers import Run, run_tasks
from lipsync_cli.runtime.resumable import lock_folder

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.media.timeline import Timeline

SAMPLE_RATE = 16000


def read_clip(clip: Clip) -> tuple[Timeline, Callable[[], Iterator[np.ndarray]]]:
    """Give the times of a clip's frames, and a function that reads the frames from the first on.

    Raises
    ------
    InputError : the clip, or the record of a folder of frames, cannot be read
    """
    from lipsync_cli.media.timeline import read_timeline
    from lipsync_cli.media.video.decode import read_frames, read_image

    if clip.kind != FRAMES:
        return read_timeline(clip.path), lambda: read_frames(clip.path)
    record = read_record(clip.path)
    paths = [clip.path / f"{number:06d}.{record['image']['format']}" for number in range(record["num_frames"])]
    return record_timeline(record, clip.path), lambda: (read_image(path) for path in paths)


def record_timeline(record: dict[str, Any], folder: Path) -> Timeline:
    """Make the timeline that a record describes; raise InputError if it is damaged."""
    import numpy as np

    from lipsync_cli.media.timeline import Timeline

    try:
        pts = np.array(check_type(record["pts"], list[int], "pts"), np.int64)
        if len(pts) != record["num_frames"] + 1:
            raise ValueError("times and frames differ in number")
        return Timeline(pts, Fraction(check_type(record["time_base"], str, "time_base")))
    except (ArithmeticError, InputError, KeyError, ValueError) as error:
        raise InputError(f"holds no times of frames ({error})", folder / FRAMES_RECORD, "extract them again") from error


def extract_frames(
    source: str | Path,
    output: str | Path,
    *,
    image_format: str = JPG,
    quality: int = 95,
    jobs: int = 1,
    force: bool = False,
    progress: Progress | None = None,
    on_failure: OnFailure | None = None,
    notify: Notify | None = None,
    shard: Shard | None = None,
    run: Run = run_tasks,
) -> dict[str, Any]:
    """Write every clip as numbered images, a 16 kHz sound file, and a record of the frames' times.

    A clip's folder, <output>/<speaker>/<name>/, appears when it is complete. Folders that are there already, of the
    same clip and with the same options, are kept: a run that was killed goes on where it was.

    Parameters
    ----------
    source : a folder of clips, or one clip
    output : a folder, made if it is not there
    image_format : "jpg" or "png"
    quality : of JPEG, 0..100
    notify : told in words what was noticed of a file
    force : make folders again that extract-frames has made of another clip or with other options
    shard : which part of the clips; None: all. Parts may write the same output at the same time
    run : does the work on the clips, called as `run_tasks` is

    Returns
    -------
    counts: clips, frames, kept, failed; and shard, where there is one

    Raises
    ------
    InputError : the source or the output cannot be used, no clip could be used, or the disk is full
    """
    source, output = Path(source), Path(output)
    failures: list[LipsyncError] = []

    def fail(error: LipsyncError) -> None:
        failures.append(error)
        if on_failure is not None:
            on_failure(error)

    clips = find_share(source, shard, (VIDEO,), fail, notify)
    _check_folder(output)
    parameters = {
        "image": {"format": image_format} | ({"quality": quality} if image_format == JPG else {}),
        "output": str(output),
        "force": force,
    }
    num_frames = kept = done = 0
    work = NotedWork(extract_clip, KINDS)
    tasks = [ClipJob(clip, parameters) for clip in clips]
    with (
        lock_folder(output, is_shared=shard is not None),
        _tidied([output / clip.speaker / clip.name for clip in clips]),
        contextlib.closing(run(work, tasks, min(jobs, len(tasks)))) as results,  # type: ignore[type-var]
    ):
        for count, (job, result, error) in enumerate(results):
            if error is not None:
                error = with_path(error, job.clip.path)
                if len(clips) == 1:
                    raise error
                fail(error)
            elif result is not None:
                (frames, was_there), notes = result
                done, num_frames, kept = done + 1, num_frames + frames, kept + was_there
                if notify is not None:
                    for text in notes:
                        notify(text)
            if progress is not None:
                progress(count + 1, len(clips), "extract-frames")
    if not done:
        raise InputError(f"none of the {len(clips)} clips could be used", source)
    counts = {"clips": done, "frames": num_frames, "kept": kept, "failed": len(failures)}
    return counts | ({} if shard is None else {"shard": str(shard)})


def _check_folder(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise InputError("is a file, a folder is to be written", output)
    if not output.parent.is_dir():
        raise InputError("no such folder for the output", output.parent, "create it first")


def extract_clip(job: ClipJob) -> tuple[int, bool]:
    """Write the folder of one clip: what a worker does.

    Returns
    -------
    number of frames, and whether the folder was there already
    """
    clip, image = job.clip, job.parameters["image"]
    folder = Path(job.parameters["output"]) / clip.speaker / clip.name
    origin = {"file": clip.file, "bytes": clip.path.stat().st_size, "sha256": hash_file(clip.path)}
    if os.path.lexists(folder):
        check_replaceable(folder)
        record = read_record(folder)
        if record.get("source") == origin and record.get("image") == image:
            return record["num_frames"], True
        if not job.parameters["force"]:
            raise InputError("exists, of another clip or with other options", folder, "use --force to overwrite it")
    try:
        folder.parent.mkdir(exist_ok=True)
        with growing_folder(folder) as partial:
            record = _write_clip(clip, partial, image)
            record = {
                "format": FORMAT,
                "format_version": VERSION,
                "generator": f"lipsync {__version__}",
                "source": origin,
                **record,
            }
            (partial / FRAMES_RECORD).write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", "utf-8")
    except OSError as error:
        error.filename = error.filename or str(folder)
        raise
    return record["num_frames"], False


@contextlib.contextmanager
def _tidied(folders: list[Path]) -> Iterator[None]:
    """Remove at the end what workers that were stopped have left, and new speakers' folders without any clip."""
    new = {folder.parent for folder in folders if not folder.parent.exists()}
    try:
        yield
    finally:
        remove_unfinished(folders)
        for speaker in new:
            with contextlib.suppress(OSError):
                speaker.rmdir()


def _write_clip(clip: Clip, folder: Path, image: dict[str, Any]) -> dict[str, Any]:
    import cv2

    timeline, read = read_clip(clip)
    options = [cv2.IMWRITE_JPEG_QUALITY, image["quality"]] if image["format"] == JPG else []
    count, size = 0, (0, 0)
    for frame in read():
        _, data = cv2.imencode(f".{image['format']}", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), options)
        (folder / f"{count:06d}.{image['format']}").write_bytes(data.tobytes())
        count, size = count + 1, (frame.shape[1], frame.shape[0])
    if count != timeline.num_frames:
        raise InputError(f"{count} of its {timeline.num_frames} frames can be decoded")
    return {
        "image": image,
        "width": size[0],
        "height": size[1],
        "num_frames": count,
        "rate": str(timeline.rate),
        "time_base": str(timeline.time_base),
        "pts": [int(value) for value in timeline.pts],
        "sound": _write_sound(clip, folder),
    }


def _write_sound(clip: Clip, folder: Path) -> dict[str, Any] | None:
    from lipsync_cli.media.probe import probe
    from lipsync_cli.media.sound.audio import read_speech
    from lipsync_cli.media.sound.wav_file import write_wav

    if probe(clip.path).audio is None:
        return None
    samples = read_speech(clip.path, SAMPLE_RATE)
    write_wav(folder / FRAMES_SOUND, samples, SAMPLE_RATE, "PCM_24")
    return {"file": FRAMES_SOUND, "sample_rate": SAMPLE_RATE, "num_samples": len(samples)}
