"""The networks of the face swap: the published counts, shapes, masks, and whose decoder draws what."""

import pytest
import torch

from lipsync_cli.models import build, kind_of
from lipsync_cli.models.discriminators.face_discriminator import FaceDiscriminator
from lipsync_cli.models.swapping.blocks import SelfAttention, UpShuffled
from lipsync_cli.models.swapping.face_swapper import PUBLISHED_ATTENTION, FaceSwapper

MILLIONS = {  # faceswap-GAN v2.2: encoder, a decoder, generator of two people, discriminator
    (64, "standard"): (59.1, 6.3, 71.7, 0.75),
    (64, "lite"): (10.1, 0.42, 10.9, 0.75),
    (128, "standard"): (68.6, 6.5, 81.6, 1.9),
    (128, "lite"): (19.1, 0.44, 19.9, 1.9),
    (256, "standard"): (78.0, 6.7, 91.4, 3.0),
    (256, "lite"): (19.6, 0.46, 20.6, 3.0),
}
ROUNDING = 0.005  # of the published figures, beside the one per cent, in units of their last digit


def _millions(network):
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


@pytest.mark.parametrize(("size", "width"), MILLIONS)
def test_parameters_are_the_published_ones_within_a_hundredth(size, width):
    with torch.device("meta"):
        network = FaceSwapper(["a", "b"], size, width, PUBLISHED_ATTENTION)
        discriminator = FaceDiscriminator(size, frozenset(PUBLISHED_ATTENTION))
    found = (network.encoder, network.decoders[0], network, discriminator)
    for part, published in zip(found, MILLIONS[size, width], strict=True):
        digit = 0.1 if published >= 1 else 0.01
        assert _millions(part) == pytest.approx(published, rel=0.01, abs=digit / 2)


@pytest.mark.parametrize(("size", "attention"), [(64, (8, 16)), (64, ()), (128, (8, 16, 64))])
def test_shapes_and_the_mask_between_input_and_colour(size, attention):
    torch.manual_seed(0)
    network = build("face-swap", {"people": ["a", "b", "c"], "side": size, "attention": attention, "size": 192})
    faces = torch.rand(4, 3, size, size)
    output = network(faces, torch.tensor([0, 0, 1, 2]))
    assert output.image.shape == output.colour.shape == faces.shape
    assert output.mask.shape == (4, 1, size, size)
    assert output.mask.min() > 0
    assert output.mask.max() < 1
    assert torch.allclose(output.image, output.mask * output.colour + (1 - output.mask) * faces, atol=1e-6)
    assert (output.half is None) == (size == 64)
    if size == 128:
        assert output.half.shape == (4, 3, 64, 64)
    assert output.quarter is None


def test_attention_stands_where_it_is_asked_for_and_begins_with_nothing():
    def count(attention):
        network = FaceSwapper(["a", "b"], 64, "lite", attention)
        return sum(isinstance(part, SelfAttention) for part in network.modules())

    assert [count(sizes) for sizes in ((), (8,), (8, 16), (8, 16, 64))] == [0, 1, 2, 4]
    layer = SelfAttention(16)
    x = torch.rand(2, 16, 4, 4)
    assert torch.equal(layer(x), x)
    with torch.no_grad():
        layer.share.fill_(1.0)
    weights = torch.softmax(
        layer.query(x).flatten(2).transpose(1, 2) @ layer.key(x).flatten(2), dim=2
    )  # equation 1 of Zhang et al. 2018, by hand
    seen = (weights @ layer.value(x).flatten(2).transpose(1, 2)).transpose(1, 2).reshape(x.shape)
    assert torch.allclose(layer(x), x + seen, atol=1e-5)


def test_each_person_has_a_decoder_and_all_share_the_encoder():
    torch.manual_seed(0)
    network = FaceSwapper(["a", "b"])
    faces, person = torch.rand(2, 3, 64, 64), torch.tensor([0, 1])
    network(faces, person).image[0].sum().backward()
    assert not any(parameter.grad.any() for parameter in network.decoders[1].parameters())
    assert any(parameter.grad.any() for parameter in network.decoders[0].parameters())
    assert network.encoder.dense[0].weight.grad.abs().sum() > 0
    one, other = (network(faces[:1], torch.tensor([number])).colour for number in (0, 1))
    assert not torch.allclose(one, other, atol=1e-3)


def test_pixel_shuffle_begins_as_nearest_neighbours():
    up = UpShuffled(8, 4)
    drawn = up(torch.rand(1, 8, 5, 5))
    assert torch.equal(drawn[..., ::2, ::2], drawn[..., 1::2, 1::2])


def test_every_convolution_of_a_discriminator_has_spectral_norm_one():
    torch.manual_seed(0)
    network = FaceDiscriminator(64)
    faces = torch.rand(2, 3, 64, 64)
    for _ in range(30):  # the power iteration goes on with every call
        scores = network(faces, faces)
    assert scores.shape == (2, 1, 7, 7)
    layers = [part for part in network.modules() if isinstance(part, torch.nn.Conv2d)]
    assert len(layers) == 7
    for layer in layers:
        norm = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
        assert float(norm) == pytest.approx(1.0, abs=0.1)


def test_networks_that_do_not_exist_are_refused():
    assert kind_of("face-swap") == "face swapper"
    with pytest.raises(ValueError, match="two people"):
        FaceSwapper(["a", "a"])
    with pytest.raises(ValueError, match="side 96"):
        FaceSwapper(["a", "b"], 96)
    with pytest.raises(ValueError, match="'wide'"):
        FaceSwapper(["a", "b"], 64, "wide")
