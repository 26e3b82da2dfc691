"""What earlier runs found out about a face: from a faces.h5 that the user names, and from the cache."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.faces.crop import check_same
from lipsync_cli.faces.detectors.dlib_detectors import FRONTAL_FACE
from lipsync_cli.faces.dlib_models import DETECTOR, IDENTITY, LANDMARKS, find_pretrained
from lipsync_cli.faces.tracking.confidence import is_trusted
from lipsync_cli.formats.speech_encoder_weights import ASSET as SPEECH_ENCODER
from lipsync_cli.formats.weights import EMBEDDED
from lipsync_cli.media.reading import Reading, reading_of
from lipsync_cli.runtime.array_cache import ArrayCache
from lipsync_cli.runtime.code_version import code_version
from lipsync_cli.runtime.hashing import hash_file, make_key
from lipsync_cli.synthesis.references.reference_selection import ReferenceFrames

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.formats.weights import WeightsHeader
    from lipsync_cli.synthesis.sources.source_clip import SourceClip

Notify = Callable[[str], None]
# Modules that compute what is kept, and those whose objects they are handed: what another text of theirs, or of what
# they import, has found is not taken for it.
FACE_STAGE = "lipsync_cli.faces.selection", "lipsync_cli.synthesis.sources.video_source"
FACE_ASSETS = (FRONTAL_FACE,)
REFERENCE_STAGE = (
    "lipsync_cli.synthesis.references.pose_clusters",
    "lipsync_cli.synthesis.sources.video_source",
    "lipsync_cli.synthesis.generation.local_runner",
)
REFERENCE_ASSETS = EMBEDDED["occlusion network"], SPEECH_ENCODER


class _UnfitError(Exception):
    """Why a store cannot be used."""


class FaceReferenceCache:
    """The `ReferenceCache` of a `SceneBuilder`. All is known by the video's content, not by its name.

    Parameters
    ----------
    cache : where findings are kept; None: nowhere
    store : a file of detect-faces; where it knows the video, nothing is searched; made if it is not there
    notify : told in words why a store is not used
    """

    def __init__(self, cache: ArrayCache | None, store: Path | None = None, notify: Notify = lambda text: None) -> None:
        self._cache, self._store, self._notify = cache, store, notify
        self._sha256: dict[Path, str] = {}
        self._from_store = False

    def boxes(self, source: SourceClip, rule: CropRule, who: str, num_frames: int) -> np.ndarray | None:
        """See `ReferenceCache`."""
        if self._store is not None:
            try:
                known = self._stored(source, rule, who, num_frames, self._store)
                self._from_store = True
                return known
            except _UnfitError as reason:
                self._notify(f"{self._store}: {reason}; the face is searched for in the video")
                self._from_store = False
        if self._cache is None:
            return None
        found = self._cache.get(self._key(source, rule, who))
        boxes = None if found is None else found.get("boxes")
        return boxes[:num_frames] if boxes is not None and len(boxes) >= num_frames else None

    def keep_boxes(self, source: SourceClip, rule: CropRule, who: str, boxes: np.ndarray) -> None:
        """See `ReferenceCache`."""
        if self._cache is not None:
            self._cache.put(self._key(source, rule, who), {"boxes": boxes})

    def reference(
        self, source: SourceClip, header: WeightsHeader, who: str, mode: str, num_frames: int
    ) -> tuple[ReferenceFrames, ...] | None:
        """See `ReferenceCache`."""
        if self._cache is None or self._from_store:
            return None
        found = self._cache.get(self._reference_key(source, header, who, mode, num_frames))
        numbers = None if found is None else found.get("reference_frames")
        if numbers is None or numbers.ndim != 2 or numbers.shape[1] < 2 or (numbers >= num_frames).any():
            return None
        return tuple(
            ReferenceFrames(rest, None if opened < 0 else opened, tuple(mouth for mouth in mouths if mouth >= 0))
            for rest, opened, *mouths in numbers.tolist()
        )

    def keep_reference(
        self,
        source: SourceClip,
        header: WeightsHeader,
        who: str,
        mode: str,
        num_frames: int,
        references: tuple[ReferenceFrames, ...],
    ) -> None:
        """See `ReferenceCache`."""
        import numpy as np

        if self._cache is not None and not self._from_store:
            numbers = np.full((len(references), 2 + max((len(each.mouths) for each in references), default=0)), -1)
            for row, (rest, opened, mouths) in zip(numbers, references, strict=True):
                row[: 2 + len(mouths)] = rest, -1 if opened is None else opened, *mouths
            kept = {"reference_frames": numbers.astype(np.int64)}
            self._cache.put(self._reference_key(source, header, who, mode, num_frames), kept)

    def _stored(self, source: SourceClip, rule: CropRule, who: str, num_frames: int, store: Path) -> np.ndarray:
        import numpy as np

        from lipsync_cli.formats.faces_file import read_track
        from lipsync_cli.preprocessing.detect_faces import collect_faces

        if source.picture.filters or who or reading_of(source.path) != Reading():
            raise _UnfitError("holds the largest face of the video as it is, not what the options ask for")
        if not store.exists():
            failures: list[Exception] = []
            collect_faces(source.path, store, rule, on_failure=failures.append)
            if failures:
                raise _UnfitError(f"is not made ({failures[0]})")
        stored_rule, track = read_track(store, self._hash(source.path))
        try:
            check_same(stored_rule, rule)
        except InputError as error:
            raise _UnfitError(error.fact) from error
        if track is None:
            raise _UnfitError(f"does not hold {source.path}")
        boxes = np.where(is_trusted(track)[:, None], track.boxes, np.float32(np.nan))
        boxes = boxes[source.first_frame : source.first_frame + num_frames]
        if len(boxes) < num_frames:
            raise _UnfitError(f"holds too few frames of {source.path}")
        return boxes

    def _key(self, source: SourceClip, rule: CropRule, who: str) -> str:
        return make_key(
            video=self._hash(source.path),
            first_frame=source.first_frame,
            filters=list(source.picture.filters),
            reading=asdict(reading_of(source.path)),
            crop_rule=rule.to_dict(),
            who=who,
            networks=[find_pretrained(name) is not None for name in (DETECTOR, IDENTITY, LANDMARKS)],
            program=code_version(*FACE_STAGE, assets=FACE_ASSETS),
        )

    def _reference_key(self, source: SourceClip, header: WeightsHeader, who: str, mode: str, num_frames: int) -> str:
        return make_key(
            face=self._key(source, header.crop_rule, who),
            weights=header.sha256,
            mode=mode,
            num_frames=num_frames,
            program=code_version(*REFERENCE_STAGE, assets=REFERENCE_ASSETS),
        )

    def _hash(self, path: Path) -> str:
        if path not in self._sha256:
            self._sha256[path] = hash_file(path)
        return self._sha256[path]
