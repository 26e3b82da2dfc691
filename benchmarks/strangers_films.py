"""Films of strangers that are drawn and measured once: each is a line in a file, so that a run can be interrupted."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import strangers_table as table
from mouth_readers import describe, read_dlib
from strangers_clips import Clip, Pair
from strangers_sheet import MOMENTS, cut_mouths, write_strip
from strangers_sounds import RATE, VOICES, change_voice

from lipsync_cli.errors import LipsyncError
from lipsync_cli.formats.weights import find_weights, read_header
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.media.video.encode import VideoWriter
from lipsync_cli.metrics.networks import MetricNetworks
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.scoring.protocols.video_protocol import Film, measure_video
from lipsync_cli.speech.phonemes import spread_phones
from lipsync_cli.speech.transcript import Transcripts, read_transcript
from lipsync_cli.synthesis.film import infer
from lipsync_cli.synthesis.job import JobSettings, prepare

PART_S = 5  # of a longer clip
MAX_FRAMES = 400  # of a film that are read
SILENCE, TRUTH = "silence", "ground_truth"
CONDITIONS = (*VOICES, SILENCE, TRUTH)
NO_WEIGHTS = "none"


class Bench:
    """Films to draw and measure.

    Parameters
    ----------
    folder : of results
    readers : name -> (film, frames) -> points, shape (n, 68, 2)
    transcripts : of clips, if there are some
    music : shape (n,), 16 kHz, to mix under voices; None: synthetic
    """

    def __init__(
        self,
        folder: Path,
        readers: dict[str, Callable[[Path, int], np.ndarray]],
        transcripts: Transcripts | None = None,
        music: np.ndarray | None = None,
    ) -> None:
        self.folder, self.readers, self.transcripts, self.music = folder, readers, transcripts, music
        for name in ("films", "strips", "sheets"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.tools, self.records = MetricNetworks(), dict(read_records(folder / "films.jsonl"))
        self._points: dict[Path, np.ndarray] = {}

    def real(self, clip: Clip) -> table.Record:
        """Give the record of a real clip: its curves, and what is said in it."""
        key = f"real|{clip.path}"
        record = self.records.get(key)
        if record is None or not self.readers.keys() <= record["curves"].keys():
            record = {"key": key, "middles": _middles(clip.path), "curves": {}, "phones": []}
            count = len(record["middles"])
            for name, read in self.readers.items():
                points = read(clip.path, count)
                record["curves"][name] = describe(points)
                if name == "dlib":
                    self._points[clip.path] = points
            record["middles"] = record["middles"][: min(len(c["opening"]) for c in record["curves"].values())]
            if (path := self._transcript(clip)) is not None:
                record["phones"] = [list(phone) for phone in spread_phones(read_transcript(path))]
                record["word_error"] = self._misread(clip.path, path)
            self._keep(record)
        return record

    def film(self, weights: Path | None, group: str, condition: str, pair: Pair) -> table.Record:
        """Draw a film, or take it from an earlier run, and measure it."""
        sha = NO_WEIGHTS if condition == TRUTH else read_header(find_weights(weights)).sha256[:16]
        key = "|".join((sha, condition, str(pair.face.path), str(pair.voice.path)))
        record = self.records.get(key)
        if record is not None and ("failed" in record or self.readers.keys() <= record["curves"].keys()):
            return record
        started = time.monotonic()
        record = {"key": key, "weights": sha, "group": group, "condition": condition, "person": pair.face.person}
        record |= {"face": str(pair.face.path), "voice": str(pair.voice.path)}
        path = self.folder / "films" / f"{film_name(sha, condition, pair)}.mp4"
        try:
            self._draw(weights, condition, pair, path)
            record |= self._measure(path, condition, pair)
        except LipsyncError as error:
            record["failed"] = str(error)
        record["seconds"] = round(time.monotonic() - started, 1)
        self._keep(record)
        return record

    def _draw(self, weights: Path | None, condition: str, pair: Pair, film: Path) -> None:
        if film.exists():
            return
        if condition == TRUTH:
            _encode(pair.face.path, film)
            return
        if condition == SILENCE:
            sound, rate = (
                np.zeros(round(len(_middles(pair.face.path)) / _rate(pair.face.path) * RATE), np.float32),
                RATE,
            )
        else:
            sound, rate = change_voice(condition, read_speech(pair.voice.path)[: PART_S * RATE], self.music)
        path = self.folder / "sound.wav"
        import soundfile

        soundfile.write(path, sound, rate, subtype="FLOAT")
        silence = "model" if condition == SILENCE else "close"
        settings = JobSettings(force=True).with_options(weights=weights, end_s=Fraction(PART_S), silence=silence)
        with prepare(pair.face.path, path, film, settings) as job:
            infer(job, force=True)

    def _measure(self, film: Path, condition: str, pair: Pair) -> table.Record:
        middles = _middles(film)
        record: table.Record = {"curves": {}}
        for name, read in self.readers.items():
            points = read(film, len(middles))
            record["curves"][name] = describe(points)
            if name == "dlib" and condition == "clean":
                self._keep_strip(film, points, np.array(middles), pair)
        record["middles"] = middles[: min(len(curves["opening"]) for curves in record["curves"].values())]
        for curves in record["curves"].values():
            for curve in curves:
                curves[curve] = curves[curve][: len(record["middles"])]
        if condition == "clean" and (path := self._transcript(pair.voice)) is not None:
            record["word_error"] = self._misread(film, path)
            record["real_word_error"] = self.real(pair.voice).get("word_error")
        return record

    def _keep_strip(self, film: Path, points: np.ndarray, middles: np.ndarray, pair: Pair) -> None:
        voice = pair.voice.path
        real = np.array(self.real(pair.voice)["middles"])
        if voice not in self._points:
            self._points[voice] = read_dlib(voice, len(real))
        moments = np.linspace(0.1, 0.9, MOMENTS) * min(middles[-1], real[-1])
        strips = (cut_mouths(voice, self._points[voice], moments, real), cut_mouths(film, points, moments, middles))
        write_strip(self.folder / "strips" / f"{film.stem}.png", *strips)

    def _transcript(self, clip: Clip) -> Path | None:
        return None if self.transcripts is None else self.transcripts.find(clip.person, clip.path.stem)

    def _misread(self, film: Path, transcript: Path) -> float | None:
        clip_scores = measure_video(Film(film, transcript=transcript), find_metric_groups(["word_error"]), self.tools)
        values = [one.clips["output", "word_error"] for one in clip_scores if ("output", "word_error") in one.clips]
        return float(np.mean(values)) if values else None

    def _keep(self, record: table.Record) -> None:
        self.records[record["key"]] = record
        with open(self.folder / "films.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def read_records(path: Path) -> Iterator[tuple[str, table.Record]]:
    """Read what earlier runs kept; the last line of one that was killed may be cut, and then counts for nothing."""
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
        path.write_text(text, encoding="utf-8")
    for line in text.splitlines():
        record = json.loads(line)
        yield record["key"], record


def _middles(path: Path) -> list[float]:
    middles = read_timeline(path).middles()
    return [round(float(middle), 5) for middle in middles[middles < PART_S][:MAX_FRAMES]]


def _rate(path: Path) -> float:
    return float(read_timeline(path).rate)


def film_name(sha: str, condition: str, pair: Pair) -> str:
    """Name a film: who is seen, who is heard, and a number that tells folders with the same names apart."""
    names = (f"{clip.person.replace('/', '-')}-{clip.path.stem}" for clip in pair)
    number = zlib.crc32("|".join(str(clip.path) for clip in pair).encode())
    return "_".join((sha, condition, *names, f"{number:08x}"))


def _encode(source: Path, film: Path) -> None:
    """Encode a part of a film as `infer` does."""
    timeline = read_timeline(source)
    count = len(_middles(source))
    frames = read_frames(source)
    first = next(frames)
    unfinished = film.with_name(f"unfinished-{film.name}")
    with VideoWriter(unfinished, first.shape[1], first.shape[0], timeline.cut(0, count)) as writer:
        writer.write(first)
        for _, frame in zip(range(count - 1), frames, strict=False):
            writer.write(frame)
    unfinished.replace(film)
