"""Clips to faces.h5: where the face is in every frame, and a crop of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.config.shard import Shard
from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.landmarks import LANDMARK_COUNT, find_landmarks, need_predictor
from lipsync_cli.formats import schema
from lipsync_cli.formats.faces_file import HEAD_PARTS, create_faces
from lipsync_cli.formats.schema import JPEG, RAW
from lipsync_cli.media.reading import VIDEO
from lipsync_cli.preprocessing.clip_jobs import ClipJob, NotedWork, Notify, OnFailure, Part, Progress, journal
from lipsync_cli.preprocessing.find_clips import FRAMES, Clip, find_share
from lipsync_cli.preprocessing.frames import read_clip
from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.runtime.processes.workers import Run, run_tasks
from lipsync_cli.runtime.run_inputs import keep_inputs

if TYPE_CHECKING:
    import numpy as np

MIN_FRAMES = 13  # a target and a reference six frames away on either side
_HELD_BYTES = 128 << 20  # frames of a clip up to this size are decoded once and held; those of longer ones twice


def collect_faces(
    source: str | Path,
    output: str | Path,
    rule: CropRule,
    *,
    quality: int = 95,
    raw: bool = False,
    head: bool = False,
    detector: str | None = None,
    detector_weights: Path | None = None,
    jobs: int = 1,
    force: bool = False,
    progress: Progress | None = None,
    on_failure: OnFailure | None = None,
    notify: Notify | None = None,
    shard: Shard | None = None,
    run: Run = run_tasks,
) -> dict[str, Any]:
    """Find the face in every frame of every clip and write the crops to one HDF5 file.

    Parameters
    ----------
    source : a folder of clips, a folder made by extract-frames, or one clip
    rule : how faces are found and cropped
    quality, raw : of the JPEG crops, 0..100; store pixels instead of JPEG
    head : find the landmarks and the mask of every face, too, for the recipe face-swap
    detector : what finds the faces, if not what the rule's boxes are called after; its boxes have the same geometry
    detector_weights : file of the MMOD detector's weights, if not the installed one
    jobs : worker processes
    notify : told in words what was noticed of a file
    shard : which part of the clips; None: all
    run : does the work on the clips, called as `run_tasks` is

    Returns
    -------
    counts: clips, frames, frames_without_face, failed; and shard, where there is one

    Raises
    ------
    InputError : the source or the output cannot be used
    NothingToDoError : no clips
    ToolError, UsageError : the detector cannot be had
    """
    _check_tools(detector or rule.detector, detector_weights, head)
    source, output = Path(source), Path(output)
    failed: list[str] = []

    def fail(error: Any) -> None:
        failed.append(str(error))
        if on_failure is not None:
            on_failure(error)

    clips = find_share(source, shard, on_failure=fail, notify=notify)
    parameters = {
        "crop_rule": rule.to_dict(),
        "encoding": RAW if raw else JPEG,
        "quality": None if raw else quality,
        **({"head": True} if head else {}),
    }
    found_by = {} if detector is None else {"detector": detector}
    work = parameters | found_by | {"detector_weights": str(detector_weights) if detector_weights else None}
    with (
        keep_inputs([source, None if detector_weights is None else Path(detector_weights)]),
        journal(
            NotedWork(faces_of_clip, (VIDEO,)),
            clips,
            work,
            output,
            jobs,
            force=force,
            progress=progress,
            on_failure=fail,
            notify=notify,
            label="detect-faces",
            run=run,
        ) as parts,
    ):
        frames, faceless = _assemble(parts, source, output, parameters, force)
    counts = {"clips": len(parts), "frames": frames, "frames_without_face": faceless, "failed": len(failed)}
    return counts if shard is None else counts | {"shard": str(shard)}


def _check_tools(detector: str, detector_weights: Path | None, head: bool) -> None:
    """Raise ToolError or UsageError if what finds faces, or the landmarks of heads, cannot be had."""
    from lipsync_cli.faces.detectors.dlib_detectors import make_detector

    make_detector(detector, detector_weights)
    if head:
        need_predictor("the mask of a face")


def faces_of_clip(job: ClipJob) -> dict[str, np.ndarray]:
    """Find and crop the face in one clip: what a worker does.

    Returns
    -------
    rate (2,), middle (n,), box (n, 4), score (n,), landmarks (n, 5, 2), data, offset (n + 1,), bytes, sha256; of heads
    points (n, 68, 2) and mask (n, 96, 12)
    """
    import numpy as np

    from lipsync_cli.faces.crop import crop_face
    from lipsync_cli.faces.detectors.dlib_detectors import make_detector
    from lipsync_cli.faces.tracking.face_track import find_face

    clip, rule = job.clip, CropRule.from_dict(job.parameters["crop_rule"])
    timeline, read = read_clip(clip)
    if timeline.num_frames < MIN_FRAMES:
        raise InputError(f"too short: {timeline.num_frames} frames, {MIN_FRAMES} are needed")
    frames = _Held(read)
    kind = job.parameters.get("detector", rule.detector)
    detector = make_detector(kind, job.parameters["detector_weights"])
    track = find_face(iter(frames), rule, detector=detector)
    if len(track.boxes) != timeline.num_frames:
        raise InputError(f"{len(track.boxes)} of its {timeline.num_frames} frames can be decoded")
    has_face = ~np.isnan(track.boxes[:, 0])
    if not has_face.any():
        hint = "look whether a face is seen; --detector mmod ([models]) finds small and turned ones"
        raise NothingToDoError(f"no face in {len(has_face)} of {len(has_face)} frames", hint=hint)
    encode = _encoder(job.parameters)
    empty = np.zeros(rule.size**2 * 3 if job.parameters["encoding"] == RAW else 0, np.uint8)
    pieces, parts = [], _HeadParts(rule, len(has_face)) if job.parameters.get("head") else None
    for number, (frame, box, present) in enumerate(zip(frames, track.boxes, has_face, strict=True)):
        crop = crop_face(frame, box, rule) if present else None
        pieces.append(empty if crop is None else encode(crop))
        if parts is not None and crop is not None:
            parts.look(number, crop)
    rate = timeline.rate
    return {
        "rate": np.array([rate.numerator, rate.denominator], np.int64),
        "middle": np.asarray(timeline.middles(), np.float64),
        "box": np.asarray(track.boxes, np.float32),
        "score": np.asarray(track.score, np.float32),
        "landmarks": np.asarray(track.landmarks, np.float32),
        "data": np.concatenate(pieces),
        "offset": np.cumsum([0, *(len(piece) for piece in pieces)], dtype=np.int64),
        **hash_clip(clip),
        **({} if parts is None else {"points": parts.points, "mask": parts.masks}),
    }


class _HeadParts:
    """Landmarks and masks of a clip's crops; NaN and zero where there is no face."""

    def __init__(self, rule: CropRule, count: int) -> None:
        import numpy as np

        from lipsync_cli.faces.aligned.head_mask import MASK_SIZE

        self._rule, self._predictor = rule, need_predictor("the mask of a face")
        self.points = np.full((count, LANDMARK_COUNT, 2), np.nan, np.float32)
        self.masks = np.zeros((count, MASK_SIZE, MASK_SIZE // 8), np.uint8)

    def look(self, number: int, crop: np.ndarray) -> None:
        from lipsync_cli.faces.aligned.head_mask import pack_mask

        self.points[number] = find_landmarks(self._predictor, crop[None], self._rule)[0]
        self.masks[number] = pack_mask(self.points[number], self._rule.size)


def hash_clip(clip: Clip) -> dict[str, np.ndarray]:
    """Give the size and the SHA-256 of a clip's file (of the record, for a folder of frames) as arrays for a part."""
    import numpy as np

    from lipsync_cli.preprocessing.find_clips import FRAMES_RECORD

    path = clip.path / FRAMES_RECORD if clip.kind == FRAMES else clip.path
    digest = hashlib.sha256()
    size = 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    return {"bytes": np.array(size, np.int64), "sha256": np.array(digest.hexdigest())}


class _Held:
    """Frames to go through twice: held in memory if they are few, decoded again if they are not."""

    def __init__(self, read: Callable[[], Iterator[np.ndarray]]) -> None:
        self._read = read
        self._frames: list[np.ndarray] | None = []
        self._whole = False

    def __iter__(self) -> Iterator[np.ndarray]:
        if self._whole:
            yield from self._frames or ()
            return
        size = 0
        for frame in self._read():
            size += frame.nbytes
            if size > _HELD_BYTES:
                self._frames = None
            if self._frames is not None:
                self._frames.append(frame)
            yield frame
        self._whole = self._frames is not None


def _encoder(parameters: dict[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    if parameters["encoding"] == RAW:
        return lambda crop: crop.reshape(-1)
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, parameters["quality"]]

    def encode(crop: np.ndarray) -> np.ndarray:
        _, data = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), options)
        return data.reshape(-1)

    return encode


def _assemble(
    parts: list[Part], source: Path, output: Path, parameters: dict[str, Any], force: bool
) -> tuple[int, int]:
    import numpy as np

    rows: list[dict[str, Any]] = []
    num_frames = num_bytes = faceless = 0
    for part in parts:
        rate, offset, box, size, sha256 = part.read("rate", "offset", "box", "bytes", "sha256")
        clip = part.clip
        row = {"name": clip.name, "speaker": clip.speaker, "fps_num": rate[0], "fps_den": rate[1]}
        row |= {"num_frames": len(box), "first_frame": num_frames}
        row |= {"file": clip.file, "bytes": int(size), "sha256": str(sha256)}
        rows.append(row)
        num_frames += len(box)
        num_bytes += int(offset[-1])
        faceless += int(np.isnan(box[:, 0]).sum())
    side = parameters["crop_rule"]["size"]
    room = sum(part.path.stat().st_size for part in parts)
    with atomic_output(output, force) as temporary, schema.create_hdf5(temporary, room) as file:
        schema.write_header(file, schema.FACES, parameters, describe_input(source, rows))
        schema.write_table(file, schema.make_table(rows, schema.FACES_COLUMNS))
        write = create_faces(file, num_frames, num_bytes, side, parameters)
        first = first_byte = 0
        for part in parts:
            more = HEAD_PARTS if parameters.get("head") else ()
            names = ("middle", "box", "score", "landmarks", "data", "offset", *more)
            middle, box, score, landmarks, data, offset, *head = part.read(*names)
            write(
                first,
                first_byte,
                middle,
                box,
                score,
                landmarks,
                data=data,
                offset=offset,
                **dict(zip(more, head, strict=True)),
            )
            first += len(box)
            first_byte += len(data)
    return num_frames, faceless


def describe_input(source: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Describe the folder that was read: its path as given, and one SHA-256 over all clips' own."""
    digest = hashlib.sha256("\n".join(row["sha256"] for row in rows).encode()).hexdigest()
    return [{"path": str(source), "sha256": digest, "bytes": sum(row["bytes"] for row in rows)}]
