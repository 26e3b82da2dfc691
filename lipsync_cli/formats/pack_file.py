"""Reading a pack: clips, mels in memory, crops straight from the file or all decoded."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.formats import schema
from lipsync_cli.formats.guarded_hdf5 import read_attribute
from lipsync_cli.formats.open_store import open_hdf5
from lipsync_cli.formats.schema import RAW
from lipsync_cli.media.ffmpeg import check_file
from lipsync_cli.runtime.run_inputs import MappedFile
from lipsync_cli.speech.mel import MelParameters
from lipsync_cli.speech.speech_features import FeatureParameters
from lipsync_cli.speech.speech_windows import FeatureStore

if TYPE_CHECKING:
    import h5py
    import numpy as np

_HEADER_BYTES = 4096  # of a JPEG, within which its size stands
_TOGETHER = 256  # crops decoded by one call of a thread


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return height and width that the header of a JPEG states, None if it is no such header."""
    place = 2
    if data[:2] != b"\xff\xd8":
        return None
    while data[place : place + 1] == b"\xff" and place + 9 <= len(data):
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if 0xC0 <= marker <= 0xC2:  # start of frame: baseline, extended, progressive
            return int.from_bytes(data[place + 5 : place + 7], "big"), int.from_bytes(
                data[place + 7 : place + 9], "big"
            )
        place += 2 + length
    return None


def _map(stored: h5py.Dataset, path: Path, dtype: Any) -> np.ndarray:
    """Map a dataset's numbers from the file; one that is chunked or compressed by another program is read."""
    import numpy as np

    where = stored.id.get_offset()
    if where is None or not stored.size:
        return np.asarray(stored[()])
    return np.memmap(path, dtype, "r", where, stored.shape)


