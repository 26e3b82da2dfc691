"""The benchmark of strangers: who drives whom, the sounds, the figures and their table; nothing is drawn."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def modules() -> dict[str, ModuleType]:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import strangers_clips
        import strangers_films
        import strangers_sheet
        import strangers_sounds
        import strangers_table
    finally:
        sys.path.remove(str(BENCHMARKS))
    return {
        "clips": strangers_clips, "films": strangers_films, "sounds": strangers_sounds, "table": strangers_table,
        "sheet": strangers_sheet,
    }  # fmt: skip


def test_a_subfolder_is_a_person_and_a_flat_folder_holds_different_people(modules, tmp_path: Path) -> None:
    clips = modules["clips"]
    for name in ("ann/a1.mp4", "ann/a2.mp4", "bob/b1.MPG", "ann/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [clip.person for clip in clips.find_clips(tmp_path)] == ["ann", "ann", "bob"]
    assert [clip.person for clip in clips.find_clips(tmp_path / "ann")] == ["a1", "a2"]
    assert {clip.person for clip in clips.find_clips(tmp_path / "ann", is_one_person=True)} == {"ann"}
    assert clips.with_speech(clips.find_clips(tmp_path), 5) == []  # empty files


def test_each_face_is_driven_by_the_next_voice_of_another_person(modules) -> None:
    make_clip, make_pairs = modules["clips"].Clip, modules["clips"].make_pairs
    several = [make_clip(Path(f"{person}{n}"), person) for person in "abc" for n in range(3)]
    pairs = make_pairs(several, limit=4)
    assert [(pair.face.path.name, pair.voice.path.name) for pair in pairs] == [
        ("a0", "b0"),
        ("b0", "c0"),
        ("c0", "a1"),
        ("a1", "b1"),
    ]
    assert all(pair.face.person != pair.voice.person for pair in make_pairs(several))
    alone = make_pairs(several[:3])
    assert [(pair.face.path.name, pair.voice.path.name) for pair in alone] == [("a0", "a1"), ("a1", "a2"), ("a2", "a0")]
    assert make_pairs(several[:1]) == []
    third = modules["clips"].third_clip
    assert third(several, pairs[0]).person == "c"
    assert third(several[:2], alone[0]) is None


def test_lag_is_the_shift_that_fits_best_in_a_clip_of_thirty_frames(modules) -> None:
    said = np.convolve(np.random.default_rng(1).standard_normal(60), np.hanning(7), "same")
    best_lag = modules["table"].best_lag
    assert [best_lag(said[10:40], said[10 - lag : 40 - lag]) for lag in (-4, 0, 2)] == [-4, 0, 2]


def record(opening: np.ndarray, **more: object) -> dict:
    curves = {name: [None if np.isnan(v) else float(v) for v in opening] for name in ("opening", "gap", "width")}
    curves |= {"mar": curves["opening"], "aperture": curves["opening"]}
    return {"middles": ((np.arange(len(opening)) + 0.5) / 25).tolist(), "curves": {"dlib": curves}, **more}


def test_a_film_is_measured_beside_the_film_of_its_voice(modules) -> None:
    rng = np.random.default_rng(0)
    said, own, third = (np.convolve(rng.standard_normal(36), np.hanning(7), "valid") for _ in range(3))
    drawn = 0.7 * said + 0.2
    drawn[3] = np.nan
    figures = modules["table"].measure_film(record(drawn), record(said), record(third), record(own), "dlib")
    assert figures["correlation"] == pytest.approx(1)
    assert figures["amplitude"] == pytest.approx(0.7, rel=0.05)
    assert figures["own_amplitude"] == pytest.approx(np.std(drawn[~np.isnan(drawn)]) / np.std(own))
    assert figures["lag"] == 0
    assert figures["width"] == pytest.approx(1)
    assert figures["copy"] == pytest.approx(np.corrcoef(own, said)[0, 1])
    known = ~np.isnan(drawn)
    assert figures["mismatched"] == pytest.approx(np.corrcoef(third[known], drawn[known])[0, 1])
    short = modules["table"].measure_film(record(drawn), record(said[:20]), None, record(own), "dlib")
    assert short["correlation"] == pytest.approx(1)
    assert "mismatched" not in short
    still = modules["table"].measure_film(record(np.full(30, 0.1)), record(said), None, record(own), "dlib")
    assert "correlation" not in still
    assert still["amplitude"] == pytest.approx(0)


def test_words_are_told_where_there_are_transcripts(modules) -> None:
    row = modules["table"].words_row
    assert row([{"correlation": 0.5}]) is None
    films = [{"contrast": 2.0, "real_contrast": 4.0, "closures": 0.5, "real_closures": 1.0}]
    films += [{"contrast": 4.0, "real_contrast": 2.0}, {"word_error": 30.0, "real_word_error": 10.0}]
    assert row(films)[1].startswith("1.00 [")
    assert row(films)[1].endswith("of 2")
    assert row(films)[2:] == ["50 % / 100 %", "30 % / 10 %"]


def test_clips_without_speech_drive_nobody(modules, make_clip, tmp_path: Path) -> None:
    make_clip(tmp_path / "says.mp4", num_frames=30)
    make_clip(tmp_path / "silent.mp4", num_frames=30, sound=False)
    kept = modules["clips"].with_speech(modules["clips"].find_clips(tmp_path), 5)
    assert [clip.person for clip in kept] == ["says"]


def test_films_of_two_folders_have_two_names(modules) -> None:
    clips, name = modules["clips"], modules["films"].film_name
    voice = clips.Clip(Path("/c/b.mp4"), "z")
    pairs = [clips.Pair(clips.Clip(Path(f"/{folder}/a.mp4"), "x/y"), voice) for folder in "fg"]
    assert name("0", "clean", pairs[0]).startswith("0_clean_x-y-a_z-b_")
    assert name("0", "clean", pairs[0]) != name("0", "clean", pairs[1])


def test_mouths_are_cut_at_their_moments_and_enlarged(modules, make_clip, tmp_path: Path) -> None:
    film = make_clip(tmp_path / "clip.mp4", num_frames=10)
    points = np.full((10, 68, 2), np.nan)
    points[:5] = 80.0
    points[:5, 36], points[:5, 45] = (60, 60), (100, 60)
    middles = (np.arange(10) + 0.5) / 25
    strip = modules["sheet"].cut_mouths(film, points, [middles[1], middles[4], middles[8]], middles)
    side = modules["sheet"].SIDE
    assert strip.shape == (side, 3 * side, 3)
    assert strip[:, : 2 * side].std() > 5
    assert (strip[:, 2 * side :] == 128).all()
    modules["sheet"].write_strip(tmp_path / "strips" / "a.png", strip, strip)
    modules["sheet"].write_sheet(tmp_path / "sheet.png", [("a", tmp_path / "strips" / "a.png"), ("b", tmp_path / "no")])
    assert (tmp_path / "sheet.png").stat().st_size > 1000


def test_leak_is_that_of_people_not_of_clips(modules) -> None:
    shut, half, open_ = np.zeros(20), np.tile([0.0, 0.3], 10), np.full(20, 0.3)
    films = [record(shut, person="ann", face="1"), record(half, person="ann", face="2")]
    films += [record(open_, person="bob", face="3")]
    reals = {"1": record(half), "2": record(half), "3": record(open_)}
    leaks = modules["table"].measure_leak(films, reals, "dlib")
    assert leaks["ann"] == pytest.approx({"lip_leak": 0.25, "normalised": 0.5})
    assert leaks["bob"] == pytest.approx({"lip_leak": 1, "normalised": 1})
    assert modules["table"].leak_row(leaks) == ["2", "0.625", "0.750", "1.000", "2"]


def test_intervals_hold_the_mean_and_the_paired_difference_is_of_shared_films(modules) -> None:
    table = modules["table"]
    values = np.random.default_rng(0).normal(0.5, 0.1, 40)
    mean, low, high = table.interval(values)
    assert low < mean < high
    assert (high - low) == pytest.approx(2 * 1.96 * 0.1 / np.sqrt(40), rel=0.35)
    one = {str(n): {"correlation": float(value)} for n, value in enumerate(values)}
    other = {key: {"correlation": film["correlation"] + 0.1} for key, film in one.items() if key != "7"}
    assert table.difference(one, other, "correlation") == "+0.100 [+0.100, +0.100] of 39"
    assert table.difference(one, {}, "correlation") == "none"


@pytest.mark.parametrize("kind", ["clean", "music", "noise", "telephone", "pitch"])
def test_sounds_keep_the_length_and_the_loudness_that_they_say(modules, kind: str) -> None:
    sounds = modules["sounds"]
    times = np.arange(19200) / 16000
    voice = (0.3 * np.sin(2 * np.pi * 500 * times) * (times > 0.4)).astype(np.float32)
    changed, rate = sounds.change_voice(kind, voice)
    assert len(changed) / rate == pytest.approx(1.2, abs=1e-3)
    assert np.isfinite(changed).all()
    spectrum = np.abs(np.fft.rfft(changed[len(changed) // 2 :]))
    peak = np.fft.rfftfreq(len(changed) - len(changed) // 2, 1 / rate)[spectrum.argmax()]
    assert peak == pytest.approx(500 * 2 ** (5 / 12) if kind == "pitch" else 500, abs=4)
    if kind in ("music", "noise"):
        added = np.square(changed - voice).mean()
        assert 10 * np.log10(np.square(voice[times > 0.42]).mean() / added) == pytest.approx(10, abs=0.1)


def test_a_telephone_has_no_deep_and_no_high_sounds(modules) -> None:
    narrowed = modules["sounds"].narrow(np.random.default_rng(0).standard_normal(16000).astype(np.float32))
    power = np.square(np.abs(np.fft.rfft(narrowed)))
    hertz = np.fft.rfftfreq(len(narrowed), 1 / 8000)
    inside = (hertz > 299) & (hertz < 3401)
    assert power[inside].sum() > 0.999 * power.sum()


def test_an_interrupted_run_loses_its_last_line_only(modules, tmp_path: Path) -> None:
    path = tmp_path / "films.jsonl"
    lines = [json.dumps({"key": "a", "n": 1}), json.dumps({"key": "b"}), json.dumps({"key": "a", "n": 2})]
    path.write_text("\n".join(lines) + '\n{"key": "c", "n"')
    assert dict(modules["films"].read_records(path)) == {"a": {"key": "a", "n": 2}, "b": {"key": "b"}}
    assert path.read_text() == "\n".join(lines) + "\n"
    assert dict(modules["films"].read_records(tmp_path / "none.jsonl")) == {}


def test_results_inside_the_repository_are_refused() -> None:
    command = [sys.executable, BENCHMARKS / "strangers.py", BENCHMARKS / "results"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "lies in the repository" in result.stderr
    assert not (BENCHMARKS / "results").exists()
