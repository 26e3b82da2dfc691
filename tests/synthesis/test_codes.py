"""What the network computes from the faces alone: kept by frame, and the same drawing as without."""

from __future__ import annotations

import numpy as np
import pytest

from lipsync_cli.data.weights import load_weights
from lipsync_cli.synthesis.codes import FaceCodes
from lipsync_cli.synthesis.sketch import TorchSketcher


@pytest.fixture(scope="module")
def sketcher() -> TorchSketcher:
    return TorchSketcher(load_weights(None)[0])


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.integers(0, 255, (4, 96, 96, 3), dtype=np.uint8)


def mels(count: int) -> np.ndarray:
    return np.random.default_rng(4).uniform(-4, 4, (count, 27, 80)).astype(np.float32)


@pytest.mark.parametrize("num_references", [1, 3], ids=["one reference", "each its own"])
def test_drawing_from_codes_is_the_same_drawing(sketcher, faces, num_references):
    whole = sketcher.sketch(faces[:num_references], faces[1:], mels(3))
    coded = sketcher.draw(sketcher.encode(faces[:num_references], faces[1:]), mels(3)).result()
    for drawn in (coded, sketcher.draw_faces(faces[:num_references], faces[1:], mels(3)).result()):
        assert drawn.image is None
        for one, other in zip(whole[1:], drawn[1:], strict=True):
            np.testing.assert_allclose(one[:, 48:], other, atol=2e-5)


def test_each_frame_is_encoded_once_whatever_the_order(sketcher, faces, monkeypatch):
    encoded = []
    encode = TorchSketcher.encode

    def count(self, reference, target):
        encoded.append(len(target))
        return encode(self, reference, target)

    monkeypatch.setattr(TorchSketcher, "encode", count)
    codes, pose = FaceCodes(sketcher), [np.eye(2, 3) * n for n in range(4)]
    reference = faces[0]
    first = codes.of([2, 1, 2], [pose[2], pose[1], pose[2]], [reference] * 3, [faces[2], faces[1], faces[2]])
    again = codes.of([1, 3, 2], [pose[1], pose[3], pose[2]], [reference] * 3, [None, faces[3], None])
    codes.close()
    assert encoded == [2, 1]
    np.testing.assert_array_equal(first[0], first[2])
    np.testing.assert_array_equal(again[[2, 0]], first[:2])
    assert codes.matrix(2)[0, 0] == 2 and codes.matrix(0) is None
    alone = encode(sketcher, reference[None], faces[3:])
    np.testing.assert_allclose(again[1:2], alone, atol=1e-4)


def test_what_finds_no_room_is_computed_again(sketcher, faces):
    codes, pose = FaceCodes(sketcher, room_bytes=0), np.eye(2, 3)
    one = codes.of([0], [pose], [faces[0]], [faces[1]])
    assert codes.matrix(0) is None
    np.testing.assert_array_equal(codes.of([0, 0], [pose] * 2, [faces[0]] * 2, [faces[1]] * 2), one)
    codes.close()
