"""Pictures and films of what was scored, made again from the files that the scores name, if they are still the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lipsync_cli.errors import InputError
from lipsync_cli.metrics.baselines import COPY, MISMATCHED, MODEL, OUTPUT, TRUTH
from lipsync_cli.scoring.results.records import Key, Results
from lipsync_cli.speech.mel import SAMPLE_RATE

if TYPE_CHECKING:
    from fractions import Fraction

    from lipsync_cli.datasets.batch import Draw
    from lipsync_cli.datasets.frame_table import FrameTable
    from lipsync_cli.formats.pack_file import Pack
    from lipsync_cli.formats.weights import WeightsHeader
    from lipsync_cli.scoring.protocols.pack_stage import Stage

Shown = tuple[int, str]  # index of the results, row
REAL, REFERENCE = (0, TRUTH), (0, COPY)
MAX_FILM_S = 10.0


class Film(NamedTuple):
    """What stands side by side in a film, and what is heard.

    Attributes
    ----------
    tiles : row of pictures -> shape (n, H, W, 3), uint8 RGB, in the order of the film
    rate : frames a second
    samples : shape (T,), float32, 16 kHz; None: a silent film
    sound : in words
    tags : metadata that says what is synthetic
    """

    tiles: dict[Shown, np.ndarray]
    rate: Fraction
    samples: np.ndarray | None
    sound: str
    tags: dict[str, str]


class PackScenes:
    """The clips of a pack, spoken again by every model.

    Parameters
    ----------
    all_results : of models that were scored on one pack
    device, batch_size : of the generators

    Raises
    ------
    LipsyncError : pack or weights are not there any more, or are others than those that were scored
    """

    def __init__(self, all_results: Sequence[Results], device: str = "cpu", batch_size: int = 32) -> None:
        from lipsync_cli.datasets.frame_table import FrameTable
        from lipsync_cli.datasets.vocal_tract_normalisation import normalise_voices
        from lipsync_cli.formats.pack_file import Pack
        from lipsync_cli.metrics.networks import MetricNetworks
        from lipsync_cli.models import hears
        from lipsync_cli.models.mel_shape import mel_shape_of
        from lipsync_cli.scoring.protocols.pack_protocol import draw_frames
        from lipsync_cli.scoring.protocols.talking_head_protocol import open_stage

        protocol = all_results[0].protocol
        self._stack = ExitStack()
        self.table: FrameTable
        self.draw: Draw
        with _tells_what_was_scored(all_results[0]):
            self.pack: Pack = self._stack.enter_context(Pack(Path(str(protocol["pack"]))))
            if self.pack.fingerprint != protocol["fingerprint"]:
                self._stack.close()
                raise InputError("is another pack than the one that was scored", self.pack.path)
            split, frames, seed = str(protocol["split"]), protocol.get("max_frames"), protocol["seed"]
            self.table, self.draw = draw_frames(self.pack, split, frames, seed)
        self.rows = {self._key(row): row for row in self.table.rows}
        self.tags: dict[str, str] = {}
        self.stages: list[Stage] = []
        for results in all_results:
            with _tells_what_was_scored(results):
                generator, header = _load_weights(results, device)
                factor = results.protocol.get("vtln", {"asked": 1.0})["asked"]  # scores of before it was known
                heard, _ = normalise_voices(self.pack, split, header.known_voices, factor)
            self.tags = self.tags or _make_tags(header.name, header.sha256)
            table = FrameTable(self.pack, split, heard, hears(generator), mel_shape_of(generator)[1])
            self.stages.append(open_stage(self.pack, generator, table, MetricNetworks(device), batch_size))

    def __enter__(self) -> PackScenes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.close()

    def take_shots(self, key: Key, frames: Sequence[int]) -> dict[Shown, np.ndarray]:
        """Show frames of a clip as they were scored: row -> shape (k, S, S, 3), uint8 RGB."""
        if key not in self.rows:
            raise InputError(f"holds no clip {key[0]}/{key[1]} of the split", self.pack.path)
        row, numbers = self.rows[key], np.asarray(frames)
        drawn = {int(target): place for place, target in enumerate(self.draw.target)}
        targets = int(self.pack.clips[row]["first_frame"]) + numbers
        is_drawn = all(int(target) in drawn for target in targets)
        part = type(self.draw)(*(of[[drawn[int(t)] for t in targets]] for of in self.draw)) if is_drawn else None
        shots: dict[Shown, np.ndarray] = {}
        for index, stage in enumerate(self.stages):
            as_drawn = part if stage.shows_frames else None
            for evidence in stage.show_clip(row) if as_drawn is None else stage.show_frames(row, as_drawn):
                at = (0 if evidence.row in (COPY, TRUTH) else index), evidence.row
                where = slice(None) if as_drawn is not None else np.searchsorted(evidence.frame, numbers)
                shots.setdefault(at, evidence.crops[where])
        return shots

    def shoot_film(self, key: Key, first: int = 0) -> Film:
        """Show a whole clip as a viewer sees it, whichever frame is its first."""
        from fractions import Fraction

        from lipsync_cli.speech.mel_inversion import mel_to_samples

        row = self.rows[key]
        clip, rows = self.pack.clips[row], (MODEL, MISMATCHED)
        spoken: dict[Shown, np.ndarray] = {}
        for index, stage in enumerate(self.stages):
            for evidence in stage.show_clip(row):
                if evidence.row == MODEL:
                    spoken.setdefault(REAL, evidence.real)
                if evidence.row in rows:
                    spoken[index, evidence.row] = evidence.crops
                if evidence.row == MISMATCHED:
                    break
        order = [REAL, *((index, name) for name in rows for index in range(len(self.stages)))]
        rate = Fraction(int(clip["fps_num"]), int(clip["fps_den"]))
        count = int(MAX_FILM_S * rate)
        mel = self.pack.mel[int(clip["first_mel"]) : int(clip["first_mel"]) + int(clip["num_mels"])]
        samples = mel_to_samples(mel, self.pack.mel_parameters)
        tiles = {shown: spoken[shown][:count] for shown in order}
        return Film(tiles, rate, samples, "rebuilt from the pack's mels: rough, but in time", self.tags)

    def _key(self, row: int) -> Key:
        clip = self.pack.clips[row]
        return str(clip["speaker"]), str(clip["name"])


class VideoScenes:
    """Videos beside the real ones, whole pictures.

    Parameters
    ----------
    all_results : of videos of the same real ones, or of videos without

    Raises
    ------
    LipsyncError : a video is not there any more, or is another than the one that was scored
    """

    HEIGHT = 240  # pixels, at most

    def __init__(self, all_results: Sequence[Results]) -> None:
        self.films: list[dict[Key, tuple[Path, Path | None]]] = []
        for results in all_results:
            with _tells_what_was_scored(results):
                self.films.append(_list_films(results))
        self._paths = [results.path for results in all_results]

    def __enter__(self) -> VideoScenes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        pass

    def take_shots(self, key: Key, frames: Sequence[int]) -> dict[Shown, np.ndarray]:
        """Show whole frames: row -> shape (k, H, W, 3), uint8 RGB."""
        return self._read(key, np.asarray(frames))

    def shoot_film(self, key: Key, first: int = 0) -> Film:
        """Show the video from a frame on; the sound is the first output's."""
        from lipsync_cli.media.timeline import read_timeline

        output, reference = self._find(0, key)
        rate = read_timeline(reference or output).rate
        tiles = self._read(key, first + np.arange(int(MAX_FILM_S * rate)))
        count = min(map(len, tiles.values()))
        tiles = {shown: pixels[:count] for shown, pixels in tiles.items()}
        sound = _read_sound(output, first / float(rate), count / float(rate))
        words = "the output's own" if sound is not None else "none: the output is silent"
        return Film(tiles, rate, sound, words, {"comment": "May hold synthetic video: it was given to lipsync score"})

    def _find(self, index: int, key: Key) -> tuple[Path, Path | None]:
        films = self.films[index]
        if key not in films and len(set(films.values())) > 1:
            raise InputError(f"no video is known of the clip {key[1]}", self._paths[index], "score again")
        return films.get(key, next(iter(films.values())))

    def _read(self, key: Key, frames: np.ndarray) -> dict[Shown, np.ndarray]:
        from lipsync_cli.scoring.protocols.pairing import pair_videos

        tiles: dict[Shown, np.ndarray] = {}
        for index in range(len(self.films)):
            output, reference = self._find(index, key)
            pairing = pair_videos(output, reference, align=True)
            there = frames[frames < len(pairing.pairs)]
            if reference is not None and REAL not in tiles:
                tiles[REAL] = read_frames_at(reference, there, self.HEIGHT)
            tiles[index, OUTPUT] = read_frames_at(output, pairing.pairs[there], self.HEIGHT)
        return tiles


