"""The compact generator: copies at the start, cannot see the answer, and encodes a shared reference once."""

import pytest
import torch

from lipsync_cli import models
from lipsync_cli.models.generators.compact import CompactGenerator, warp


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    return CompactGenerator(channels=(16, 16, 32, 32)).eval()


def _inputs(count):
    torch.manual_seed(1)
    return torch.rand(count, 3, 96, 96), torch.rand(count, 3, 96, 96), torch.rand(count, 1, 80, 27) * 8 - 4


def test_untrained_it_copies_the_reference_below_and_the_target_above(generator):
    reference, target, mel = _inputs(2)
    made = generator(reference, target, mel)
    assert (made.image[:, :, :48] == target[:, :, :48]).all()
    assert made.flow.abs().max() == 0
    warped = warp(reference, made.flow)
    assert torch.allclose(warped, reference, atol=1e-5)
    assert (made.image[:, :, 48:] - reference[:, :, 48:]).abs().mean() < 0.05


def test_the_lower_half_of_the_target_is_never_seen(generator):
    reference, target, mel = _inputs(1)
    other = target.clone()
    other[:, :, 48:] = 0.5
    assert (generator(reference, target, mel).image == generator(reference, other, mel).image).all()


def test_a_shared_reference_gives_what_repeated_ones_give(generator):
    reference, target, mel = _inputs(4)
    shared = generator(reference[:1], target, mel).image
    repeated = generator(reference[:1].expand(4, -1, -1, -1), target, mel).image
    assert torch.allclose(shared, repeated, atol=1e-5)


def test_parts_compose_to_the_image(generator):
    made = generator(*_inputs(2))
    reference = _inputs(2)[0]
    warped = warp(reference, made.flow[:, :, 48:], first_row=48)
    lower = made.mask[:, :, 48:] * warped + (1 - made.mask[:, :, 48:]) * made.patch[:, :, 48:]
    assert torch.allclose(lower, made.image[:, :, 48:], atol=1e-6)


def test_warp_moves_by_the_flow():
    image = torch.arange(96.0).expand(1, 1, 96, 96)
    flow = torch.zeros(1, 2, 96, 96)
    flow[:, 0] = 5 / 96
    assert torch.allclose(warp(image, flow)[..., :90], image[..., :90] + 5, atol=1e-4)


def test_sizes_and_parameters_of_the_embedded_architecture():
    network = models.build("compact", {})
    assert sum(p.numel() for p in network.parameters()) == 2_225_738
    made = models.build("compact", {"size": 128})(torch.rand(1, 3, 128, 128), torch.rand(1, 3, 128, 128), _inputs(1)[2])
    assert made.image.shape == (1, 3, 128, 128)
    with pytest.raises(ValueError, match="multiple of 32"):
        models.build("compact", {"size": 100})


def test_articulation_moves_the_speech_away_from_its_running_mean():
    network = CompactGenerator(64, (16, 16, 16, 16), 16)
    generator = torch.Generator().manual_seed(4)
    mel = torch.randn(6, 1, 80, 27, generator=generator)
    assert network.speech_centre.isnan().all()
    network.train().hear(mel)
    plain = network.eval().hear(mel)
    assert torch.allclose(network.speech_centre, plain.mean(0), atol=1e-6)
    network.articulation = 2.0
    assert torch.allclose(network.hear(mel) - plain.mean(0), 2 * (plain - plain.mean(0)), atol=1e-5)
    network.articulation = 0.0
    assert torch.allclose(network.hear(mel), plain.mean(0).expand(6, -1), atol=1e-6)


def test_weights_from_before_there_was_a_centre_are_read_and_articulate_as_they_learned():
    network, older = CompactGenerator(64, (16, 16, 16, 16), 16), CompactGenerator(64, (16, 16, 16, 16), 16)
    held = {name: value for name, value in older.state_dict().items() if name != "speech_centre"}
    network.load_state_dict(held)
    mel = torch.randn(2, 1, 80, 27)
    network.eval().articulation = 2.0
    assert torch.equal(network.hear(mel), older.eval().hear(mel))
