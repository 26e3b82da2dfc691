"""Recipe distillation: a small generator learns to draw what a trained one draws."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fixtures.quick_training import train
from torch.utils.flop_counter import FlopCounterMode

from lipsync_cli.datasets.batch import Batch
from lipsync_cli.errors import InputError
from lipsync_cli.formats.weights import load_weights
from lipsync_cli.models import build
from lipsync_cli.training.recipe_config import make_config
from lipsync_cli.training.recipes.context import RecipeContext
from lipsync_cli.training.recipes.generators.distillation import CHANNELS, Distillation

REGION, SIZE = (48, 74, 29, 67), 96


def make_context(teacher: torch.nn.Module | None, **options: object) -> RecipeContext:
    return RecipeContext(make_config("distillation", **options), REGION, SIZE, teacher=teacher)


@pytest.fixture(scope="module")
def teacher() -> torch.nn.Module:
    return load_weights(None)[0]


@pytest.fixture(scope="module")
def batch() -> Batch:
    """Two references with two targets each, and speech of the size of the features."""
    noise = torch.Generator().manual_seed(3)
    reference, target = (torch.rand(count, 3, SIZE, SIZE, generator=noise) for count in (2, 4))
    speech = torch.randn(4, 21, 384, generator=noise)
    return Batch(reference, target, *(speech,) * 4)


def test_what_draws_as_the_teacher_does_has_no_loss(teacher: torch.nn.Module, batch: Batch) -> None:
    recipe = Distillation(make_context(teacher))
    with torch.no_grad():
        taught = recipe.forward(teacher, batch)
    terms = recipe.network_loss(batch, taught)
    assert set(terms) == {"generator/l1", "generator/flow", "generator/mask"}
    assert all(float(term) == 0 for term in terms.values())
    worse = taught._replace(flow=taught.flow + 0.01, image=taught.image + 0.1, mask=taught.mask / 2)
    assert all(float(term) > 0 for term in recipe.network_loss(batch, worse).values())


def test_the_student_is_small_and_hears_as_the_teacher_does(teacher: torch.nn.Module, batch: Batch) -> None:
    context = make_context(teacher)
    recipe = Distillation(context)
    student = build("compact", {"size": SIZE, "speech": "encoder", **recipe.dims(context)}).eval()
    recipe.begin(student)
    assert torch.equal(student.hear(batch.speech), teacher.hear(batch.speech))
    assert torch.equal(student.speech_centre, teacher.speech_centre)
    assert not any(parameter.requires_grad for parameter in student.audio_encoder.parameters())
    many = torch.zeros(8, 3, SIZE, SIZE)
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        student(many[:1], many, torch.zeros(8, 21, 384))
    assert counted.get_total_flops() < 8 * 60e6


def test_a_run_teaches_flow_and_picture_and_leaves_the_speech_encoder(
    talking_pack: Path, teacher: torch.nn.Module, tmp_path: Path
) -> None:
    options = {"batch_size": 8, "max_samples": 16, "checkpoint_every": 8, "validate_every": 16, "augment": False}
    train(talking_pack, tmp_path / "run", make_config("distillation", **options))
    student, header = load_weights(tmp_path / "run")
    assert (header.recipe, header.hears, tuple(header.dims["channels"])) == ("distillation", "encoder", CHANNELS)
    for name, value in teacher.audio_encoder.state_dict().items():
        assert torch.equal(student.audio_encoder.state_dict()[name], value)
    assert torch.equal(student.speech_centre, teacher.speech_centre)
    assert student.flow_head.weight.any()  # which begins at zero


def test_a_teacher_that_hears_otherwise_or_is_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="hears mel, not encoder; add --speech mel"):
        Distillation(make_context(load_weights(Path("grid"))[0]))
    assert Distillation(make_context(load_weights(Path("grid"))[0], speech="mel")).frozen
    with pytest.raises(InputError, match="is no compact generator"):
        Distillation(make_context(build("lipgan", {"width": 2})))
    with pytest.raises(InputError, match="has no centre"):
        Distillation(make_context(build("compact", {"speech": "encoder"})))
