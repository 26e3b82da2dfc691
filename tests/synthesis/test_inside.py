"""What an open mouth lends to a resting face: only where that one is painted, and nothing else."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
import torch

from lipsync_cli.data.weights import load_weights
from lipsync_cli.models.compact import warp
from lipsync_cli.synthesis.inside import GAIN, LEAST, show_inside
from lipsync_cli.synthesis.sketch import TorchSketcher


class Code(NamedTuple):
    """Of each face one number, and one for all."""

    own: torch.Tensor
    all: torch.Tensor


class Mover:
    """Moves every pixel by a tenth of the crop to the side, and paints a fifth of it in grey."""

    def __init__(self):
        self.calls, self.own = 0, []

    def move(self, code, mel):
        self.calls += 1
        self.own += code.own.tolist()
        assert len(code.own) == len(mel) and len(code.all) == 1
        shape = len(mel), 1, 16, 32
        flow = torch.zeros(len(mel), 2, 16, 32)
        flow[:, 0] = 0.1
        return flow, torch.full(shape, 0.8), torch.full(shape, 0.5).expand(-1, 3, -1, -1)


@pytest.fixture
def opened() -> torch.Tensor:
    return torch.rand((1, 3, 32, 32), generator=torch.Generator().manual_seed(0))


def show(mover, opened, mask):
    patch = torch.full((len(mask), 3, 16, 32), 0.25)
    code = Code(torch.arange(len(mask)), torch.zeros(1))
    return show_inside(mover, code, opened, torch.zeros(len(mask), 1, 80, 27), mask, patch)


def test_a_resting_mouth_is_left_alone_and_costs_nothing(opened):
    mover, mask = Mover(), torch.full((2, 1, 16, 32), 1 - 0.99 * LEAST)
    kept, patch = show(mover, opened, mask)
    assert mover.calls == 0 and torch.equal(kept, mask) and (patch == 0.25).all()


def test_only_the_frames_that_need_it_are_drawn_again(opened):
    mover, mask = Mover(), torch.ones(4, 1, 16, 32)
    mask[[1, 3], :, 4:12, 8:24] = 0.2
    kept, patch = show(mover, opened, mask)
    assert mover.own == [1, 3]
    assert (patch[[0, 2]] == 0.25).all() and (kept[[0, 2]] == 1).all()
    alone = show(Mover(), opened, mask[[1, 3]])
    assert torch.equal(kept[[1, 3]], alone[0]) and torch.equal(patch[[1, 3]], alone[1])


def test_where_all_is_painted_the_open_mouth_shows(opened):
    kept, patch = show(Mover(), opened, torch.zeros(2, 1, 16, 32))
    flow = torch.zeros(2, 2, 16, 32)
    flow[:, 0] = 0.1
    wanted = 0.8 * warp(opened.expand(2, -1, -1, -1), flow, first_row=16) + 0.2 * 0.5
    assert (kept == 0).all()
    torch.testing.assert_close(patch, wanted)


def test_it_sets_in_softly_around_paint_and_the_picture_stays_whole(opened):
    mask = torch.ones(1, 1, 16, 32)
    mask[:, :, 7:9, 15:17] = 1 - LEAST - 0.5 / GAIN
    kept, patch = show(Mover(), opened, mask)
    share = 1 - kept[0, 0] / mask[0, 0]
    assert share[7, 15] == pytest.approx(0.5) and 0 < share[3, 15] < 0.5
    assert (share[:, :6] == 0).all() and (share[:, -6:] == 0).all()
    assert torch.isfinite(patch).all()
    black = 1 - kept  # on a black reference what is seen is the patch, as much of it as the mask lets through
    seen = (black * patch)[0, :, 7, 15]
    other = 0.8 * opened[0, :, 23, 18:19].mean(1)
    assert (seen < 0.5 * (other + 0.1) + 0.5 * 0.25 + 0.3).all()


def test_real_weights_draw_the_flow_of_the_resting_face_and_the_inside_of_the_other():
    random = np.random.default_rng(1)
    faces = random.integers(0, 256, (3, 96, 96, 3), np.uint8)
    mel = random.uniform(-4, 4, (5, 27, 80)).astype(np.float32)
    sketcher = TorchSketcher(load_weights(None)[0])
    plain, opened = sketcher.draw(faces[:1], mel).result(), sketcher.draw(faces[:1], mel, None, faces[1:2]).result()
    np.testing.assert_array_equal(opened.flow, plain.flow)
    assert (opened.mask <= plain.mask + 1e-6).all() and not np.array_equal(opened.patch, plain.patch)
    other = sketcher.draw(faces[:1], mel, None, faces[2:]).result()
    np.testing.assert_array_equal(other.mask, opened.mask)
    assert not np.array_equal(other.patch, opened.patch)
