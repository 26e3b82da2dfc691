"""Do the lips of strangers follow the voices of strangers? Every face is driven by the next clip's voice.

The film is measured beside the real film of the same words: correlation over time of the mouth's opening, ratio of the
standard deviations, lag, width; by dlib's 68 points and, with --mesh, by MediaPipe's face mesh. Opening: (mean inner
lip gap + half the outer lip height) / distance of the outer eye corners. Means have 95 % intervals over films.

Baselines: copy-reference is the face's own film as it is; mismatched audio the drawn film beside the real mouth of a
third clip; ground_truth a real film, encoded as `infer` does and read again, beside itself. Other sounds: music, noise
(10 dB below the voice), telephone (8 kHz), pitch (a child's, formants moved, too); silence (`infer --silence model`):
LipLeak and the normalised leak, person by person. With transcripts: open-to-closed contrast, closures, words misread.

Every film is one line in RESULTS/films.jsonl; an interrupted run goes on where it was, and more pairs, conditions,
weights or readers can be added later. RESULTS must lie outside the repository, for films of real people lie in it.

Usage: python benchmarks/strangers.py RESULTS [FOLDER ...] [--limit N] [--conditions NAMES] [--groups NAMES]
       [--weights A [--weights B]] [--mesh PYTHON] [--transcripts DIR] [--music FILE]

FOLDER: clips with sound, one subfolder a person, or a flat folder of different people; without any, the groups of the
development data (LIPSYNC_TEST_DATA). Two weights are compared film by film.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import strangers_table as table
from mouth_readers import MeshReader, read_dlib
from strangers_clips import Pair, find_clips, find_groups, make_pairs, third_clip, with_speech
from strangers_films import CONDITIONS, MAX_FRAMES, NO_WEIGHTS, PART_S, SILENCE, TRUTH, Bench, film_name
from strangers_sheet import write_sheet
from strangers_sounds import VOICES

from lipsync_cli.media.sound.audio import read_speech
from lipsync_cli.speech.transcript import Transcripts

ROOT = Path(__file__).resolve().parent.parent


def draw_all(
    bench: Bench, groups: dict[str, list[Pair]], conditions: list[str], all_weights: list[Path | None]
) -> dict[str, list[tuple[Pair, table.Record]]]:
    """Draw and measure every film, the plain ones first: weights' hash -> films."""
    made: dict[str, list[tuple[Pair, table.Record]]] = {}
    for condition in conditions:
        for group, pairs in groups.items():
            for pair in pairs:
                pair = Pair(pair.face, pair.face) if condition in (SILENCE, TRUTH) else pair
                for weights in [None] if condition == TRUTH else all_weights:
                    film = bench.film(weights, group, condition, pair)
                    made.setdefault(film["weights"], []).append((pair, film | {"group": group}))
                    print(_say(bench, pair, film), file=sys.stderr, flush=True)
    return made


def _say(bench: Bench, pair: Pair, film: table.Record) -> str:
    start = f"{film['weights'][:8]} {film['condition']:<12} {pair.face.person}/{pair.face.path.stem} <- "
    start += f"{pair.voice.person}/{pair.voice.path.stem}"
    if "failed" in film:
        return f"{start}: {film['failed']}"
    real = bench.real(pair.voice)
    found = {reader: table.measure_film(film, real, None, real, reader) for reader in bench.readers}
    shown = (
        f"{reader} {f.get('correlation', np.nan):.2f} ({f.get('amplitude', np.nan):.2f})" for reader, f in found.items()
    )
    return f"{start}: {', '.join(shown)}; {film['seconds']:.0f} s"


def report(bench: Bench, groups: dict[str, list[Pair]], made: dict[str, list[tuple[Pair, table.Record]]]) -> str:
    """Write the tables of all weights."""
    measured = {sha: _figures(bench, groups, films) for sha, films in made.items()}
    text = []
    for sha, figures in measured.items():
        follow, leaks, words = [], [], []
        for (reader, condition, group), films in figures.items():
            if condition == SILENCE:
                own = [film for _, film in made[sha] if (film["condition"], film["group"]) == (SILENCE, group)]
                reals = {str(pair.face.path): bench.real(pair.face) for pair in groups[group]}
                people = table.measure_leak([film for film in own if "failed" not in film], reals, reader)
                leaks += [[group, reader, *table.leak_row(people)]] if people else []
                continue
            follow.append([group, condition, reader, *table.follow_row(list(films.values()))])
            if condition == "clean" and (row := table.words_row(list(films.values()))):
                words.append([group, reader, *row])
        text.append("## real films\n" if sha == NO_WEIGHTS else f"## weights {sha}\n")
        for head, rows in (
            (("group", "sound", "reader", *table.FOLLOW), follow),
            (("group, from silence", "reader", *table.LEAK), leaks),
            (("group", "reader", *table.WORDS), words),
        ):
            text += [table.markdown(head, rows) + "\n"] if rows else []
        failed = [film for _, film in made[sha] if "failed" in film]
        text += [f"{len(failed)} films were not drawn; the first: {failed[0]['failed']}\n"] if failed else []
        if others := [row for key in figures if (row := _loss(figures, key))]:
            text.append(
                table.markdown(("group", "sound", "reader", "correlation, minus that of the voice alone"), others)
            )
    shas = [sha for sha in measured if sha != NO_WEIGHTS]
    for one, other in pairwise(shas):
        rows = [
            [group, condition, reader, *(table.difference(films, measured[other][key], name) for name in _COMPARED)]
            for key, films in measured[one].items()
            if (condition := key[1]) in VOICES and key in measured[other]
            for reader, group in [(key[0], key[2])]
        ]
        text.append(f"\n## {other} minus {one}, film by film\n")
        text.append(table.markdown(("group", "sound", "reader", *_COMPARED), rows))
    return "\n".join(text)


