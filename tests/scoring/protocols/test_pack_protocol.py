"""Rows and frames of the test on a pack, with generators of known worth."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fixtures.fakes import FRAMES, Copier, Dreamer, Listener, MemoryPack

from lipsync_cli.datasets.vocal_tract_normalisation import normalise_voices
from lipsync_cli.errors import InputError, NothingToDoError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.formats.compatibility import check_fits
from lipsync_cli.metrics.image.reconstruction import MAX_PSNR_DB
from lipsync_cli.metrics.registry import find_metric_groups
from lipsync_cli.scoring.protocols.pack_protocol import plan_pack, score_pack
from lipsync_cli.scoring.report.sample_sheet import draw_sheet
from lipsync_cli.scoring.report.text_table import make_records
from lipsync_cli.speech.mel import MelParameters


def score(pack: MemoryPack, generator: object, **options: object):
    return score_pack(pack, generator, families=find_metric_groups(["reconstruction"]), **options)  # type: ignore[arg-type]


def test_every_test_frame_with_a_face_is_scored_once(memory_pack: MemoryPack) -> None:
    scores, draw = score(memory_pack, Copier())
    assert scores.facts["frames"] == 3 * FRAMES - 1 == len(np.unique(draw.target))
    assert 5 not in draw.target
    assert scores.clip_names == ["one", "two", "three"]
    assert scores.speakers == ["s1", "s1", "s2"]
    assert set(scores.rows) == {"model", "copy", "wrong_audio", "ground_truth"}
    assert all(series.values.shape == (119,) for row in scores.rows.values() for series in row.values())
    assert scores.rows["model"]["crop_psnr"].frame.max() == FRAMES - 1


def test_what_a_pack_cannot_show_is_null_with_its_reason(memory_pack: MemoryPack) -> None:
    families = find_metric_groups(["frame_psnr", "crop_psnr"])
    scores, _ = score_pack(memory_pack, Copier(), max_frames=6, families=families)  # type: ignore[arg-type]
    for row in ("model", "wrong_audio", "copy", "ground_truth"):
        assert scores.missing[row, "frame_psnr"] == {"only a video has whole frames": [0, 1, 2]}
        assert set(scores.rows[row]) == {"crop_psnr"}


def test_references_are_six_frames_away_in_the_same_clip_and_wrong_audio_is_of_another(memory_pack: MemoryPack) -> None:
    _, draw = score(memory_pack, Copier())
    assert (np.abs(draw.reference - draw.target) >= 6).all()
    np.testing.assert_array_equal(draw.reference // FRAMES, draw.target // FRAMES)
    assert (draw.mismatched // FRAMES != draw.target // FRAMES).all()


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(memory_pack: MemoryPack) -> None:
    rows = [score(memory_pack, Copier(), seed=seed, max_frames=30)[0].rows["copy"] for seed in (4, 4, 5)]
    np.testing.assert_array_equal(rows[0]["crop_psnr"].values, rows[1]["crop_psnr"].values)
    assert (rows[0]["crop_psnr"].values != rows[2]["crop_psnr"].values).any()


def test_batches_do_not_change_the_figures(memory_pack: MemoryPack) -> None:
    one, other = (
        score(memory_pack, Listener(), max_frames=30, batch_size=size)[0].rows["wrong_audio"] for size in (7, 64)
    )
    for metric in one:
        np.testing.assert_allclose(one[metric].values, other[metric].values, atol=1e-9)


def test_ground_truth_is_perfect_and_a_copier_is_the_copy(memory_pack: MemoryPack) -> None:
    scores, _ = score(memory_pack, Copier(), max_frames=30)
    assert (scores.rows["ground_truth"]["crop_psnr"].values == MAX_PSNR_DB).all()
    np.testing.assert_allclose(scores.rows["ground_truth"]["mouth_ssim"].values, 1.0, atol=1e-6)
    for metric, copy in scores.rows["copy"].items():
        np.testing.assert_array_equal(scores.rows["model"][metric].values, copy.values)
        np.testing.assert_array_equal(scores.rows["wrong_audio"][metric].values, copy.values)


def test_a_listener_beats_copying_and_the_wrong_audio(memory_pack: MemoryPack) -> None:
    summary = score(memory_pack, Listener())[0].summary()["all"]
    assert summary["model"]["mouth_psnr"].min > 45  # the pack's levels are rounded to 8 bits
    assert summary["model - copy"]["mouth_psnr"].low > 20
    assert summary["model - wrong_audio"]["mouth_psnr"].low > 20


def test_a_dreamer_gains_nothing_from_the_right_audio(memory_pack: MemoryPack) -> None:
    difference = score(memory_pack, Dreamer(), max_frames=30)[0].summary()["all"]["model - wrong_audio"]
    assert difference["mouth_psnr"].max == difference["mouth_psnr"].min == 0


def test_max_frames_spreads_over_the_clips(memory_pack: MemoryPack) -> None:
    scores, _ = score(memory_pack, Copier(), max_frames=31)
    series = scores.rows["model"]["mouth_psnr"]
    assert np.bincount(series.clip).tolist() == [10, 10, 10]
    assert series.frame[series.clip == 1].tolist() == [0, 4, 9, 13, 17, 22, 26, 30, 35, 39]
    assert plan_pack(memory_pack, "test", 31)["frames"] == 30


def test_a_split_with_one_clip_takes_the_wrong_audio_from_its_other_end_and_says_so(memory_pack: MemoryPack) -> None:
    scores, draw = score(memory_pack, Copier(), split="train")
    assert (np.abs(draw.mismatched - draw.target) >= 6).all()
    assert any("one clip only" in note for note in scores.notes)
    with pytest.raises(NothingToDoError, match="val"):
        score(memory_pack, Copier(), split="val")


def test_progress_counts_clips(memory_pack: MemoryPack) -> None:
    seen: list[tuple[int, int | None]] = []
    score(memory_pack, Copier(), max_frames=30, batch_size=16, progress=lambda d, t, _: seen.append((d, t)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_sheet_takes_speakers_in_turn_and_the_frame_that_copying_does_worst(memory_pack: MemoryPack) -> None:
    scores, draw = score(memory_pack, Listener())
    sheet = draw_sheet(memory_pack, Listener(), "test", draw, lines=2)
    assert [label.split("\n")[0] for label in sheet.labels] == ["s1/one", "s2/three"]
    assert list(sheet.columns) == ["reference", "real", "model", "mismatched audio", "change x 8"]
    change = np.abs(sheet.columns["model"].astype(int) - sheet.columns["real"])
    np.testing.assert_array_equal(sheet.columns["change x 8"], (8 * change).clip(0, 255))
    assert all(images.shape == (2, 96, 96, 3) for images in sheet.columns.values())
    frame = int(sheet.labels[0].split()[-1])
    copy = scores.rows["copy"]["mouth_psnr"].part(np.array([True, False, False]))
    assert frame == copy.frame[copy.values.argmin()]
    np.testing.assert_array_equal(sheet.columns["real"][0], memory_pack.read_crops(np.array([frame]))[0])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mel_parameters": MelParameters(fmin=80.0)}, "fmin is 55.0 here and 80.0 there"),
        ({"crop_rule": CropRule(scale=1.5)}, "scale: 1.25 and 1.5"),
    ],
)
def test_weights_of_other_crops_or_mels_are_refused_with_both_values(changes: dict[str, object], words: str) -> None:
    pack = SimpleNamespace(path=MemoryPack.path, crop_rule=CropRule(), mel_parameters=MelParameters())
    same = {"crop_rule": CropRule(smoothing_frames=1.0), "mel_parameters": MelParameters()}
    check_fits(pack, SimpleNamespace(**same), "runs/mine")
    with pytest.raises(InputError, match=rf"memory.h5: .*{words}.*runs/other"):
        check_fits(pack, SimpleNamespace(**same | changes), "runs/other")


def test_the_tables_of_the_docs_have_the_control_rows_and_intervals(memory_pack: MemoryPack) -> None:
    path = Path(__file__).resolve().parents[3] / "docs" / "make_results.py"
    spec = importlib.util.spec_from_file_location("make_results", path)
    assert spec is not None
    assert spec.loader is not None
    make_results = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_results)
    scores, _ = score(memory_pack, Listener(), max_frames=30)
    records = make_records(scores)
    mean = scores.summary()["s1"]["wrong_audio"]["mouth_ssim"]
    lines = make_results.make_table(records, "s1").splitlines()
    assert [line.split(" |")[0] for line in lines[4:]] == [f"| {title}" for title in make_results.ROWS.values()]
    assert f"{mean.mean:.4f} ({mean.low:.4f} to {mean.high:.4f})" in lines[6]
    assert "s1: 20 frames of 2 clips" in lines[0]
    assert "In brackets" in lines[0]
    assert "In brackets" not in make_results.make_table(records, "s2")


def test_only_the_generator_hears_the_normalised_voice(memory_pack: MemoryPack) -> None:
    louder = np.where(memory_pack.mel > 0, memory_pack.mel, 4).astype(np.float32)
    plain, changed = score(memory_pack, Listener()), score(memory_pack, Listener(), heard=louder)
    rows = [scores.rows["model"]["crop_psnr"].values for scores, _ in (plain, changed)]
    assert (rows[0] != rows[1]).any()
    for row in ("copy", "ground_truth"):
        np.testing.assert_array_equal(*(scores.rows[row]["crop_psnr"].values for scores, _ in (plain, changed)))


def test_the_normalised_pack_is_the_pack_but_for_voices_that_are_changed(memory_pack: MemoryPack) -> None:
    same, none = normalise_voices(memory_pack, "test", None)  # type: ignore[arg-type]
    assert same is memory_pack.mel
    assert none == {}
    ramp = MemoryPack()
    ramp.mel = ramp.mel + np.linspace(0, 1, 80, dtype=np.float32)
    heard, factors = normalise_voices(ramp, "test", None, 1.1)  # type: ignore[arg-type]
    assert factors == {"s1/one": 1.1, "s1/two": 1.1, "s2/three": 1.1}
    first = int(ramp.clips[3]["first_mel"])
    np.testing.assert_array_equal(heard[first:], ramp.mel[first:])  # of another split
    np.testing.assert_allclose(heard[:first, 40], ramp.mel[:first, 44], atol=1e-5)
