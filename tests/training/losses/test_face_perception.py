"""How different aligned faces look to the encoder of the package's generator."""

from __future__ import annotations

import pytest
import torch
from fixtures.synthesis_fixtures import astronaut
from torch.nn import functional

from lipsync_cli.training.losses.face_perception import FacePerception

__all__ = ["astronaut"]


@pytest.fixture(scope="module")
def perception() -> FacePerception:
    return FacePerception("cpu")


@pytest.fixture(scope="module")
def faces(astronaut) -> torch.Tensor:
    whole = torch.from_numpy(astronaut[40:210, 50:220].copy()).permute(2, 0, 1)[None].float() / 255
    return functional.interpolate(whole, (64, 64), mode="area")


def blurred(faces: torch.Tensor) -> torch.Tensor:
    small = functional.avg_pool2d(faces, 4)
    return functional.interpolate(small, faces.shape[-2:], mode="bilinear", align_corners=False)


def test_equal_faces_do_not_differ_and_worse_ones_do_more(perception, faces):
    assert perception(faces, faces) == 0
    slightly = faces + 0.2 * (blurred(faces) - faces)
    assert 0 < perception(slightly, faces) < perception(blurred(faces), faces)


def test_gradient_goes_to_what_is_drawn_alone(perception, faces):
    drawn, real = blurred(faces).requires_grad_(), faces.clone().requires_grad_()
    perception(drawn, real).backward()
    assert drawn.grad is not None
    assert drawn.grad.abs().sum() > 0
    assert real.grad is None


def test_what_lies_outside_of_the_face_counts_for_nothing(perception, faces):
    other = faces.clone()
    other[:, :, :3] = 0
    assert perception(other, faces) < 0.02 * perception(blurred(faces), faces)
