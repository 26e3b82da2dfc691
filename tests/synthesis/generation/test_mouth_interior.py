"""What an open mouth lends to a rest frame: only where that one is painted, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from lipsync_cli.formats.weights import load_weights
from lipsync_cli.synthesis.generation.local_runner import LocalRunner
from lipsync_cli.synthesis.generation.mouth_interior import GAIN, LEAST, OPEN, SHUT, show_inside


class Code(NamedTuple):
    """Of each face one number, and one for all."""

    own: torch.Tensor
    all: torch.Tensor


class Mover:
    """Moves every pixel by a tenth of the crop to the side, and paints a part of it in grey."""

    def __init__(self, own=0.8):
        self.calls, self.own, self.mask = 0, [], own

    def move(self, code, mel):
        self.calls += 1
        self.own += code.own.tolist()
        assert len(code.own) == len(mel)
        assert len(code.all) == 1
        shape = len(mel), 1, 16, 32
        flow = torch.zeros(len(mel), 2, 16, 32)
        flow[:, 0] = 0.1
        return flow, torch.full(shape, self.mask), torch.full(shape, 0.5).expand(-1, 3, -1, -1)


def show(mover, mask):
    code = Code(torch.arange(len(mask)), torch.zeros(1))
    return show_inside(mover, code, torch.zeros(len(mask), 1, 80, 27), mask)


def test_a_resting_mouth_is_left_alone_and_costs_nothing():
    mover = Mover()
    assert show(mover, torch.full((2, 1, 16, 32), 1 - 0.99 * LEAST)) is None
    assert mover.calls == 0


def test_only_the_frames_that_need_it_are_drawn_again():
    mover, mask = Mover(), torch.ones(4, 1, 16, 32)
    mask[[1, 3], :, 4:12, 8:24] = 0.2
    inside = show(mover, mask)
    assert mover.own == [1, 3]
    assert (inside.share[[0, 2]] == 0).all()
    assert (inside.flow[[0, 2]] == 0).all()
    alone = show(Mover(), mask[[1, 3]])
    for whole, part in zip(inside, alone, strict=True):
        assert torch.equal(whole[[1, 3]], part)


@pytest.mark.parametrize("own", [OPEN + 0.1, (SHUT + OPEN) / 2, SHUT - 0.1])
def test_where_all_is_painted_the_open_mouth_shows_unless_it_would_be_painted_shut(own):
    inside = show(Mover(own), torch.zeros(2, 1, 16, 32))
    wanted = np.clip((own - SHUT) / (OPEN - SHUT), 0, 1)
    torch.testing.assert_close(inside.share, torch.full((2, 1, 16, 32), float(wanted)))
    assert (inside.flow[:, 0] == 0.1).all()
    assert (inside.flow[:, 1] == 0).all()


def test_it_sets_in_softly_around_paint():
    mask = torch.ones(1, 1, 16, 32)
    mask[:, :, 7:9, 15:17] = 1 - LEAST - 0.5 / GAIN
    share = show(Mover(), mask).share[0, 0]
    assert share[7, 15] == pytest.approx(0.5)
    assert 0 < share[3, 15] < 0.5
    assert (share[:, :6] == 0).all()
    assert (share[:, -6:] == 0).all()


def test_real_weights_draw_the_flow_of_the_resting_face_and_that_of_the_other_beside_it():
    random = np.random.default_rng(1)
    faces = random.integers(0, 256, (3, 96, 96, 3), np.uint8)
    mel = random.uniform(-4, 4, (5, 27, 80)).astype(np.float32)
    runner = LocalRunner(load_weights(Path("grid"))[0])
    plain, opened = runner.submit(faces[:1], mel).result(), runner.submit(faces[:1], mel, faces[1:2]).result()
    assert plain.inside is None
    assert opened.inside.shape == (5, 48, 96, 3)
    for one, other in zip(plain[1:4], opened[1:4], strict=True):
        np.testing.assert_array_equal(one, other)
    assert opened.inside[..., 2].min() >= 0
    assert 0 < opened.inside[..., 2].max() <= 1
    other = runner.submit(faces[:1], mel, faces[2:]).result()
    assert not np.array_equal(other.inside, opened.inside)
