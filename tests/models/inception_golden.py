"""Make golden/inception.json with pytorch-fid's own network: what each of its layers gives for one known picture.

Run by hand (`python tests/models/inception_golden.py`) where pytorch-fid and torchvision are installed; the file that
it writes is never edited. It imports nothing of lipsync_cli, so that the test compares two independent networks.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "inception.json"


def seeded_weights(network: nn.Module) -> dict[str, Tensor]:
    """Make weights that depend on nothing but the tensors' names and shapes, and let a signal through."""
    weights = {}
    for number, (name, old) in enumerate(sorted(network.state_dict().items())):
        random = torch.from_numpy(np.random.RandomState(number).random_sample(tuple(old.shape)).astype(np.float32))
        if old.ndim > 1:
            weights[name] = (random - 0.5) * (24 / old[0].numel()) ** 0.5
        elif old.ndim == 0:
            weights[name] = old
        else:
            weights[name] = random + 0.5 if name.endswith(("bn.weight", "running_var")) else random - 0.5
    return weights


def picture() -> Tensor:
    """Make a picture of 61 x 83 pixels, neither grey nor symmetric: shape (1, 3, 61, 83)."""
    row, column = torch.meshgrid(torch.arange(61.0), torch.arange(83.0), indexing="ij")
    waves = [torch.sin(row * (0.1 + 0.05 * c) + column * column * 0.003 * (c + 1)) for c in range(3)]
    return (torch.stack(waves) * 0.5 + 0.5)[None]


def summarise(output: Tensor) -> list[float]:
    """Reduce what a layer gives to four numbers: mean, deviation, maximum, and a mean that depends on the places."""
    flat = output.double().flatten()
    weight = torch.arange(len(flat), dtype=torch.float64) % 7
    return [float(v) for v in (flat.mean(), flat.std(), flat.max(), (flat * weight).mean())]


def main() -> None:
    from pytorch_fid import inception as original

    built = original._inception_v3(num_classes=1008, aux_logits=False, weights=None)
    original.load_state_dict_from_url = lambda *_, **__: seeded_weights(built)
    network = original.InceptionV3([3]).eval()
    layers = [layer for block in network.blocks for layer in block]
    found: dict[str, list[float]] = {}
    x = 2 * nn.functional.interpolate(picture(), (299, 299), mode="bilinear", align_corners=False) - 1
    with torch.no_grad():
        for number, layer in enumerate(layers):
            x = layer(x)
            found[f"{number:02} {type(layer).__name__}"] = summarise(x)
        assert torch.equal(x, network(picture())[0])
    GOLDEN.write_text(json.dumps({"layers": found, "features": x.flatten()[::128].tolist()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
