"""Which frames go together."""

import numpy as np
import pytest

from lipsync_cli.datasets.frame_table import MIN_GAP, FrameTable, Sampling, gather
from lipsync_cli.datasets.reference_gap import ReferenceGap, parse_gap
from lipsync_cli.errors import NothingToDoError, UsageError
from lipsync_cli.formats.pack_file import Pack
from lipsync_cli.speech.mel import window


@pytest.fixture
def pack(small_pack):
    with Pack(small_pack) as opened:
        yield opened


def test_reference_and_target_share_a_clip_and_lie_apart(pack):
    table = FrameTable(pack, "train")
    for step in range(20):
        draw = table.draw(Sampling(12, 3, quiet_reference=0.5), step)
        reference = draw.reference.repeat(3)
        assert (table.clip_of[reference] == table.clip_of[draw.target]).all()
        assert (np.abs(reference - draw.target) >= MIN_GAP).all()
        assert (table.clip_of[draw.mismatched] != table.clip_of[draw.target]).all()
        assert pack.has_face[draw.target].all()
        assert pack.has_face[reference].all()


def test_consecutive_targets_have_faces_and_a_reference_apart(pack):
    table = FrameTable(pack, "train")
    for step in range(20):
        draw = table.draw(Sampling(12, 6, quiet_reference=0.5, consecutive=True), step)
        runs = draw.target.reshape(2, 6)
        assert (np.diff(runs) == 1).all()
        assert pack.has_face[runs].all()
        assert (np.abs(draw.reference[:, None] - runs) >= MIN_GAP).all()
        assert (table.clip_of[draw.reference][:, None] == table.clip_of[runs]).all()


@pytest.mark.parametrize("gap", [ReferenceGap(1, 6), ReferenceGap(6, 6), ReferenceGap(9), ReferenceGap(2, 3)])
def test_reference_and_target_keep_the_gap_that_is_asked_for_and_use_all_of_it(pack, gap):
    table, seen = FrameTable(pack, "train"), set()
    for step in range(60):
        draw = table.draw(Sampling(12, 3, quiet_reference=0.5, gap=gap), step)
        distances = draw.target - draw.reference.repeat(3)
        assert gap.allows(np.abs(distances)).all()
        assert (table.clip_of[draw.reference.repeat(3)] == table.clip_of[draw.target]).all()
        assert pack.has_face[draw.target].all()
        seen |= set(distances.tolist())
    assert {gap.least, -gap.least} <= seen
    assert max(seen) == (gap.most or max(seen))
    assert len(seen) >= (2 * (gap.most - gap.least + 1) if gap.most else 10)


def test_consecutive_targets_keep_the_gap_from_the_nearer_end_of_the_run(pack):
    table = FrameTable(pack, "train")
    for step in range(20):
        draw = table.draw(Sampling(12, 4, consecutive=True, gap=ReferenceGap(1, 6)), step)
        distances = np.abs(draw.target.reshape(3, 4) - draw.reference[:, None]).min(1)
        assert ((distances >= 1) & (distances <= 6)).all()


def test_the_default_gap_draws_what_six_and_more_draws(pack):
    table = FrameTable(pack, "train")
    one, other = (table.draw(Sampling(8, 2, quiet_reference=0.5, **gap), 4) for gap in ({}, {"gap": parse_gap("6..")}))
    assert all((a == b).all() for a, b in zip(one, other, strict=True))


def test_a_gap_that_no_clip_has_is_said(pack):
    with pytest.raises(NothingToDoError, match=r"two frames with a face that are 500\.\. frames apart"):
        FrameTable(pack, "train").draw(Sampling(4, gap=ReferenceGap(500)), 0)


@pytest.mark.parametrize("text", ["", "6", "0..6", "6..1", "1..6..9", "-1..6", "a..b", "..6"])
def test_what_is_no_range_of_frames_is_said(text):
    with pytest.raises(UsageError, match="is no range of frames") as caught:
        parse_gap(text)
    assert "1..6" in caught.value.hint


def test_a_gap_is_read_and_written_alike():
    assert parse_gap("1..6") == ReferenceGap(1, 6)
    assert parse_gap("6..") == ReferenceGap()
    assert [str(parse_gap(text)) for text in ("1..75", "6..")] == ["1..75", "6.."]


def test_runs_longer_than_every_clip_are_said(pack):
    with pytest.raises(NothingToDoError, match="h5: no clip has 25 consecutive"):
        FrameTable(pack, "train").draw(Sampling(25, 25, consecutive=True), 0)


def test_a_step_is_drawn_alike_each_time_and_differs_from_the_next(pack):
    table = FrameTable(pack, "train")
    first, again, later = (table.draw(Sampling(8), step) for step in (5, 5, 6))
    assert all((one == other).all() for one, other in zip(first, again, strict=True))
    assert any((one != other).any() for one, other in zip(first, later, strict=True))


def test_temperature_lifts_the_speaker_with_fewer_frames(pack):
    table = FrameTable(pack, "train")

    def share(temperature):
        clips = np.concatenate([table.draw(Sampling(64, speaker_temperature=temperature), n).target for n in range(30)])
        speakers = pack.clips["speaker"][table.clip_of[clips]]
        return np.mean([str(s) == "s2" or s == b"s2" for s in speakers])

    frames = table.num_frames
    plain = frames[table.speaker == "s2"].sum() / frames.sum()
    assert share(1.0) == pytest.approx(plain, abs=0.04)
    assert plain + 0.03 < share(8.0) < 0.55


def test_gather_cuts_the_window_of_the_frame_and_its_pixels(pack):
    table = FrameTable(pack, "train")
    draw = table.draw(Sampling(4), 0)
    batch = gather(pack, table, draw)
    held = gather(pack.decode_all(), table, draw)
    assert all((one == other).all() for one, other in zip(batch, held, strict=True))
    row = table.clip_of[draw.target[0]]
    first, count = int(pack.clips["first_mel"][row]), int(pack.clips["num_mels"][row])
    expected = window(pack.mel[first : first + count], pack.frame_middle[draw.target[0]])
    assert (batch.mel[0, 0].numpy() == expected.T).all()
    pixels = pack.read_crops(draw.target[:1])[0]
    assert (batch.target[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8).tolist() == pixels.tolist()


def test_evaluation_draw_is_fixed_and_covers_every_clip(pack):
    table = FrameTable(pack, "test")
    draw, again = table.draw_evaluation(5), table.draw_evaluation(5)
    assert all((one == other).all() for one, other in zip(draw, again, strict=True))
    assert set(table.clip_of[draw.target]) == set(table.rows)
    assert (np.abs(draw.reference - draw.target) >= MIN_GAP).all()


def test_a_split_without_clips_is_said(pack):
    with pytest.raises(NothingToDoError, match="val"):
        FrameTable(pack, "val")
