"""The windows of mels that networks hear: any number of bands and frames within limits, LipGAN's unless it is said."""

from __future__ import annotations

import pytest
import torch

from lipsync_cli import models
from lipsync_cli.models.discriminators.pair_discriminator import PairCritic
from lipsync_cli.models.generators.lipgan import LipGANCritic
from lipsync_cli.models.mel_shape import LEAST, MEL_SHAPE, MOST, check_mel_shape, mel_shape_of, shrink
from lipsync_cli.speech.mel import N_MELS, WINDOW

DIMS = {"lipgan": {"width": 2}, "compact": {"channels": [16, 16, 16, 16], "audio_dim": 8}, "expert": {}}
SHAPES = [(80, 13), (80, 41), (40, 27), (40, 13), LEAST, MOST]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_network_takes_the_windows_it_was_made_for(shape: tuple[int, int]) -> None:
    faces, mels = torch.rand(2, 3, 96, 96), torch.zeros(2, 1, *shape)
    with torch.no_grad():
        for name in ("lipgan", "compact"):
            generator = models.build(name, {**DIMS[name], "mel_shape": list(shape)})
            assert generator(faces, faces, mels).image.shape == faces.shape
            assert mel_shape_of(generator) == shape
        face, speech = LipGANCritic(width=2, mel_shape=shape)(faces, mels)
        assert face.shape == speech.shape == (2, 32)
        assert PairCritic(width=2, mel_shape=shape)(faces, mels).shape == (2,)
        expert = models.build("expert", {"mel_shape": list(shape)})
        assert expert.embed_speech(mels).shape == (2, 192)


@pytest.mark.parametrize("name", sorted(DIMS))
def test_the_windows_of_lipgan_need_not_be_named(name: str) -> None:
    states = []
    for dims in (DIMS[name], {**DIMS[name], "mel_shape": [80, 27]}):
        torch.manual_seed(0)
        states.append(models.build(name, dims).state_dict())
    assert all(states[0][key].nan_to_num().equal(value.nan_to_num()) for key, value in states[1].items())
    assert states[0].keys() == states[1].keys()


def test_a_network_without_windows_of_mels_has_those_of_lipgan() -> None:
    assert mel_shape_of(torch.nn.Linear(1, 1)) == MEL_SHAPE == (N_MELS, WINDOW) == (80, 27)


def test_padded_convolutions_leave_their_share() -> None:
    layer = torch.nn.Conv2d(1, 1, 3, (3, 1), 1)
    assert shrink((40, 13), (3, 1)) == tuple(layer(torch.zeros(1, 1, 40, 13)).shape[2:])


@pytest.mark.parametrize("shape", [(80,), (80, 27, 1), (80, 26), (80.0, 27), (31, 27), (129, 27), (80, 7), (80, 83)])
def test_other_windows_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="windows of mels"):
        check_mel_shape(shape)
