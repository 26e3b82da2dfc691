"""The registry of architectures: names, kinds, and what is said of names that do not exist."""

import pytest
from torch import nn

from lipsync_cli import models


def test_every_architecture_has_a_kind_and_builds() -> None:
    kinds = {name: models.kind_of(name) for name in models.ARCHITECTURES}
    assert kinds == {
        "lipgan": "generator",
        "compact": "generator",
        "temporal": "talking head",
        "expert": "sync expert",
        "lip-reader": "lip reader",
        "occlusion-net": "occlusion network",
        "phone-encoder": "phone encoder",
        "face-swap": "face swapper",
    }
    assert models.architectures_of("generator") == ("lipgan", "compact")
    assert models.architectures_of("swan") == ()


def test_an_unknown_architecture_is_of_no_kind() -> None:
    for ask in (models.kind_of, lambda name: models.build(name, {})):
        with pytest.raises(ValueError, match=r"wav2lip.*only lipgan, compact"):
            ask("wav2lip")


def test_a_registered_architecture_is_built_from_its_dims_and_named_once(request: pytest.FixtureRequest) -> None:
    register = models.register("line", kind="generator")
    register(nn.Linear)
    request.addfinalizer(lambda: models.ARCHITECTURES.pop("line"))
    assert models.build("line", {"in_features": 2, "out_features": 3}).weight.shape == (3, 2)
    assert models.kind_of("line") == "generator"
    assert models.architectures_of("generator")[-1] == "line"
    with pytest.raises(ValueError, match="already"):
        register(nn.Linear)
