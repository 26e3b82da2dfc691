"""From the traces of a face to one score: a logistic model whose few coefficients are data in the package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.runtime.json_values import check_object, check_type, read_json

if TYPE_CHECKING:
    import numpy as np

PATH = Path(__file__).parent.parent / "assets" / "face_traces.json"


@dataclass(frozen=True)
class TraceModel:
    """A logistic model.

    Attributes
    ----------
    centre, scale, weights : by the name of a trace: its mean over real clips, its spread, and its coefficient
    bias : of the score
    threshold : above it, a video has traces of a drawn mouth
    """

    centre: dict[str, float]
    scale: dict[str, float]
    weights: dict[str, float]
    bias: float
    threshold: float

    def score(self, traces: dict[str, float]) -> float:
        """Return the score of a video by its traces: log odds on the clips of the training, higher is more suspicious.

        No trace counts for more than four times its spread.

        Raises
        ------
        KeyError : a trace is missing
        """
        total = self.bias
        for name, weight in self.weights.items():
            away = (traces[name] - self.centre[name]) / self.scale[name]
            total += weight * min(max(away, -4.0), 4.0)
        return total


def load_model(path: Path = PATH) -> TraceModel:
    """Read a model.

    Raises
    ------
    InputError : it cannot be read, or its names are not those of the traces
    """
    from lipsync_cli.provenance.face_traces import NAMES

    record = check_object(read_json(path), "the model", path)
    table = {key: check_type(record.get(key), dict[str, float], key) for key in ("centre", "scale", "weights")}
    if any(set(values) - set(NAMES) for values in table.values()) or len({frozenset(v) for v in table.values()}) > 1:
        raise InputError("its traces are not those that are measured", path, "install lipsync anew")
    bias, threshold = (check_type(record.get(key), float, key) for key in ("bias", "threshold"))
    return TraceModel(**table, bias=bias, threshold=threshold)


def name_traces(values: np.ndarray) -> dict[str, float]:
    """Give the result of `face_traces.measure_traces` by name."""
    from lipsync_cli.provenance.face_traces import NAMES

    return {name: float(value) for name, value in zip(NAMES, values, strict=True)}