_COMPARED = ("correlation", "amplitude", "width")


def _loss(figures: dict[tuple[str, str, str], dict[str, Any]], key: tuple[str, str, str]) -> list[str] | None:
    reader, condition, group = key
    plain = figures.get((reader, "clean", group))
    if condition not in VOICES[1:] or plain is None:
        return None
    return [group, condition, reader, table.difference(plain, figures[key], "correlation")]


def _figures(
    bench: Bench, groups: dict[str, list[Pair]], films: list[tuple[Pair, table.Record]]
) -> dict[tuple[str, str, str], dict[str, dict[str, float]]]:
    """Measure films: (reader, condition, group) -> face and voice -> figures."""
    figures: dict[tuple[str, str, str], dict[str, dict[str, float]]] = {}
    for pair, film in films:
        if "failed" in film:
            continue
        clip = third_clip([each.face for each in groups[film["group"]]], pair)
        other = None if clip is None else bench.real(clip)
        for reader in bench.readers:
            of = figures.setdefault((reader, film["condition"], film["group"]), {})
            real, own = bench.real(pair.voice), bench.real(pair.face)
            of[f"{film['face']}|{film['voice']}"] = table.measure_film(film, real, other, own, reader)
    return figures


def main() -> None:
    """Draw, measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of results; an earlier run's is gone on with")
    parser.add_argument("folders", type=Path, nargs="*", help="folders of clips (default: the development data)")
    parser.add_argument("--limit", type=int, default=12, help="pairs of each group")
    parser.add_argument("--groups", default="", help="of the default groups, those whose names begin so: s1,news")
    parser.add_argument("--conditions", default=",".join(CONDITIONS), help=f"of {','.join(CONDITIONS)}")
    parser.add_argument("--weights", type=Path, action="append", help="run folder or .safetensors; may be given twice")
    parser.add_argument("--mesh", type=Path, help="python of an environment for mesh.py: a second reader")
    parser.add_argument("--transcripts", type=Path, help="folder of .align files")
    parser.add_argument("--music", type=Path, help="a sound file to use as music")
    options = parser.parse_args()
    conditions = options.conditions.split(",")
    if unknown := set(conditions) - set(CONDITIONS):
        parser.error(f"no condition is called {sorted(unknown)[0]}; choose from {', '.join(CONDITIONS)}")
    if options.results.resolve().is_relative_to(ROOT):
        parser.error(f"{options.results} lies in the repository: films of real people do not belong there")
    data = Path(os.environ.get("LIPSYNC_TEST_DATA", ROOT.parent / "shared" / "data"))
    found = {folder.name: find_clips(folder) for folder in options.folders} if options.folders else find_groups(data)
    wanted = tuple(filter(None, options.groups.split(",")))
    pairs = {name: make_pairs(with_speech(clips, PART_S), options.limit) for name, clips in found.items()}
    groups = {name: some for name, some in pairs.items() if some and (not wanted or name.startswith(wanted))}
    if not groups:
        parser.error("no two clips with speech were found")
    align = options.transcripts or (data / "grid" / "align" if not options.folders else None)
    with ExitStack() as stack:
        readers: dict[str, Callable[[Path, int], np.ndarray]] = {"dlib": read_dlib}
        if options.mesh:
            readers["mesh"] = stack.enter_context(MeshReader(options.mesh, MAX_FRAMES))
        music = read_speech(options.music) if options.music else None
        bench = Bench(options.results, readers, Transcripts(align) if align and align.is_dir() else None, music)
        made = draw_all(bench, groups, conditions, options.weights or [None])
        text = report(bench, groups, made)
    (options.results / "table.md").write_text(text + "\n", encoding="utf-8")
    for sha, films in made.items():
        for group in groups:
            of = [(pair, film) for pair, film in films if film["group"] == group and film["condition"] == "clean"]
            strips = [
                (_label(pair), options.results / "strips" / f"{film_name(sha, 'clean', pair)}.png") for pair, _ in of
            ]
            write_sheet(options.results / "sheets" / f"{sha[:8]} {group}.png", strips)
    print(text)


def _label(pair: Pair) -> str:
    return f"real {pair.voice.person}/{pair.voice.path.stem}, under it {pair.face.person}/{pair.face.path.stem} says it"


if __name__ == "__main__":
    main()
