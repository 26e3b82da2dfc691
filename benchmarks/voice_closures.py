"""Whether the lips close on every p, b and m of a synthetic voice: by its words alone, its sound, and both.

A rest face is drawn with the mouths that each way of driving asks for, and the gap of the inner lips is read by dlib's
landmarks. A sound counts as closed where the gap, within 60 ms of it, falls below a quarter of the way from that of the
rest face to the widest gap (90th percentile) of the same film. Beside it stands the share of vowels that would count as
closed: a mouth that never opens would close on everything.

It needs dlib's networks and espeak-ng: pip install 'lipsync-cli[models,voices]'.

Usage: python benchmarks/voice_closures.py PACK [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from lipsync_cli.faces.mouth_shapes import find_measure
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.formats.weights import load_weights
from lipsync_cli.speech.phones.alignment import align
from lipsync_cli.speech.phones.ipa import closes_lips
from lipsync_cli.speech.phones.pronunciation import Pronouncer
from lipsync_cli.speech.phones.timed_phones import TimedPhone
from lipsync_cli.speech.synthesisers.espeak_ng import EspeakNg
from lipsync_cli.speech.synthesisers.synthesiser import Voice
from lipsync_cli.synthesis.drivers.blended_driver import TEXT_SHARE
from lipsync_cli.synthesis.drivers.phone_encoding import PhoneEncoding
from lipsync_cli.synthesis.drivers.speech_driver import SpeechDriver
from lipsync_cli.synthesis.drivers.text_driver import TextDriver
from lipsync_cli.synthesis.generation.local_runner import LocalRunner

RATE, BATCH = 25, 25
BESIDE_S = 0.06  # a closure counts that falls so near to its sound
CLOSED = 0.25  # of the way from rest to the widest gap
VOICES = (("en", None), ("en", "en-us+f3"), ("de", None), ("de", "de+f3"))
SENTENCES = {
    "en": (
        "My brother Bob bought a big map and a pump.",
        "Please bring Mum some ripe plums and brown bread.",
        "Pam and Ben climb up the bumpy path by the pub.",
        "Maybe a member of my club may borrow a lamp.",
    ),
    "de": (
        "Mein Bruder Peter baut am Abend eine Brücke.",
        "Bitte bring mir bald ein paar Birnen und Pflaumen mit.",
        "Beim Bäcker am Berg gibt es braune Brezeln und Pumpernickel.",
        "Am Montag bekommt Emma ein buntes Bilderbuch.",
    ),
}
VOWELS = frozenset("aeiouɑɒæɛɪɔʊʌəɜyøœɐ")  # noqa: RUF001


def speak(voice: Voice, text: str, folder: Path) -> tuple[Path, list[tuple[Any, ...]]]:
    """Say a text, and give its sound and the speech sounds of its words."""
    engine, path = EspeakNg(), folder / "said.wav"
    engine.speak(text, path, voice)
    return path, list(Pronouncer(lambda words: engine.transcribe(words, voice)).pronounce_words(text))


def drive(path: Path, words: list[tuple[Any, ...]], encode: PhoneEncoding, runner: LocalRunner) -> dict[str, Any]:
    """Give what the generator hears in each way of driving, the middles of its frames, and when each sound is said."""
    with SpeechDriver(path, hears="encoder", vtln=1.0) as sound:
        count = int(sound.duration_s * RATE)
        middles = (np.arange(count) + 0.5) / RATE
        heard = sound.windows(middles, runner.encode)
        features = sound.features(runner.encode, 0, int(sound.duration_s * 50))
        phones = align(words, features, encode, encode.margin, encode.scale)
        driver = TextDriver(Path("words"), phones, encode, encode.margin)
        text = driver.windows(middles)
    both = driver.close_lips(heard + np.float32(TEXT_SHARE) * (text - heard), middles)
    ways = {"words": text, "sound": heard, "sound and words": both}
    return {"ways": ways, "middles": middles, "phones": phones}


def count_closed(gaps: np.ndarray, rest: float, middles: np.ndarray, phones: list[TimedPhone]) -> dict[str, list[int]]:
    """Count the sounds at which the lips are closed: of p, b and m, and of vowels."""
    limit = rest + CLOSED * (np.nanpercentile(gaps, 90) - rest)
    counts = {"closures": [0, 0], "vowels": [0, 0]}
    for phone in phones:
        kind = "closures" if closes_lips(phone.symbol) else "vowels" if phone.symbol[:1] in VOWELS else ""
        if kind:
            beside = BESIDE_S if kind == "closures" else 0.0
            near = (middles > phone.start_s - beside) & (middles < phone.end_s + beside)
            if near.any():
                counts[kind][0] += int(np.nanmin(gaps[near]) < limit)
                counts[kind][1] += 1
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path, help="whose first test clip gives the face")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    encode, look = PhoneEncoding(), find_measure()
    runner = LocalRunner(load_weights()[0], articulation=None)
    with Pack(options.pack, 1) as pack:
        clip = next(clip for clip in pack.clips if str(clip["split"]) == "test")
        first = int(clip["first_frame"])
        crops, rule = pack.read_crops(np.arange(first, first + int(clip["num_frames"]))), pack.crop_rule
    own = look(crops, rule)[:, 2]
    rest = crops[int(np.nanargmin(own))][None]
    table: dict[str, dict[str, dict[str, list[int]]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for language, name in VOICES:
            for text in SENTENCES[language]:
                found = drive(*speak(Voice(name, language), text, Path(folder)), encode, runner)
                for way, speech in found["ways"].items():
                    parts = [speech[start : start + BATCH] for start in range(0, len(speech), BATCH)]
                    drawn = [runner.generate(rest, rest.repeat(len(part), 0), part).image for part in parts]
                    images = (np.clip(np.concatenate(drawn), 0, 1) * 255).round().astype(np.uint8)
                    gaps = look(images, rule)[:, 2]
                    kinds = table.setdefault(f"{language} {name or 'usual'}", {}).setdefault(way, {})
                    for kind, (closed, all_of) in count_closed(
                        gaps, np.nanmin(own), found["middles"], found["phones"]
                    ).items():
                        before = kinds.setdefault(kind, [0, 0])
                        kinds[kind] = [before[0] + closed, before[1] + all_of]
            print(f"{language} {name or 'usual'}", json.dumps(table[f"{language} {name or 'usual'}"]), flush=True)
    for way in ("words", "sound", "sound and words"):
        sums = {
            kind: np.sum([voice[way][kind] for voice in table.values()], 0).tolist() for kind in ("closures", "vowels")
        }
        print(way, {kind: f"{closed} of {count}, {closed / count:.3f}" for kind, (closed, count) in sums.items()})
    if options.json:
        options.json.write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
