"""What is seen in a mouth that is open so far: between the pictures of two openings, or above the first."""

from __future__ import annotations

import numpy as np

from lipsync_cli.synthesis.compositing.mouth_textures import MouthTextures

DOWN = np.repeat(np.linspace(0.05, 0.95, 19)[:, None], 21, 1)
ALONG = np.repeat(np.linspace(-0.95, 0.95, 21)[None], 19, 0)


def _textures() -> MouthTextures:
    """One is dark above and bright below, the other bright all over."""
    first, second = np.zeros((20, 30, 3), np.float32), np.full((20, 30, 3), 200, np.float32)
    first[10:] = 100
    return MouthTextures(np.array([0.1, 0.3]), np.stack([first, second]), np.array([60.0, 20, 20]))


def test_each_opening_shows_its_own_picture():
    seen = _textures().look(0.1, ALONG, DOWN)
    assert seen.shape == (19, 21, 3)
    assert (seen[DOWN < 0.45] == 0).all()
    assert (seen[DOWN > 0.55] == 100).all()
    assert (_textures().look(0.3, ALONG, DOWN) == 200).all()


def test_between_two_openings_both_are_mixed():
    seen = _textures().look(0.25, ALONG, DOWN)
    np.testing.assert_allclose(seen[DOWN < 0.45], 150, atol=1e-3)
    np.testing.assert_allclose(seen[DOWN > 0.55], 175, atol=1e-3)


def test_a_mouth_that_is_less_open_shows_the_middle():
    striped = _textures()
    striped.pictures[0] = np.arange(20, dtype=np.float32)[:, None, None]
    seen = striped.look(0.04, ALONG, DOWN)
    assert seen.min() > 5
    assert seen.max() < 14


def test_a_mouth_that_is_open_a_little_further_shows_the_last():
    assert (_textures().look(0.31, ALONG, DOWN) == 200).all()


def test_the_teeth_of_a_mouth_that_is_open_much_further_go_apart_at_the_darkest_row():
    textures = _textures()
    textures.pictures[1, 11:13] = 40
    textures.pictures[1, 13:] = 150
    seen = textures.look(0.8, ALONG, DOWN)[:, 10]
    assert (seen[0] == 200).all()
    assert (seen[-1] == 150).all()
    assert (seen[9] == [60, 20, 20]).all()
    assert (seen[:, 0] > 140).mean() < 0.6


def test_teeth_with_nothing_dark_below_them_keep_to_the_upper_lip():
    seen = _textures().look(0.8, ALONG, DOWN)[:, 10]
    assert (seen[0] == 200).all()
    assert (seen[-1] == [60, 20, 20]).all()


def test_places_beside_the_mouth_are_those_of_its_edge():
    sides = _textures()
    sides.pictures[1, :, :3] = 50
    assert (sides.look(0.3, ALONG - 1, DOWN)[:, 0] == 50).all()
