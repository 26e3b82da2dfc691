"""Which frames go together."""

import numpy as np
import pytest

from lipsync_cli.datasets.frame_table import MIN_GAP, FrameTable, Sampling, gather
from lipsync_cli.errors import NothingToDoError
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
