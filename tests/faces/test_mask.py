"""The mask of the lower face: soft, closed, and over the mouth."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.faces.crop import CropRule
from lipsync_cli.faces.mask import lower_face_mask

RULES = [CropRule(), CropRule(scale=1.5, shift_y=0.05), CropRule(scale=1.2, shift_y=0.0)]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [96, 256])
def test_where_it_is_nothing_and_where_all(rule: CropRule, size: int) -> None:
    mask = lower_face_mask(rule, size)
    assert mask.shape == (size, size)
    assert mask.dtype == np.float32
    assert mask.min() == 0
    assert mask.max() == 1
    assert not mask[: size // 2].any()
    for border in (mask[-1], mask[:, 0], mask[:, -1]):
        assert not border.any()
    row0, row1, column0, column1 = rule.mouth_region(size)
    row, column, width = (row0 + row1) // 2, size // 2, (column1 - column0) // 4
    assert (mask[row - size // 24 : row + size // 24, column - width : column + width] == 1).all()


@pytest.mark.parametrize("rule", RULES)
def test_no_edge_shows(rule: CropRule) -> None:
    mask = lower_face_mask(rule, 512).astype(float)
    assert np.abs(mask - mask[:, ::-1]).max() < 1e-6
    slope = np.hypot(*np.gradient(mask, 1 / 512))  # change over a whole side of the crop
    bend = np.abs(np.diff(mask, 2, axis=0)).max() * 512**2
    assert slope.max() < 25  # from nothing to all takes more than 4 % of the side
    assert bend < 1500  # a step would bend by 512 ** 2
    for row in mask:  # one piece, no holes
        assert (np.diff(np.sign(np.diff(row[row > 0]))) <= 0).all()


def test_size_is_resolution_only() -> None:
    coarse, fine = lower_face_mask(CropRule(), 64), lower_face_mask(CropRule(), 512)
    assert np.abs(coarse - fine.reshape(64, 8, 64, 8).mean(axis=(1, 3))).max() < 0.03
