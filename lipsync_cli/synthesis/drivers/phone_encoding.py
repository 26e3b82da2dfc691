"""A phone encoder, loaded when it is first needed, as a function of arrays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from lipsync_cli.errors import InputError
from lipsync_cli.formats.weights import check_kind, find_weights, load_weights, read_header
from lipsync_cli.speech.phones.timed_phones import WIDTH
from lipsync_cli.speech.speech_features import FeatureParameters

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.models.phone_encoder import PhoneEncoder

KIND = "phone encoder"


class PhoneEncoding:
    """A phone encoder on the CPU; it is small, and its frames are made many at once.

    Parameters
    ----------
    path : a run folder or a .safetensors file; None: the package's

    Attributes
    ----------
    header : of the weights
    known : symbols of the sounds that it was trained on
    margin : frames that it sees before the first and after the last that it answers

    Raises
    ------
    InputError : the weights are missing, of another kind, or give other speech features than this program makes
    """

    def __init__(self, path: Path | None = None) -> None:
        found = find_weights(path, KIND)
        self.header = read_header(found)
        check_kind(self.header, found, KIND)
        try:
            FeatureParameters().check_same(self.header.feature_parameters or FeatureParameters(dim=0))
        except InputError as error:
            raise InputError(f"give other speech features ({error.fact})", found, "train them again") from error
        dims = {"inputs": WIDTH, "layers": 3, "kernel": 5, **self.header.dims}
        if dims["inputs"] != WIDTH or not all(type(dims[name]) is int for name in ("layers", "kernel")):
            raise InputError(f"take other descriptions of sounds than this program makes ({dims})", found)
        self.margin = dims["layers"] * (dims["kernel"] // 2)
        self.known = frozenset(map(str, self.header.data.get("phones", ())))
        self._path = found
        self._network: PhoneEncoder | None = None

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Give speech features (T, 384) float32 of descriptions (T + 2 * margin, WIDTH)."""
        import torch

        with torch.inference_mode():
            features: np.ndarray = self._load()(torch.from_numpy(frames)[None])[0].numpy()
        return features

    @property
    def scale(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation of the features, shape (384,) each."""
        network = self._load()
        return network.mean.numpy(), network.deviation.numpy()

    def _load(self) -> PhoneEncoder:
        if self._network is None:
            self._network = cast("PhoneEncoder", load_weights(self._path, kind=KIND)[0])
        return self._network
