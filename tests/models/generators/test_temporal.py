"""The temporal GAN's networks: the published parameters part by part, films in pieces, and who sees what."""

import pytest
import torch

from lipsync_cli import models
from lipsync_cli.models.discriminators.temporal_discriminators import (
    FrameDiscriminator,
    SequenceDiscriminator,
    SyncDiscriminator,
)
from lipsync_cli.models.generators.temporal import TemporalGenerator


def _count(*networks):
    return sum(parameter.numel() for network in networks for parameter in network.parameters())


def _inputs(runs=2, length=3, speech="sound"):
    generator = torch.Generator().manual_seed(3)
    heard = (runs * length, 3200) if speech == "sound" else (runs * length, 21, 384)
    shapes = ((runs, 3, 128, 96), heard, (runs * length, 10))
    return [torch.rand(shape, generator=generator) for shape in shapes]


@pytest.fixture(scope="module")
def narrow():
    torch.manual_seed(0)
    return TemporalGenerator(0.0625).eval()


def test_the_published_parameters_part_by_part():
    with torch.device("meta"):
        whole = TemporalGenerator()
    assert _count(whole.audio_encoder, whole.audio_memory) == 1_490_896
    assert _count(whole.identity_encoder) == 12_721_024
    assert _count(whole.frame_decoder, whole.noise_memory) == 41_061_652
    assert _count(whole) == 55_273_572
    assert sum(buffer.numel() for name, buffer in whole.named_buffers() if "running" in name) == 2 * 6384


@pytest.mark.parametrize(("width", "count"), [(0.5, 16_545_124), (0.25, 6_058_980)])
def test_a_narrow_one_hears_as_well(width, count):
    with torch.device("meta"):
        narrow = TemporalGenerator(width)
    assert _count(narrow) == count
    assert _count(narrow.audio_encoder, narrow.audio_memory) == 1_490_896


@pytest.mark.parametrize("speech", ["sound", "encoder"])
def test_shapes_range_and_gradients(speech):
    torch.manual_seed(0)
    generator = TemporalGenerator(0.0625, speech)
    drawn = generator(*_inputs(speech=speech))
    assert drawn.shape == (6, 3, 128, 96)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    drawn.mean().backward()
    assert all(parameter.grad is not None for parameter in generator.parameters())


def test_a_film_in_pieces_is_the_film(narrow):
    still, speech, noise = _inputs(1, 6)
    with torch.inference_mode():
        whole = narrow(still, speech, noise)
        first, state = narrow.draw(narrow.identify(still), speech[:4], noise[:4])
        second, _ = narrow.draw(narrow.identify(still), speech[4:], noise[4:], state)
    assert torch.allclose(torch.cat([first, second]), whole, atol=1e-5)


def test_runs_do_not_meet(narrow):
    still, speech, noise = _inputs(2, 3)
    with torch.inference_mode():
        both = narrow(still, speech, noise)
        alone = narrow(still[1:], speech[3:], noise[3:])
    assert torch.allclose(both[3:], alone, atol=1e-5)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_still_sound_and_noise_are_all_looked_at(part):
    torch.manual_seed(0)
    fresh = TemporalGenerator(0.0625).train()  # what layers have not learnt to pass on, normalisation does
    inputs, other = _inputs(2, 3), _inputs(2, 3)
    other[part] = other[part].flip(0)
    with torch.no_grad():
        assert (fresh(*inputs) - fresh(*other)).abs().max() > 1e-4


def test_the_joined_block_is_the_convolution_of_both(narrow):
    block = narrow.frame_decoder.blocks[-1]
    channels = block.join_norm.num_features
    frame, joined = torch.rand(4, channels, 8, 6), torch.rand(2, channels, 8, 6)
    with torch.inference_mode():
        both = torch.cat([frame, joined.repeat_interleave(2, 0)], 1)
        expected = block.grow(torch.relu(block.join_norm(block.join(both))))
        assert torch.allclose(block(frame, joined), expected, atol=1e-5)


@pytest.mark.parametrize("dims", [{"width": 0.01}, {"width": 3.0}, {"speech": "mel"}])
def test_other_dims_are_refused(dims):
    with pytest.raises(ValueError, match=r"is between|is one of"):
        models.build("temporal", dims)


@pytest.mark.parametrize("speech", ["sound", "encoder"])
def test_discriminators_give_one_logit_a_sample(speech):
    still, heard, _ = _inputs(2, 5, speech)
    frames = torch.rand(10, 3, 128, 96)
    assert FrameDiscriminator(4)(still, frames[:2]).shape == (2,)
    runs = frames.unflatten(0, (2, 5))
    assert SequenceDiscriminator(4)(runs).shape == (2,)
    assert SyncDiscriminator(4, speech)(runs, heard[:2]).shape == (2,)


def test_synchrony_is_judged_on_the_lower_half_and_without_batch_normalisation():
    torch.manual_seed(0)
    judge = SyncDiscriminator(4)
    frames, heard = torch.rand(2, 5, 3, 128, 96), torch.rand(2, 3200)
    other = frames.clone()
    other[:, :, :, :64] = 0
    assert torch.equal(judge(frames, heard), judge(other, heard))
    assert not any("BatchNorm" in type(module).__name__ for module in judge.modules())
