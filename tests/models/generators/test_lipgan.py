"""LipGAN's networks: the thesis's parameter counts, part by part, and what they do with their inputs."""

from __future__ import annotations

from itertools import chain

import pytest
import torch
from torch import nn

from lipsync_cli import models
from lipsync_cli.models.discriminators.pair_discriminator import PairCritic
from lipsync_cli.models.generators.lipgan import LipGANCritic, LipGANGenerator, distance


def count(*parts: nn.Module) -> int:
    return sum(p.numel() for p in chain.from_iterable(part.parameters() for part in parts) if p.requires_grad)


@pytest.fixture(scope="module")
def generator() -> LipGANGenerator:
    torch.manual_seed(0)
    return LipGANGenerator().eval()


@pytest.fixture(scope="module")
def critic() -> LipGANCritic:
    torch.manual_seed(0)
    return LipGANCritic()


def faces(number: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(number, 3, 96, 96, generator=torch.Generator().manual_seed(seed))


def mels(number: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(number, 1, 80, 27, generator=torch.Generator().manual_seed(seed)) * 8 - 4


def test_generator_has_the_parameters_of_the_thesis(generator: LipGANGenerator) -> None:
    assert count(generator) == 37_087_763
    assert count(generator.face_encoder) == 12_727_904
    assert count(generator.audio_encoder) == 5_500_416
    assert count(generator.decoder, generator.output) == 18_859_443


def test_critic_has_the_parameters_of_the_thesis(critic: LipGANCritic) -> None:
    assert count(critic) == 10_337_152
    assert count(critic.face_encoder) == 6_409_344
    assert count(critic.audio_encoder) == 3_927_808


def test_together_they_are_the_47_million_of_the_thesis(generator: LipGANGenerator, critic: LipGANCritic) -> None:
    assert count(generator, critic) == 47_424_915


def test_face_encoder_has_seven_blocks_and_the_decoder_six_skips(generator: LipGANGenerator) -> None:
    sides = []
    x = torch.zeros(1, 6, 96, 96)
    with torch.no_grad():
        for stage in generator.face_encoder:
            x = stage(x)
            sides.append(x.shape[-1])
    assert sides == [96, 48, 24, 12, 6, 3, 1]
    assert len(generator.decoder) == 6


def test_batch_norm_remembers_as_keras_does_with_momentum_0_8(generator: LipGANGenerator) -> None:
    norms = [module for module in generator.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 46
    assert {norm.momentum for norm in norms} == {0.2}


def test_image_is_rgb_between_0_and_1_and_nothing_else_is_given(generator: LipGANGenerator) -> None:
    with torch.no_grad():
        drawn = generator(faces(2), faces(2, 5), mels(2))
    assert drawn.image.shape == (2, 3, 96, 96)
    assert drawn.image.min() >= 0
    assert drawn.image.max() <= 1
    assert drawn.flow is drawn.mask is drawn.patch is None


def test_lower_half_of_the_target_cannot_leak_but_everything_else_matters(generator: LipGANGenerator) -> None:
    reference, target, mel = faces(1), faces(1, 5), mels(1)
    leak, upper, other_reference = target.clone(), target.clone(), reference.clone()
    leak[:, :, 48:] = 0.123
    upper[:, :, :48] = 0.123
    other_reference[:, :, 48:] = 0.123
    with torch.no_grad():
        image = generator(reference, target, mel).image
        assert torch.equal(image, generator(reference, leak, mel).image)
        assert not torch.equal(image, generator(reference, upper, mel).image)
        assert not torch.equal(image, generator(other_reference, target, mel).image)
        assert not torch.equal(image, generator(reference, target, mels(1, 9)).image)


def test_one_reference_serves_its_share_of_the_targets(generator: LipGANGenerator) -> None:
    reference, target, mel = faces(2), faces(4, 5), mels(4)
    with torch.no_grad():
        shared = generator(reference, target, mel).image
        single = generator(reference[[0, 0, 1, 1]], target, mel).image
    assert torch.equal(shared, single)


def test_critic_embeds_faces_and_speech_in_training_and_evaluation(critic: LipGANCritic) -> None:
    for mode in (True, False):
        face, speech = critic.train(mode)(faces(2), mels(2))
        assert face.shape == speech.shape == (2, 512)
        assert torch.isfinite(face).all()
        assert torch.isfinite(speech).all()


def test_distance_is_between_directions() -> None:
    x = torch.tensor([[3.0, 0.0], [3.0, 0.0], [3.0, 0.0]])
    y = torch.tensor([[7.0, 0.0], [0.0, 2.0], [-1.0, 0.0]])
    assert torch.allclose(distance(x, y), torch.tensor([0.0, 2**0.5, 2.0]))


def test_distance_of_equal_embeddings_has_a_finite_gradient() -> None:
    x = torch.ones(1, 4, requires_grad=True)
    distance(x, torch.ones(1, 4)).sum().backward()
    assert torch.isfinite(x.grad).all()


def test_both_networks_can_learn() -> None:
    torch.manual_seed(0)
    generator, critic = LipGANGenerator(width=4), LipGANCritic(width=4)
    image = generator(faces(2), faces(2, 5), mels(2)).image
    distance(*critic(image, mels(2))).mean().backward()
    for network in (generator, critic):
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())


def test_build_makes_generators_by_name_and_refuses_others() -> None:
    assert count(models.build("lipgan", {"size": 96})) == 37_087_763
    with pytest.raises(ValueError, match="wav2lip"):
        models.build("wav2lip", {})
    with pytest.raises(ValueError, match="not 100"):
        models.build("lipgan", {"size": 100})
    with pytest.raises(TypeError):
        models.build("lipgan", {"depth": 3})


@pytest.mark.parametrize(("size", "stages"), [(64, 7), (128, 7), (160, 7), (192, 8), (256, 8), (384, 9)])
def test_larger_crops_keep_the_table_and_end_in_one_pixel(size: int, stages: int) -> None:
    generator, critic = LipGANGenerator(size, width=2).eval(), LipGANCritic(size, width=2)
    assert len(generator.face_encoder) == stages
    assert len(generator.decoder) == stages - 1
    reference, target = (torch.rand(2, 3, size, size) for _ in "rt")
    with torch.no_grad():
        assert generator(reference, target, mels(2)).image.shape == (2, 3, size, size)
        face, speech = critic(target, mels(2))
    assert face.shape == speech.shape == (2, 32)


@pytest.mark.parametrize("size", [0, 32, 100, 224])
def test_sizes_that_do_not_fit_are_refused(size: int) -> None:
    for network in (LipGANGenerator, LipGANCritic):
        with pytest.raises(ValueError, match=f"not {size}"):
            network(size)


def test_an_embedding_score_cannot_tell_what_belongs_together_and_a_projection_can() -> None:
    torch.manual_seed(0)
    for score, is_blind in (("embedding", True), ("projection", False)):
        critic = PairCritic(score=score)
        with torch.no_grad():
            right, swapped = critic(faces(2), mels(2)).sum(), critic(faces(2), mels(2).flip(0)).sum()
        assert torch.allclose(right, swapped, atol=1e-5) == is_blind
        assert count(critic) == 10_337_152


def test_scores_by_hand() -> None:
    critic = PairCritic(score="projection")
    with torch.no_grad():
        face, speech = critic.embed(faces(2), mels(2))
        expected = [
            sum(a + b) / 1024 + sum(x * y for x, y in zip(a, b, strict=True)) / 512**0.5
            for a, b in zip(face.numpy(), speech.numpy(), strict=True)
        ]
        assert critic(faces(2), mels(2)).tolist() == pytest.approx(expected, abs=1e-5)