class Pack:
    """A pack, open for reading.

    The crops' bytes are mapped, not read: opening is quick, processes share the memory, and threads decode JPEG side by
    side. An object of this class can be pickled; the copy opens the file itself.

    Parameters
    ----------
    path : a file that `lipsync pack` wrote
    jobs : threads that decode

    Attributes
    ----------
    clips : structured array, one row a clip: name, speaker, split ("train", "val", "test", "unused"), fps_num, fps_den,
        num_frames, first_frame, num_mels, first_mel
    frame_middle : shape (N,), float64, s: the middle of each frame's time on screen, 0 when its clip starts
    has_face : shape (N,), bool
    box : shape (N, 4), float32, x0 y0 x1 y1 in the clip's pixels, NaN without a face
    mel : shape (M, 80), float32, the clips' mels end to end
    mouth : shape (N, 3), float32, see `mouth_shapes`, NaN without a face; None where they were not measured
    landmarks : shape (N, 5, 2), float32, eyes and nose in the clip's pixels, see `faces.similarity`; NaN where unknown
    points : shape (N, 68, 2), float32, landmarks in pixels of the crop, NaN without a face; None: not of heads
    features : the clips' speech features end to end, or None where the pack has none
    sound : shape (S,), int16, the clips' sound end to end, 16 kHz, or None where the pack has none
    crop_rule, mel_parameters : what the crops and mels were made with
    fingerprint : SHA-256 over the content
    attributes : the root attributes, JSON decoded

    Raises
    ------
    InputError : no readable pack
    """

    def __init__(self, path: str | Path, jobs: int = 1) -> None:
        import numpy as np

        self.path, self.jobs = Path(path), jobs
        check_file(self.path, "make a pack of the clips: lipsync detect-faces, mels, pack")
        self._mapped = MappedFile(self.path)
        with open_hdf5(path, (schema.PACK,)) as file:
            self._read(file)
        self.has_face: np.ndarray = ~np.isnan(self.box[:, 0])
        self._pool: ThreadPoolExecutor | None = None

    def _read(self, file: h5py.File) -> None:
        import numpy as np

        parameters = schema.read_parameters(file)
        self.attributes: dict[str, Any] = schema.read_attributes(file)
        self.fingerprint = read_attribute(file, "fingerprint", str)
        self.crop_rule = CropRule.from_dict(parameters["crop_rule"])
        self.mel_parameters = MelParameters.from_dict(parameters["mel_parameters"])
        self.clips: np.ndarray = schema.read_table(file)
        self.frame_middle: np.ndarray = file["faces/middle"][()]
        self.box: np.ndarray = file["faces/box"][()]
        self.mel: np.ndarray = file["mels/data"][()]
        self.mouth: np.ndarray | None = file["faces/mouth"][()] if "mouth" in file["faces"] else None
        self.landmarks: np.ndarray = file["faces/landmarks"][()]
        self.sound: np.ndarray | None = None
        if "sound_rate" in parameters:
            self.sound = _map(file["sound/data"], self.path, np.int16)
        self.points: np.ndarray | None = file["faces/points"][()] if "points" in file["faces"] else None
        self.features: FeatureStore | None = None
        if "feature_parameters" in parameters:
            stored = file["features/data"]
            data = _map(stored, self.path, np.float16)
            known = FeatureParameters.from_dict(parameters["feature_parameters"])
            self.features = FeatureStore(
                data, read_attribute(stored, "silence", list), known, self.path, self._mapped.check
            )
        self._is_raw = file["faces/crop"].attrs["encoding"] == RAW
        self._offset: np.ndarray | None = None if self._is_raw else file["faces/crop/offset"][()]
        self._data: np.ndarray = _map(file["faces/crop/data"], self.path, np.uint8)

    def __enter__(self) -> Pack:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the decoding threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.jobs)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.frame_middle)

    @property
    def size(self) -> int:
        """Side of a crop in pixels."""
        return self.crop_rule.size

    def read_crops(self, indices: np.ndarray) -> np.ndarray:
        """Decode crops.

        Parameters
        ----------
        indices : shape (n,), frame numbers in the pack, in any order

        Returns
        -------
        shape (n, S, S, 3), uint8 RGB; a frame without a face is black

        Raises
        ------
        InputError : a crop is damaged, or the file was cut short
        """
        import numpy as np

        self._mapped.check()
        indices = np.asarray(indices, np.int64)
        if self._is_raw:
            return np.asarray(self._data[indices])
        crops = np.empty((len(indices), self.size, self.size, 3), np.uint8)
        self._decode_into(crops, indices, None)
        return crops

    def decode_all(
        self,
        clip_rows: np.ndarray | None = None,
        progress: Callable[[int, int | None, str], None] | None = None,
    ) -> np.ndarray:
        """Decode every crop of some clips, in the order given, or of the whole pack.

        Returns
        -------
        shape (n, S, S, 3), uint8 RGB

        Raises
        ------
        InputError : as `read_crops`
        """
        import numpy as np

        self._mapped.check()
        if clip_rows is None:
            indices = np.arange(len(self))
        else:
            rows = self.clips[np.asarray(clip_rows, np.int64)]
            ranges = [np.arange(row["first_frame"], row["first_frame"] + row["num_frames"]) for row in rows]
            indices = np.concatenate(ranges) if ranges else np.zeros(0, np.int64)
        if self._is_raw:
            return np.asarray(self._data[indices])
        crops = np.empty((len(indices), self.size, self.size, 3), np.uint8)
        self._decode_into(crops, indices, progress)
        return crops

    def _decode_into(self, crops: np.ndarray, indices: np.ndarray, progress: Any) -> None:
        step = min(_TOGETHER, max(16, -(-len(indices) // self.jobs)))
        slices = [slice(first, first + step) for first in range(0, len(indices), step)]

        def decode(piece: slice) -> int:
            self._decode(crops[piece], indices[piece])
            return len(indices[piece])

        if self.jobs > 1 and len(slices) > 1:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.jobs)
            counts = self._pool.map(decode, slices)
        else:
            counts = map(decode, slices)
        done = 0
        for count in counts:
            done += count
            if progress is not None:
                progress(done, len(indices), "decode crops")

    def _decode(self, crops: np.ndarray, indices: np.ndarray) -> None:
        import cv2

        self._mapped.check()
        offset = self._offset
        assert offset is not None
        for crop, first, last, index in zip(crops, offset[indices], offset[indices + 1], indices, strict=True):
            if first == last:
                crop[:] = 0
                continue
            data = self._data[first:last]
            is_right = jpeg_size(data[:_HEADER_BYTES].tobytes()) == crop.shape[:2]  # before memory is taken for it
            image = cv2.imdecode(data, cv2.IMREAD_COLOR) if is_right else None
            if image is None:
                raise InputError(f"the crop of frame {index} is damaged", self.path, "make the pack again")
            cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=crop)
