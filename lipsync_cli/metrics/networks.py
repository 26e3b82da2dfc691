"""Networks that metrics need, each loaded when the first metric asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lipsync_cli.errors import InputError
from lipsync_cli.metrics.unavailable import MetricUnavailableError
from lipsync_cli.speech.mel import MelParameters

if TYPE_CHECKING:
    from lipsync_cli.faces.crop import CropRule
    from lipsync_cli.models.lip_reader import LipReader
    from lipsync_cli.models.sync_expert import SyncExpert
    from lipsync_cli.models.syncnet import SyncNet

_BATCH = 32  # pictures


@dataclass
class MetricNetworks:
    """What metrics may use beside the evidence.

    Attributes
    ----------
    device : where networks run, "cpu" or "cuda"
    files : name of a network ("expert", "inception", "syncnet", "lip_reader") -> file that the user named
    mel_parameters : what the sound's mels were made with
    used : name -> what was loaded, JSON-able; goes into the results' protocol
    """

    device: str = "cpu"
    files: dict[str, Path] = field(default_factory=dict)
    mel_parameters: MelParameters = field(default_factory=MelParameters)
    used: dict[str, Any] = field(default_factory=dict)

    def file(self, name: str, what: str) -> Path:
        """Give the file of a network that the user named.

        Raises
        ------
        MetricUnavailableError : none was named; `what` says what it would be ("Inception-v3 weights")
        """
        if name not in self.files:
            raise MetricUnavailableError(f"no {what}: give --{name.replace('_', '-')} FILE")
        return self.files[name]

    def check(self) -> None:
        """Load what the user named, so that a wrong file is refused before any work.

        Raises
        ------
        InputError : a file is missing, damaged, or of another network
        """
        for name in ("expert", "inception", "syncnet", "lip_reader"):
            if name in self.files:
                getattr(self, f"_{name}")

    def expert(self, rule: CropRule) -> SyncExpert:
        """Give the sync expert: the user's, else the one that comes with the package.

        Raises
        ------
        MetricUnavailableError : it knows other crops or mels than these
        InputError : the file is no sync expert
        """
        from lipsync_cli.faces.crop import check_same

        network, header = self._expert
        try:
            check_same(rule, header.crop_rule)
            self.mel_parameters.check_same(header.mel_parameters)
        except InputError as error:
            raise MetricUnavailableError(f"the sync expert {header.name} does not fit: {error.fact}") from error
        return network

    @cached_property
    def _expert(self) -> tuple[Any, Any]:
        from lipsync_cli.formats.weights import load_weights

        network, header = load_weights(self.files.get("expert"), self.device, "sync expert")
        self.used["expert"] = {"name": header.name, "sha256": header.sha256}
        return network, header

    def lip_reader(self, rule: CropRule) -> LipReader:
        """Give the lip reader: the user's, else the one that comes with the package.

        Raises
        ------
        MetricUnavailableError : it knows other crops than these
        InputError : the file is no lip reader
        """
        from lipsync_cli.faces.crop import check_same

        network, header = self._lip_reader
        try:
            check_same(rule, header.crop_rule)
        except InputError as error:
            raise MetricUnavailableError(f"the lip reader {header.name} does not fit: {error.fact}") from error
        return network

    @cached_property
    def _lip_reader(self) -> tuple[Any, Any]:
        from lipsync_cli.formats.weights import load_weights

        network, header = load_weights(self.files.get("lip_reader"), self.device, "lip reader")
        about: dict[str, Any] = {"name": header.name, "sha256": header.sha256}
        for name, of in (("real_word_error", "words/accuracy"), ("real_letter_error", "words/letter")):
            if of in header.metrics:
                about[name] = round(100 * (1 - header.metrics[of]), 2)
        self.used["lip_reader"] = about
        return network, header

    def inception_features(self, crops: np.ndarray) -> np.ndarray:
        """Give 2048 numbers of Inception-v3 for each of the crops (n, S, S, 3): shape (n, 2048), float32."""
        import torch

        network, parts = self._inception, []
        with torch.inference_mode():
            for first in range(0, len(crops), _BATCH):
                pixels = torch.from_numpy(crops[first : first + _BATCH]).to(self.device).permute(0, 3, 1, 2)
                parts.append(network(pixels.float() / 255).cpu().numpy())
        return np.concatenate(parts)

    @cached_property
    def _inception(self) -> Any:
        import torch

        from lipsync_cli.formats.third_party_weights import load_published
        from lipsync_cli.models.inception import FIDInception

        path = self.file("inception", "Inception-v3 weights")
        with torch.device("meta"):  # no time is spent on weights that the file replaces
            network = FIDInception()
        network.to_empty(device="cpu")
        sha256 = load_published(network, path, "pt_inception-2015-12-05-6726825d.pth, as pytorch-fid uses it")
        self.used["inception"] = {"name": path.name, "sha256": sha256}
        return network.to(self.device)

    def syncnet(self) -> SyncNet:
        """Give SyncNet with its published weights."""
        return self._syncnet

    @cached_property
    def _syncnet(self) -> Any:
        from lipsync_cli.formats.third_party_weights import load_published
        from lipsync_cli.models.syncnet import SyncNet

        path, network = self.file("syncnet", "SyncNet weights"), SyncNet()
        self.used["syncnet"] = {"name": path.name, "sha256": load_published(network, path, "syncnet_v2.model")}
        return network.to(self.device)

    def landmark_model(self) -> Any:
        """Give dlib's predictor of 68 landmarks."""
        return self._landmark_model

    @cached_property
    def _landmark_model(self) -> Any:
        from lipsync_cli.faces.dlib_models import HINT
        from lipsync_cli.faces.landmarks import load_predictor

        if (predictor := load_predictor()) is None:
            raise MetricUnavailableError(f"dlib's 68 landmarks are not installed: {HINT}")
        return predictor

    def embed_faces(self, crops: np.ndarray, rule: CropRule) -> np.ndarray:
        """Embed crops (n, S, S, 3) with dlib's recognition network: shape (n, 128)."""
        from lipsync_cli.faces.dlib_models import HINT
        from lipsync_cli.faces.embedding import find_embedder

        if (embedder := find_embedder()) is None:
            raise MetricUnavailableError(f"dlib's face recognition network is not installed: {HINT}")
        return np.stack([embedder.embed(crop, rule.box_in_crop()) for crop in crops])
