"""How much the mouth of `lipsync live` changes with the sound that it waits for, beside that of `infer`.

python benchmarks/live_context.py VOICE... [--seconds 30]

Each voice drives one rest face twice: as `infer` hears it, whole, and as `live` does, up to so many milliseconds after
each frame. The generator's flow fields are compared along the first principal component of the former, which is how
far the mouth opens: correlation, amplitude, and the root mean square of the whole difference over that of the movement.
The first second does not count: `live` does not know yet how loud the voice is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from lipsync_cli.formats.speech_encoder_weights import load_speech_encoder, make_stream
from lipsync_cli.formats.weights import find_weights, load_weights
from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.speech.speech_features import RATE as FEATURE_RATE
from lipsync_cli.synthesis.drivers.driver import Driver
from lipsync_cli.synthesis.drivers.speech_driver import MEL, SpeechDriver
from lipsync_cli.synthesis.generation.local_runner import ARTICULATION, LocalRunner
from lipsync_cli.synthesis.live.live_speech import LiveSpeech

ROOT = Path(__file__).resolve().parent.parent
RATE, BATCH, FIRST = 25, 2, 25
FACE = slice(60, 156), slice(165, 261)  # of examples/astronaut.jpg, about


def flows(runner: LocalRunner, face: np.ndarray, driver: Driver, middles_s: np.ndarray) -> np.ndarray:
    """Return the flow of every frame, (n, H * S * 2), drawn in batches as `live` draws them."""
    parts = []
    for first in range(0, len(middles_s), BATCH):
        heard = driver.windows(middles_s[first : first + BATCH], runner.encode)
        flow = runner.submit(face, heard).result().flow
        assert flow is not None
        parts.append(flow.reshape(len(flow), -1))
    return np.concatenate(parts)


def compare(wanted: np.ndarray, found: np.ndarray) -> tuple[float, float, float]:
    """Return correlation and ratio of the openings, and the relative difference, of flows (n, M)."""
    mean = wanted.mean(0)
    opening = np.linalg.svd(wanted - mean, full_matrices=False)[2][0]
    one, other = (wanted - mean) @ opening, (found - mean) @ opening
    moved = np.sqrt(((wanted - mean) ** 2).mean())
    return (
        float(np.corrcoef(one, other)[0, 1]),
        float(other.std() / one.std()),
        float(np.sqrt(((found - wanted) ** 2).mean()) / moved),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("voices", type=Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--ahead-ms", type=int, nargs="+", default=[80, 160, 240, 320])
    parser.add_argument("--before-s", type=float, nargs="+", default=[3.0])
    given = parser.parse_args()
    generator, header = load_weights(find_weights(None))
    runner = LocalRunner(generator, articulation=ARTICULATION, threads=1)
    encoder, size = load_speech_encoder(), header.crop_rule.size
    photo = cv2.cvtColor(cv2.imread(str(ROOT / "examples" / "astronaut.jpg")), cv2.COLOR_BGR2RGB)
    face = cv2.resize(photo[FACE], (size, size))[None]
    print("| after ms | before s | correlation | amplitude | difference |\n|---|---|---|---|---|")
    table: dict[tuple[int, float], list[tuple[float, float, float]]] = {}
    for path in given.voices:
        sound = read_speech(path)[: round(given.seconds * 16000)]
        middles_s = (np.arange(int(len(sound) / 16000 * RATE) // BATCH * BATCH) + 0.5) / RATE
        with SpeechDriver(path, header.mel_parameters, hears=header.hears) as whole:
            wanted = flows(runner, face, whole, middles_s)
        for ahead in given.ahead_ms:
            for before in given.before_s:
                stream = make_stream(encoder, "cpu", round(before * FEATURE_RATE)) if header.hears != MEL else None
                live = LiveSpeech(header.hears, header.mel_parameters, ahead_s=ahead / 1000, stream=stream)
                piece, found, fed = round(BATCH / RATE * 16000), [], 0
                for first in range(0, len(middles_s), BATCH):
                    part = middles_s[first : first + BATCH]
                    while fed < min(len(sound) + 16000, (part[-1] + ahead / 1000) * 16000):
                        more = sound[fed : fed + piece]
                        live.add(np.pad(more, (0, piece - len(more))))
                        fed += piece
                    found.append(flows(runner, face, live, part))
                table.setdefault((ahead, before), []).append(compare(wanted[FIRST:], np.concatenate(found)[FIRST:]))
    for (ahead, before), rows in table.items():
        mean = np.mean(rows, 0)
        print(f"| {ahead} | {before:g} | {mean[0]:.3f} | {mean[1]:.3f} | {mean[2]:.3f} |")


if __name__ == "__main__":
    main()
