"""Weights to ONNX, checked against torch before the file is kept."""

from __future__ import annotations

import importlib.util
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import LipsyncError, ToolError, UsageError
from lipsync_cli.formats.weights import FORMAT, check_kind, find_weights, load_weights
from lipsync_cli.models.generators.generator_protocols import FaceCoding
from lipsync_cli.models.mel_shape import MEL_SHAPE
from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.runtime.run_inputs import keep_inputs
from lipsync_cli.speech.speech_features import DIM
from lipsync_cli.speech.speech_features import WINDOW as FEATURE_WINDOW

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from lipsync_cli.formats.weights import WeightsHeader

OPSET = 18
CHECKS = 2  # random inputs that are compared
TOLERANCE = 1e-3  # of a level's range; torch and ONNX Runtime add up in different orders
INPUTS = ("reference", "target", "mel")
FEATURE_INPUTS = ("reference", "target", "features")
PACKAGES = ("onnx", "onnxruntime", "onnxscript")


def export_onnx(
    weights: Path | None, output: Path, batch_size: int = 1, force: bool = False, *, articulation: float = 1.0
) -> dict[str, Any]:
    """Write a generator as ONNX.

    Inputs are named as in the generator's `forward`, with one reference for each target; outputs as in
    `GeneratorResult`, without those that the architecture does not have. The weights' header is the
    metadata `lipsync-weights`.

    Parameters
    ----------
    batch_size : faces that are drawn by one call
    articulation : how much the mouth moves, beside what the generator learned; for generators that can say it

    Returns
    -------
    weights, inputs, outputs, and the largest difference from torch's results on random faces and sounds

    Raises
    ------
    ToolError : the packages are not installed
    UsageError : the generator cannot articulate more or less than it has learned
    LipsyncError : the exported file draws something else, or ONNX cannot say what the generator does
    """
    need_packages()
    import torch

    path = find_weights(weights)
    generator, header = load_weights(path)
    check_kind(header, path)
    if isinstance(generator, FaceCoding):
        generator.articulation = articulation
    elif articulation != 1:
        hint = "leave out --articulation, or export weights of a compact generator"
        raise UsageError(f"--articulation {articulation:g}: {header.name} moves the mouth as it has learned", hint=hint)
    wrapped, names = _named_outputs(generator, header)
    examples = [make_example(header, batch_size, seed) for seed in range(CHECKS)]
    inputs = INPUTS if header.hears == "mel" else FEATURE_INPUTS
    with keep_inputs([path]), atomic_output(output, force) as temporary, quiet_exporter():
        program = torch.onnx.export(
            wrapped,
            examples[0],
            input_names=list(inputs),
            output_names=names,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        program.model.metadata_props[FORMAT] = json.dumps(header.to_dict(), sort_keys=True)
        program.save(str(temporary), external_data=False)
        difference = max(_difference(wrapped, temporary, inputs, example) for example in examples)
    return {
        "weights": header.name,
        "inputs": list(inputs),
        "outputs": names,
        "articulation": articulation,
        "batch_size": batch_size,
        "opset": OPSET,
        "largest_difference": difference,
    }


def need_packages() -> None:
    """Raise ToolError if what ONNX needs is not installed."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ToolError(f"{' and '.join(missing)} cannot be imported", hint="pip install 'lipsync-cli[onnx]'")


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Keep torch's exporter, and the optimiser that it calls, from telling of themselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("torch.onnx", "onnxscript"):
            logging.getLogger(name).setLevel(logging.ERROR)
        yield


def _named_outputs(generator: nn.Module, header: WeightsHeader) -> tuple[nn.Module, list[str]]:
    """Return the generator with only the outputs that it has, and their names."""
    import torch

    with torch.inference_mode():
        made = generator(*make_example(header, 1))
    names = [name for name in made._fields if getattr(made, name) is not None]

    class Named(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.generator = generator

        def forward(self, reference: Tensor, target: Tensor, speech: Tensor) -> tuple[Tensor, ...]:
            made = self.generator(reference, target, speech)
            return tuple(getattr(made, name) for name in names)

    return Named().eval(), names


def make_example(header: WeightsHeader, batch: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Make random inputs of a generator: references and targets (n, 3, S, S), and what it hears; n is `batch`."""
    import torch

    size = header.dims.get("size", 96)
    random = torch.Generator().manual_seed(seed)
    faces = torch.rand(2, batch, 3, size, size, generator=random)
    if header.hears == "mel":
        bands, frames = header.dims.get("mel_shape", MEL_SHAPE)
        return faces[0], faces[1], torch.rand(batch, 1, bands, frames, generator=random) * 8 - 4
    return faces[0], faces[1], torch.randn(batch, FEATURE_WINDOW, DIM, generator=random)


def _difference(generator: nn.Module, path: Path, names: tuple[str, ...], inputs: tuple[Tensor, ...]) -> float:
    """Return the largest difference between torch and ONNX Runtime; LipsyncError if it is too large."""
    import numpy as np
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(
        None, {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
    )
    with torch.inference_mode():
        expected = generator(*inputs)
    largest = max(float(np.abs(one - other.numpy()).max()) for one, other in zip(found, expected, strict=True))
    if not largest <= TOLERANCE:
        raise LipsyncError(f"the exported generator draws something else (by {largest:.2g})", hint="report this")
    return largest
