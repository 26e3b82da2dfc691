"""Weights that others have published: read as tensors or refused, and nothing in them is executed."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from lipsync_cli.errors import InputError
from lipsync_cli.formats.third_party_weights import load_published


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


@pytest.fixture
def other() -> dict[str, torch.Tensor]:
    torch.manual_seed(2)
    return dict(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).state_dict())


def save(path: Path, kind: str, tensors: dict[str, torch.Tensor]) -> None:
    if kind == "safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=kind == "zip")


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_every_format_loads(kind: str, tmp_path: Path, network: nn.Module, other: dict) -> None:
    save(tmp_path / "net.model", kind, other)
    sha = load_published(network, tmp_path / "net.model", "net.model")
    assert len(sha) == 64
    assert not network.training
    assert all(torch.equal(value, other[name]) for name, value in network.state_dict().items())


def test_files_older_than_batch_counters_and_wrapped_ones_load(tmp_path: Path, network: nn.Module, other: dict) -> None:
    old = {f"module.{name}": value for name, value in other.items() if "num_batches" not in name}
    torch.save({"state_dict": old}, tmp_path / "net.pth")
    load_published(network, tmp_path / "net.pth", "net.pth")
    assert torch.equal(network.state_dict()["0.weight"], other["0.weight"])


class Trap:
    """Unpickling it would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["zip", "legacy", "pickle"])
def test_code_is_refused_and_not_executed(kind: str, tmp_path: Path, network: nn.Module) -> None:
    trap = {"0.weight": torch.zeros(2, 3), "more": Trap(tmp_path / "sprung")}
    path = tmp_path / "net.pth"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    else:
        torch.save(trap, path, _use_new_zipfile_serialization=kind == "zip")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(InputError, match=r"net\.pth: holds code .* not loaded; give the real one"):
        load_published(network, path, "the real one")
    assert not (tmp_path / "sprung").exists()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_torchscript_program_is_refused_as_such(tmp_path: Path, network: nn.Module) -> None:
    with zipfile.ZipFile(tmp_path / "net.pt", "w") as archive:
        for name in ("data.pkl", "constants.pkl", "version", "code/__torch__.py"):
            archive.writestr(f"net/{name}", b"3\n")
    with pytest.raises(InputError, match="is a TorchScript program, not tensors alone"):
        load_published(network, tmp_path / "net.pt", "net.pth")


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"\n<!DOCTYPE html><html><body>Quota exceeded", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "only a pointer of Git LFS"),
        (b"", "is empty"),
        (b"PK\x03\x04" + bytes(100), "damaged"),
        (b"RIFF nothing that PyTorch knows", "no file of PyTorch's"),
        (pickle.dumps([1, 2, 3]), "no file of PyTorch's|else than tensors"),
    ],
)
def test_other_files_are_named(content: bytes, fact: str, tmp_path: Path, network: nn.Module) -> None:
    (tmp_path / "net.pth").write_bytes(content)
    with pytest.raises(InputError, match=fact) as caught:
        load_published(network, tmp_path / "net.pth", "net.pth")
    assert "\n" not in str(caught.value)


def test_a_file_cut_short_is_damaged(tmp_path: Path, network: nn.Module, other: dict) -> None:
    for kind in ("zip", "legacy"):
        save(tmp_path / "net.pth", kind, other)
        whole = (tmp_path / "net.pth").read_bytes()
        for length in range(1, len(whole) - 40, len(whole) // 60):
            (tmp_path / "net.pth").write_bytes(whole[:length])
            with pytest.raises(InputError, match=r"damaged|no file of PyTorch|holds code or objects"):
                load_published(network, tmp_path / "net.pth", "net.pth")


def test_weights_of_another_network_are_refused(tmp_path: Path, network: nn.Module, other: dict) -> None:
    path = tmp_path / "net.pth"
    for tensors, fact in (
        (other | {"2.weight": torch.zeros(1)}, "is of another network: 2.weight is not in Sequential"),
        ({name: value for name, value in other.items() if name != "0.bias"}, "lacks 1 of 7 tensors, 0.bias first"),
        (other | {"0.bias": torch.zeros(5)}, r"0\.bias has the shape \(5,\), not \(2,\)"),
    ):
        torch.save(tensors, path)
        with pytest.raises(InputError, match=fact):
            load_published(network, path, "net.pth")
