"""Inception-v3 for FID: the same as pytorch-fid's network, layer by layer, and its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from inception_golden import GOLDEN, picture, seeded_weights, summarise

from lipsync_cli.errors import InputError
from lipsync_cli.formats.third_party_weights import load_published
from lipsync_cli.models.inception import FIDInception


@pytest.fixture(scope="module")
def network() -> FIDInception:
    with torch.device("meta"):
        network = FIDInception().eval()
    network.to_empty(device="cpu")
    network.load_state_dict(seeded_weights(network))
    return network


def test_every_layer_gives_what_pytorch_fid_gives(network: FIDInception) -> None:
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    given: list[list[float]] = []
    hooks = [
        layer.register_forward_hook(lambda *args: given.append(summarise(args[2])))
        for name, layer in network.named_children()
        if name != "fc"
    ]
    with torch.inference_mode():
        features = network(picture())
    for hook in hooks:
        hook.remove()
    expected = list(golden["layers"].values())[:-1]  # the last pooling is no layer here
    assert len(given) == len(expected) == 18
    for name, one, other in zip(golden["layers"], given, expected, strict=False):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5), name
    assert features.shape == (1, 2048)
    assert features.flatten()[::128].tolist() == pytest.approx(golden["features"], rel=1e-4, abs=1e-5)


def test_names_and_sizes_are_those_of_the_published_file(network: FIDInception) -> None:
    state = network.state_dict()
    assert sum(p.numel() for p in network.parameters()) == 23_850_960
    assert sum(not name.endswith("num_batches_tracked") for name in state) == 472
    assert state["Mixed_6b.branch7x7dbl_5.conv.weight"].shape == (192, 128, 1, 7)
    assert state["Mixed_7c.branch3x3dbl_3b.bn.running_var"].shape == (384,)
    assert state["fc.weight"].shape == (1008, 2048)


def test_the_weights_of_another_inception_are_refused(network: FIDInception, tmp_path: Path) -> None:
    own = {**network.state_dict(), "AuxLogits.conv0.conv.weight": torch.zeros(128, 768, 1, 1)}  # as torchvision's has
    torch.save({name: own[name] for name in sorted(own)[:5]}, tmp_path / "inception_v3_google.pth")
    with pytest.raises(InputError, match=r"another network: AuxLogits\.conv0\.conv\.weight is not in FIDInception"):
        load_published(network, tmp_path / "inception_v3_google.pth", "pt_inception-2015-12-05")