def open_scenes(all_results: Sequence[Results], device: str = "cpu", batch_size: int = 32) -> PackScenes | VideoScenes:
    """Open what was scored.

    Raises
    ------
    LipsyncError : it cannot be shown, with the reason
    """
    of_packs = ["pack" in results.protocol for results in all_results]
    if all(of_packs):
        return PackScenes(all_results, device, batch_size)
    if not any(of_packs):
        return VideoScenes(all_results)
    other = all_results[of_packs.index(not of_packs[0])]
    fact = "packs and videos are not shown side by side"
    raise InputError(fact, other.path, "make a report of the scores of packs, and one of those of videos")


@contextmanager
def _tells_what_was_scored(results: Results) -> Iterator[None]:
    """Tell of a protocol that has something missing, or of another kind, as an error of the scores."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise InputError(f"does not say what was scored ({error!r})", results.path, "score again") from error


def _load_weights(results: Results, device: str) -> tuple[Any, WeightsHeader]:
    from lipsync_cli import models
    from lipsync_cli.formats.weights import find_weights, load_weights, read_header

    about = results.protocol["weights"]
    path = Path(about["file"]) if about.get("file") else None
    generator, header = load_weights(path, device, models.kind_of(read_header(find_weights(path)).architecture))
    if header.sha256 != about["sha256"]:
        raise InputError("are other weights than those that were scored", path or header.name)
    return generator, header


def _make_tags(name: str, sha256: str) -> dict[str, str]:
    from lipsync_cli.provenance.metadata import synthetic_tags

    return synthetic_tags(name, sha256)


def _list_films(results: Results) -> dict[Key, tuple[Path, Path | None]]:
    """Find the video of each clip and the real one; a name that two files share is left out."""
    about = results.protocol.get("files") or [results.protocol]
    stems = [Path(str(each["output"])).stem for each in about]
    films: dict[Key, tuple[Path, Path | None]] = {}
    for each, stem in zip(about, stems, strict=True):
        if stems.count(stem) == 1:
            name = re.compile(rf"{re.escape(stem)}( \d+/\d+)?")
            reference = _check_file(each, "reference") if each.get("reference") else None
            found = _check_file(each, "output"), reference
            films |= {key: found for key in results.clips if name.fullmatch(key[1])}
    if not films:
        raise InputError("no video is known by the name of a clip", results.path, "score again")
    return films


def _check_file(about: dict[str, Any], name: str) -> Path:
    from lipsync_cli.runtime.hashing import hash_file

    path = Path(str(about[name]))
    if hash_file(path) != about[f"{name}_sha256"]:
        raise InputError("is another file than the one that was scored", path)
    return path


def read_frames_at(path: Path, numbers: np.ndarray, height: int) -> np.ndarray:
    """Read frames with these numbers, in this order, no higher than `height`: shape (n, H, W, 3) uint8 RGB."""
    from contextlib import closing

    from lipsync_cli.media.probe import probe
    from lipsync_cli.media.video.decode import read_frames

    video = probe(path).video
    assert video is not None
    zoom = min(1.0, height / video.height)
    size = tuple(max(2, round(side * zoom / 2) * 2) for side in (video.width, video.height))
    found: dict[int, np.ndarray] = {}
    wanted = set(numbers.tolist())
    with closing(read_frames(path, size=size)) as frames:  # type: ignore[type-var, arg-type]
        for number, frame in enumerate(frames):
            if number in wanted:
                found[number] = frame.copy()
            if len(found) == len(wanted):
                break
    if not found:
        raise InputError("has no such frames", path)
    return np.stack([found[number] for number in numbers.tolist() if number in found])


def _read_sound(path: Path, start_s: float, duration_s: float) -> np.ndarray | None:
    from contextlib import closing

    from lipsync_cli.scoring.protocols.sound_stream import Sound

    with closing(Sound(path)) as sound:
        samples = sound.cut(round(start_s * SAMPLE_RATE), round((start_s + duration_s) * SAMPLE_RATE))
    return samples if len(samples) else None
