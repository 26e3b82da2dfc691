"""The masks of an aligned face: jaw and forehead inside, eyes and mouth where they are, the border soft."""

import numpy as np

from lipsync_cli.faces.aligned.head_mask import MASK_SIZE, face_parts, head_hull, pack_mask, soft_outline


def oval_landmarks():
    """A plain face in the unit square: jaw, brows, nose, eyes and lips."""
    points = np.zeros((68, 2))
    angle = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack([0.5 + 0.3 * np.cos(angle), 0.35 + 0.5 * np.sin(angle)], 1)
    points[17:27] = np.stack([np.linspace(0.25, 0.75, 10), np.full(10, 0.27)], 1)
    points[27:36] = np.stack([np.full(9, 0.5), np.linspace(0.35, 0.55, 9)], 1)
    for first, x in ((36, 0.36), (42, 0.64)):
        points[first : first + 6] = [(x + 0.05 * np.cos(a), 0.35 + 0.02 * np.sin(a)) for a in np.arange(6)]
    points[48:68] = [(0.5 + 0.1 * np.cos(a), 0.68 + 0.05 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 20)]
    return points


def test_the_hull_goes_from_the_jaw_to_above_the_brows():
    hull = head_hull(oval_landmarks())
    assert hull[:, 1].max() == np.float32(0.85)
    assert 0.05 < hull[:, 1].min() < 0.2


def test_parts_lie_where_they_are_and_fade():
    parts = face_parts(oval_landmarks(), 64)
    assert all(part.shape == (64, 64) and part.dtype == np.float32 for part in parts)
    assert parts.face[32, 32] > 0.99
    assert parts.face[2, 2] == 0
    assert ((parts.face > 0.1) & (parts.face < 0.9)).sum() > 50
    assert parts.eyes[22, 23] > 0.9
    assert parts.eyes[44, 32] == 0
    assert parts.mouth[43, 32] > 0.9
    assert parts.mouth[22, 23] == 0


def test_an_outline_fades_inwards_and_along_the_border():
    places = oval_landmarks()
    outline, hull = soft_outline(places, 128), face_parts(places, 128).face
    assert outline[64, 64] > 0.99
    assert outline[hull < 0.02].max() < 0.01
    assert ((outline > 0.1) & (outline < 0.9)).sum() > 200
    places[17:27, 1] -= 0.5  # brows far beyond the square's border
    high = soft_outline(places, 128)
    assert high[20, 64] > 0.99
    assert high[0].max() < 0.05
    assert np.abs(np.diff(high, axis=0)).max() < 0.2


def test_room_around_the_face_moves_the_masks_inwards():
    near, far = face_parts(oval_landmarks(), 64).face, face_parts(oval_landmarks(), 64, 2.0).face
    assert far[32, 32] > 0.99
    assert 0.2 < far.sum() / near.sum() < 0.3


def test_a_kept_mask_is_a_bit_a_place():
    kept = pack_mask(oval_landmarks() * 192, 192)
    assert kept.shape == (MASK_SIZE, MASK_SIZE // 8)
    mask = np.unpackbits(kept, axis=1)
    assert mask[MASK_SIZE // 2, MASK_SIZE // 2] == 1
    assert mask[0, 0] == 0
    assert 0.2 < mask.mean() < 0.6
