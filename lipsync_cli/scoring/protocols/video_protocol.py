"""A video before the metrics, alone or beside the real one, as a stream of frames and in pieces of a few seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lipsync_cli.errors import NothingToDoError
from lipsync_cli.faces.crop import CropRule, crop_face
from lipsync_cli.metrics.baselines import COPY, FROZEN, OTHER_SOUND, OUTPUT, TRUTH
from lipsync_cli.metrics.clip_view import ClipView, FrameView
from lipsync_cli.metrics.sync.syncnet_sync import WIDE
from lipsync_cli.scoring.protocols.clip_scores import ClipScores, FrameAccumulator
from lipsync_cli.scoring.protocols.pairing import Pairing, pair_videos
from lipsync_cli.scoring.protocols.sound_stream import Sound
from lipsync_cli.speech.mel import HOP_LENGTH, SAMPLE_RATE, log_mel
from lipsync_cli.speech.transcript import Word, read_transcript

if TYPE_CHECKING:
    from lipsync_cli.faces.tracking.face_track import Track
    from lipsync_cli.metrics.metric import MetricGroup
    from lipsync_cli.metrics.networks import MetricNetworks

    Progress = Callable[[int, int | None, str], None]

COPY_GAP = 6  # frames between a frame and the one that the row `copy` shows in its place
PIECE_S = 20.0  # longest piece that is scored at once
_CONTEXT = SAMPLE_RATE // 4 // HOP_LENGTH * HOP_LENGTH  # samples of sound before and after a piece
NOTE_COPY = f"copy: the reference itself, {COPY_GAP} frames away: what standing still would score"
NOTE_FROZEN = "frozen: the clip's middle face throughout"
NOTE_OTHER = "other sound: the {whose} pictures with {sound}"


class Shown(NamedTuple):
    """A frame of the clock and what stands in its place in each row; all (H, W, 3) uint8 RGB."""

    number: int
    real: np.ndarray
    output: np.ndarray
    copy_number: int
    copy: np.ndarray


@dataclass(frozen=True)
class Film:
    """A video to score.

    Attributes
    ----------
    output : the video
    reference : the real one, if there is one
    other : a file whose sound is the wrong one; None: its own, from half a piece away
    align : compare what both have, if sizes, rates or lengths differ
    speaker : name
    transcript : a .align file that says which words are said when
    """

    output: Path
    reference: Path | None = None
    other: Path | None = None
    align: bool = False
    speaker: str = ""
    transcript: Path | None = None


@dataclass
class _Piece:
    """Crops of one piece, row by row."""

    numbers: list[int] = field(default_factory=list)
    crops: dict[str, list[np.ndarray]] = field(default_factory=lambda: {OUTPUT: [], COPY: [], TRUTH: []})
    wide: dict[str, list[np.ndarray]] = field(default_factory=lambda: {OUTPUT: [], TRUTH: []})


def measure_video(
    film: Film,
    families: list[MetricGroup],
    tools: MetricNetworks,
    rule: CropRule | None = None,
    progress: Progress | None = None,
    piece_s: float = PIECE_S,
) -> list[ClipScores]:
    """Let the metrics score a video.

    Frames are paired by time: with each frame of the reference goes the frame of the output shown at its middle. The
    face is found in the reference only (in the output where there is none), and its box is used for both.

    Parameters
    ----------
    rule : how the face is found and cropped
    progress : called with frames done, frames in all, and what is being done
    piece_s : longest piece that is scored at once

    Returns
    -------
    the figures of each piece; frames without a face are left out

    Raises
    ------
    InputError : if a file is missing or no video, or the two differ and are not to be aligned
    NothingToDoError : if no face is shown, or the two do not overlap in time
    """
    from lipsync_cli.faces.tracking.face_track import find_face
    from lipsync_cli.media.video.decode import read_frames

    rule = rule or CropRule()
    pairing = pair_videos(film.output, film.reference, film.align)
    real = film.reference or film.output
    with closing(read_frames(real)) as frames:  # type: ignore[type-var]
        track = find_face(frames, rule, progress)
    count = min(len(pairing.pairs), len(track.boxes))
    has_face = ~np.isnan(track.boxes[:count, 0])
    if not has_face.any():
        hint = "give a video of a face that looks at the camera"
        raise NothingToDoError(f"no face in {count} of {count} frames", real, hint)
    notes = list(pairing.notes)
    if not has_face.all():
        notes.append(f"no face in {int((~has_face).sum())} of {count} frames of {real.name}: left out")
    with ExitStack() as stack:
        scorer = _VideoScorer(film, pairing, track, rule, families, tools, stack=stack)
        pieces = -(-count // max(1, int(piece_s * float(pairing.clock.rate))))
        edges = np.linspace(0, count, pieces + 1).round().astype(int)
        clip_scores: list[ClipScores] = []
        shown = -1

        def finish() -> None:
            place = len(clip_scores)
            name = film.output.stem + (f" {place + 1}/{pieces}" if pieces > 1 else "")
            clip_scores.append(scorer.finish(name, int(edges[place]), min(int(edges[place + 1]), shown + 1)))

        for frame in scorer.stream():
            shown = frame.number
            scorer.look(frame)
            if progress is not None:
                progress(shown + 1, count, "score")
            if shown + 1 == edges[len(clip_scores) + 1]:
                finish()
                if len(clip_scores) == pieces:
                    break
        if len(clip_scores) < pieces and shown + 1 > edges[len(clip_scores)]:
            finish()
    for one in clip_scores:
        one.notes.extend(notes)
    return [one for one in clip_scores if not one.is_empty()]


class _VideoScorer:
    """Collects the crops of a piece from the stream of frames, and puts them before the metrics."""

    def __init__(
        self,
        film: Film,
        pairing: Pairing,
        track: Track,
        rule: CropRule,
        families: list[MetricGroup],
        tools: MetricNetworks,
        *,
        stack: ExitStack,
    ) -> None:
        self.film, self.pairing, self.track, self.rule = film, pairing, track, rule
        self.families, self.tools, self.stack = families, tools, stack
        self.middles = pairing.clock.middles()
        self.accumulator = FrameAccumulator(families)
        self.needs_wide = "syncnet" in tools.files and any(family.needs_wide for family in families)
        self.piece = _Piece()
        self.words = None if film.transcript is None else read_transcript(film.transcript)
        self.sounds: dict[str, Sound] = {}
        if any(family.hears for family in families):
            paths = {OUTPUT: film.output, TRUTH: film.reference, OTHER_SOUND: film.other}
            self.sounds = {row: stack.enter_context(closing(Sound(path))) for row, path in paths.items() if path}

    def stream(self) -> Iterator[Shown]:
        """Decode the videos side by side."""
        from lipsync_cli.media.video.decode import read_frames

        film, pairs = self.film, self.pairing.pairs
        drawn = self.stack.enter_context(closing(read_frames(film.output, size=self.pairing.scaled_to)))  # type: ignore[type-var]
        if film.reference is None:
            for number, frame in enumerate(drawn):
                yield Shown(number, frame, frame, number, frame)
            return
        real = self.stack.enter_context(closing(read_frames(film.reference)))  # type: ignore[type-var]
        yield from with_copies(zip(real, _repeat(drawn, pairs), strict=False))

    def look(self, shown: Shown) -> None:
        """Take a frame in."""
        boxes = self.track.boxes
        if shown.number >= len(boxes) or np.isnan(boxes[shown.number, 0]):
            return
        box = boxes[shown.number]
        self.piece.numbers.append(shown.number)
        self.piece.crops[OUTPUT].append(crop_face(shown.output, box, self.rule))
        real = None
        if self.film.reference is not None:
            real = shown.real
            of_copy = boxes[shown.copy_number] if shown.copy_number < len(boxes) else box
            of_copy = box if np.isnan(of_copy[0]) else of_copy
            self.piece.crops[COPY].append(crop_face(shown.copy, of_copy, self.rule))
            self.piece.crops[TRUTH].append(crop_face(real, box, self.rule))
        if self.needs_wide:
            for row, frame in ((OUTPUT, shown.output), (TRUTH, real)):
                if frame is not None:
                    self.piece.wide[row].append(crop_face(frame, box, WIDE))
        if self.accumulator.families:
            frames = {OUTPUT: shown.output} | ({} if real is None else {COPY: shown.copy, TRUTH: real})
            for row, frame in frames.items():
                self.accumulator.watch(row, FrameView(frame, real, box, self.rule, shown.number))

    def finish(self, name: str, first: int, last: int) -> ClipScores:
        """Score the frames first ... last - 1."""
        clip_scores = ClipScores(name, self.film.speaker)
        piece, self.piece = self.piece, _Piece()
        self.accumulator.hand_over(clip_scores)
        if piece.numbers:
            still = [family for family in self.families if not family.is_continuous]
            moving = [family for family in self.families if family.is_continuous]
            evidences = self._evidences(piece, first, last)
            clip_scores.add(evidences, still)
            clip_scores.add(evidences, moving)
        clip_scores.used = dict(self.tools.used)
        return clip_scores

    def _evidences(self, piece: _Piece, first: int, last: int) -> list[ClipView]:
        numbers = np.array(piece.numbers)
        crops = {row: np.stack(images) for row, images in piece.crops.items() if images}
        wide = {row: np.stack(images) for row, images in piece.wide.items() if images}
        start = max(0, int(self.middles[first] * SAMPLE_RATE) // HOP_LENGTH * HOP_LENGTH - _CONTEXT)
        stop = int(self.middles[last - 1] * SAMPLE_RATE) + _CONTEXT
        samples = {row: sound.cut(start, stop) for row, sound in self.sounds.items() if sound.is_there}
        if OUTPUT in samples and OTHER_SOUND not in self.sounds:
            samples[OTHER_SOUND] = np.roll(samples[OUTPUT], len(samples[OUTPUT]) // 2)
        mels = {row: log_mel(part, self.tools.mel_parameters) for row, part in samples.items() if len(part)}
        words = self._words(float(self.middles[first]), float(self.middles[last - 1]), start / SAMPLE_RATE)
        truth: ClipView | None = None
        source, shared = crops.get(TRUTH), {}  # type: ignore[var-annotated]

        def make(row: str, pixels: np.ndarray, sound: str) -> ClipView:
            return ClipView(
                row=row,
                clip=self.film.output.stem,
                speaker=self.film.speaker,
                crops=pixels,
                frame=numbers,
                middles=self.middles[numbers] - start / SAMPLE_RATE,
                fps=float(self.pairing.clock.rate),
                rule=self.rule,
                tools=self.tools,
                truth_or_none=truth,
                source_or_none=source,
                mel_or_none=mels.get(sound),
                samples_or_none=samples.get(sound),
                wide_or_none=wide.get(row),
                words_or_none=words,
                shared=shared,
            )

        made = []
        if TRUTH in crops:
            truth = make(TRUTH, crops[TRUTH], TRUTH)
            truth.truth_or_none = truth
            made += [make(COPY, crops[COPY], OUTPUT)]
        pictures = crops[OUTPUT] if truth is None else crops[TRUTH]
        frozen = np.broadcast_to(pictures[len(pictures) // 2], pictures.shape)
        if wide:
            wide[OTHER_SOUND] = seen = wide.get(TRUTH, wide[OUTPUT])
            wide[FROZEN] = np.broadcast_to(seen[len(seen) // 2], seen.shape)
        made += [make(OUTPUT, crops[OUTPUT], OUTPUT), make(FROZEN, frozen, OUTPUT)]
        made += [make(OTHER_SOUND, pictures, OTHER_SOUND)]
        return made + ([] if truth is None else [truth])

    def _words(self, first_s: float, last_s: float, start_s: float) -> tuple[Word, ...] | None:
        """Give the words between two moments, on a clock that starts at `start_s`."""
        if self.words is None:
            return None
        return tuple(
            Word(word.text, word.start_s - start_s, word.end_s - start_s)
            for word in self.words
            if word.end_s > first_s and word.start_s < last_s
        )


def _repeat(frames: Iterator[np.ndarray], pairs: np.ndarray) -> Iterator[np.ndarray]:
    """Give the frames with these numbers, which never fall, from a stream."""
    current, frame = -1, None
    for number in pairs:
        while current < number:
            frame = next(frames, None)
            if frame is None:
                return
            current += 1
        assert frame is not None
        yield frame


def with_copies(frames: Iterator[tuple[np.ndarray, np.ndarray]]) -> Iterator[Shown]:
    """Give each frame with the reference frame six before it (six after it, where there is none before)."""
    held: deque[tuple[int, np.ndarray, np.ndarray]] = deque(maxlen=2 * COPY_GAP + 1)
    last = -1

    def show(number: int) -> Shown:
        kept = {index: (real, output) for index, real, output in held}
        other = number - COPY_GAP if number >= COPY_GAP else min(number + COPY_GAP, last)
        return Shown(number, *kept[number], other, kept[other][0])

    for last, (real, output) in enumerate(frames):
        held.append((last, real, output))
        if last >= COPY_GAP:
            yield show(last - COPY_GAP)
    for number in range(max(0, last + 1 - COPY_GAP), last + 1):
        yield show(number)
