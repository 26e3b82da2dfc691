"""Several packs as if they were one, for training on what was packed in parts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError
from lipsync_cli.faces.crop import check_same
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.speech.speech_windows import FeatureStore

if TYPE_CHECKING:
    import numpy as np

_TOGETHER = 8192  # crops decoded before progress is told


def open_pack(paths: Path | Sequence[Path], jobs: int = 1) -> Pack:
    """Open one pack, or several that hold different clips and were made by the same rules.

    Raises
    ------
    InputError : one cannot be read, or two do not go together; both are named
    """
    if isinstance(paths, Path):
        return Pack(paths, jobs)
    return Pack(paths[0], jobs) if len(paths) == 1 else JoinedPack(paths, jobs)


class JoinedPack(Pack):
    """Packs end to end, in the order of their fingerprints: the order in which they are named makes no difference.

    Crops stay in the files; mels, speech features and sound are read into memory.

    Parameters
    ----------
    paths : of the packs, two or more
    jobs : threads that decode

    Raises
    ------
    InputError : as `open_pack`
    """

    def __init__(self, paths: Sequence[Path], jobs: int = 1) -> None:
        import numpy as np

        self.paths, self.jobs = tuple(paths), jobs
        with ExitStack() as stack:
            packs = [stack.enter_context(Pack(path, jobs)) for path in paths]
            packs.sort(key=lambda pack: pack.fingerprint)
            self._packs = packs
            _check_all(packs)
            stack.pop_all()
        first = packs[0]
        self.path = Path(", ".join(map(str, self.paths)))  # for messages
        self.crop_rule, self.mel_parameters = first.crop_rule, first.mel_parameters
        self.fingerprint = hashlib.sha256("\n".join(pack.fingerprint for pack in packs).encode()).hexdigest()
        inputs = [entry for pack in packs for entry in pack.attributes["inputs"]]
        self.attributes = first.attributes | {"inputs": inputs, "fingerprint": self.fingerprint}
        self.clips = _join_tables(packs)
        self.frame_middle = np.concatenate([pack.frame_middle for pack in packs])
        self.box = np.concatenate([pack.box for pack in packs])
        self.has_face = np.concatenate([pack.has_face for pack in packs])
        self.mel = np.concatenate([pack.mel for pack in packs])
        mouths = [pack.mouth for pack in packs if pack.mouth is not None]
        self.mouth = np.concatenate(mouths) if len(mouths) == len(packs) else None
        self.landmarks = np.concatenate([pack.landmarks for pack in packs])
        sounds = [pack.sound for pack in packs if pack.sound is not None]
        self.sound = np.concatenate(sounds) if len(sounds) == len(packs) else None
        points = [pack.points for pack in packs if pack.points is not None]
        self.points = np.concatenate(points) if len(points) == len(packs) else None
        stores = [pack.features for pack in packs if pack.features is not None]
        self.features = None
        if stores:
            data = np.concatenate([store.data for store in stores], axis=1)
            self.features = FeatureStore(data, stores[0].silence, stores[0].parameters, self.path)
        self._firsts = np.cumsum([0, *(len(pack) for pack in packs)])[:-1]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.paths, self.jobs)

    def close(self) -> None:
        """End the decoding threads of all packs."""
        for pack in self._packs:
            pack.close()

    def read_crops(self, indices: np.ndarray) -> np.ndarray:
        """Decode crops, see `Pack.read_crops`."""
        import numpy as np

        indices = np.asarray(indices, np.int64)
        crops = np.empty((len(indices), self.size, self.size, 3), np.uint8)
        owner = np.searchsorted(self._firsts, indices, "right") - 1
        for number, pack in enumerate(self._packs):
            if (mine := np.flatnonzero(owner == number)).size:
                crops[mine] = pack.read_crops(indices[mine] - self._firsts[number])
        return crops

    def decode_all(
        self,
        clip_rows: np.ndarray | None = None,
        progress: Callable[[int, int | None, str], None] | None = None,
    ) -> np.ndarray:
        """Decode every crop of some clips, see `Pack.decode_all`."""
        import numpy as np

        rows = self.clips if clip_rows is None else self.clips[np.asarray(clip_rows, np.int64)]
        ranges = [np.arange(row["first_frame"], row["first_frame"] + row["num_frames"]) for row in rows]
        indices = np.concatenate(ranges) if ranges else np.zeros(0, np.int64)
        crops = np.empty((len(indices), self.size, self.size, 3), np.uint8)
        for first in range(0, len(indices), _TOGETHER):
            part = slice(first, first + _TOGETHER)
            crops[part] = self.read_crops(indices[part])
            if progress is not None:
                progress(min(first + _TOGETHER, len(indices)), len(indices), "decode crops")
        return crops


def _check_all(packs: Sequence[Pack]) -> None:
    """Raise InputError if two packs were made by different rules, or hold the same clip."""
    known: dict[tuple[str, str], Path] = {}
    first = packs[0]
    for pack in packs:
        try:
            check_same(pack.crop_rule, first.crop_rule)
            pack.mel_parameters.check_same(first.mel_parameters)
        except InputError as error:
            raise InputError(f"does not go with {first.path}: {error.fact}", pack.path, error.hint) from error
        if (pack.sound is None) != (first.sound is None):
            hint = "make both from mels with the same --features"
            raise InputError(f"has the sound itself, or has it not, unlike {first.path}", pack.path, hint)
        if _describe_features(pack) != _describe_features(first):
            hint = "make both from mels with the same --features and --variants"
            raise InputError(f"has other speech features than {first.path}", pack.path, hint)
        for row in pack.clips:
            key = str(row["speaker"]), str(row["name"])
            if (other := known.setdefault(key, pack.path)) != pack.path:
                raise InputError(f"holds {'/'.join(key)}, which is in {other}, too", pack.path, "name each clip once")


def _describe_features(pack: Pack) -> object:
    """Return what must be equal of the speech features of packs that are joined; None: there are none."""
    store = pack.features
    return None if store is None else (len(store.data), store.parameters)


def _join_tables(packs: Sequence[Pack]) -> np.ndarray:
    """Return the tables of clips end to end, each row with its place in the whole."""
    import numpy as np

    tables, frames, mels, features, samples = [], 0, 0, 0, 0
    for pack in packs:
        table = pack.clips.copy()
        table["first_frame"] += frames
        table["first_mel"] += mels
        frames, mels = frames + len(pack), mels + len(pack.mel)
        if pack.features is not None:
            table["first_feature"] += features
            features += pack.features.data.shape[1]
        if pack.sound is not None:
            table["first_sample"] += samples
            samples += len(pack.sound)
        tables.append(table)
    return np.concatenate(tables)
