"""Weights on disk: safetensors with a JSON header that says all that is needed to use them. Nothing is unpickled."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lipsync_cli.errors import InputError
from lipsync_cli.faces.crop import CropRule
from lipsync_cli.models.mel_shape import MEL_SHAPE, check_mel_shape, mel_shape_of
from lipsync_cli.runtime.atomic_files import atomic_output
from lipsync_cli.runtime.hashing import hash_file
from lipsync_cli.runtime.json_values import check_object, check_type, parse_json
from lipsync_cli.speech.mel import MelParameters
from lipsync_cli.speech.speech_features import FeatureParameters
from lipsync_cli.speech.vtln import KnownVoices

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.overrides import TorchFunctionMode

FORMAT = "lipsync-weights"
FORMAT_VERSION = 1
EMBEDDED = {  # in assets
    "generator": "lipsync_compact.safetensors",
    "sync expert": "lipsync_expert.safetensors",
    "lip reader": "lipsync_reader.safetensors",
    "occlusion network": "lipsync_occlusion.safetensors",
    "phone encoder": "lipsync_phones.safetensors",
}
NAMED = {  # other weights in assets, by kind and by what options call them
    "generator": {"grid": "lipsync_grid.safetensors"},
    "sync expert": {"grid": "lipsync_expert_grid.safetensors"},
}
_OTHER_COMMAND = {  # what to type for weights of a kind, where those of another are needed
    ("talking head", "generator"): "lipsync animate STILL SPEECH --weights {path}",
    ("generator", "talking head"): "lipsync infer FACE SPEECH --weights {path}",
}
_MISFITS = (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError)  # of a network
BEST, LAST = "best.safetensors", "last.safetensors"  # in a run folder


@dataclass(frozen=True)
class WeightsHeader:
    """What weights say about themselves.

    Attributes
    ----------
    architecture, dims : what `models.build` needs
    crop_rule, mel_parameters : the crop and the sound the weights were trained on, and must be given
    recipe : name of the training recipe
    samples_seen : training samples so far
    data : fingerprint and counts of the pack
    metrics : validation figures of these weights
    known_voices : how the voices sounded that the weights were trained on; None: not known
    feature_parameters : what the speech features were made with that the network hears; None: it hears mels
    name, sha256 : of the file; filled in when it is read
    """

    architecture: str
    dims: dict[str, Any]
    crop_rule: CropRule
    mel_parameters: MelParameters
    recipe: str
    samples_seen: int
    data: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    known_voices: KnownVoices | None = None
    feature_parameters: FeatureParameters | None = None
    name: str = ""
    sha256: str = ""

    @property
    def mel_window(self) -> int:
        """Mel frames of the windows that the network hears."""
        return int(self.dims.get("mel_shape", MEL_SHAPE)[1])

    @property
    def hears(self) -> str:
        """What the network hears: "mel", "encoder" for speech features, or "sound" for samples."""
        if self.feature_parameters is not None:
            return "encoder"
        return "sound" if self.dims.get("speech") == "sound" else "mel"

    def to_dict(self) -> dict[str, Any]:
        """Give the header as a JSON-able dictionary."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "architecture": self.architecture,
            "dims": self.dims,
            "crop_rule": self.crop_rule.to_dict(),
            "mel_parameters": self.mel_parameters.to_dict(),
            "recipe": self.recipe,
            "samples_seen": self.samples_seen,
            "data": self.data,
            "metrics": self.metrics,
            "known_voices": None if self.known_voices is None else self.known_voices.to_dict(),
            **({} if self.feature_parameters is None else {"feature_parameters": self.feature_parameters.to_dict()}),
        }


def save_weights(path: Path, tensors: dict[str, Tensor], header: WeightsHeader, force: bool = False) -> None:
    """Write weights whole or not at all."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic_output(path, force) as temporary:
        try:
            save_file(tensors, temporary, {FORMAT: json.dumps(header.to_dict(), sort_keys=True)})
        except SafetensorError as error:  # how it tells of a full disk
            raise OSError(str(error).splitlines()[0]) from error


def find_weights(path: Path | None, kind: str = "generator") -> Path:
    """Name the weights file: the best (else last) of a run folder, the file itself, or for None the embedded one.

    "grid" names the generator, or the sync expert, that comes with the package and was trained on the GRID corpus
    alone, also where there is a file or folder of that name: its whole path names that.
    """
    if path is None:
        found = Path(str(resources.files("lipsync_cli") / "assets" / EMBEDDED[kind]))
        if not found.is_file():
            raise InputError("the embedded weights are missing", found, "install the package again, or give --weights")
        return found
    path = Path(path)
    named = NAMED.get(kind, {}).get(str(path))
    if named is not None:
        return Path(str(resources.files("lipsync_cli") / "assets" / named))
    if path.is_dir():
        for name in (BEST, LAST):
            if (path / name).is_file():
                return path / name
        raise InputError("no weights in this folder", path, "give a run folder of lipsync train")
    if not path.is_file():
        raise InputError("no such weights", path, "give a run folder or a .safetensors file")
    return path


def read_header(path: Path) -> WeightsHeader:
    """Read the header of a weights file without its tensors.

    Raises
    ------
    InputError : if it is no weights file of ours, or of a newer version
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise InputError("is not a readable .safetensors file", path, "give weights made by lipsync train") from error
    if FORMAT not in metadata:
        raise InputError("has no lipsync header", path, "give weights made by lipsync train")
    what = "its lipsync header"
    values = check_object(
        parse_json(metadata[FORMAT], path, what=what), what, path, "give weights made by lipsync train"
    )
    try:
        version = values["format_version"]
        if version != FORMAT_VERSION:
            raise InputError(
                f"is weights format version {version}, this program reads {FORMAT_VERSION}",
                path,
                "use a matching version",
            )
        return WeightsHeader(
            architecture=check_type(values["architecture"], str, "the architecture"),
            dims=_read_dims(values),
            crop_rule=CropRule.from_dict(values["crop_rule"]),
            mel_parameters=MelParameters.from_dict(values["mel_parameters"]),
            recipe=check_type(values["recipe"], str, "the recipe"),
            samples_seen=check_type(values["samples_seen"], int, "the number of samples"),
            data=check_type(values["data"], dict, "data"),
            metrics=check_type(values["metrics"], dict, "metrics"),
            known_voices=None if values.get("known_voices") is None else KnownVoices.from_dict(values["known_voices"]),
            feature_parameters=_read_features(values),
            name=_name(Path(path)),
            sha256=hash_file(Path(path)),
        )
    except (InputError, KeyError) as error:
        fact = error.fact if isinstance(error, InputError) else f"there is no {error}"
        raise InputError(f"has a broken lipsync header ({fact})", path, "give weights made by lipsync train") from error


def _read_dims(values: dict[str, Any]) -> dict[str, Any]:
    dims: dict[str, Any] = check_type(values["dims"], dict, "dims")
    if "mel_shape" in dims:
        try:
            check_mel_shape(check_type(dims["mel_shape"], list[int], "the mel shape"))
        except ValueError as error:
            raise InputError(str(error)) from error
    return dims


def _read_features(values: dict[str, Any]) -> FeatureParameters | None:
    found = values.get("feature_parameters")
    return None if found is None else FeatureParameters.from_dict(found)


def check_kind(header: WeightsHeader, path: Path, kind: str = "generator") -> None:
    """Raise InputError if weights are not of the kind that is needed, see `models.kind_of`."""
    from lipsync_cli import models

    try:
        held = models.kind_of(header.architecture)
    except ValueError as error:
        raise InputError(f"holds a network that this program does not know ({error})", path) from error
    if held != kind:
        wanted = models.one_of(kind)
        hint = _OTHER_COMMAND.get((held, kind), "give the weights of {wanted}")
        raise InputError(f"holds {models.one_of(held)}, not {wanted}", path, hint.format(wanted=wanted, path=path))


def load_weights(
    path: Path | None = None, device: str = "cpu", kind: str = "generator"
) -> tuple[nn.Module, WeightsHeader]:
    """Load a network, ready to use.

    Parameters
    ----------
    path : a run folder, a .safetensors file, or None for the weights that come with the package
    kind : what it must hold, see `models.kind_of`

    Returns
    -------
    the network in evaluation mode on `device`, and the header

    Raises
    ------
    InputError : if the file is missing, foreign, of another version or kind, or does not fit its own header
    """
    from safetensors.torch import load_file

    from lipsync_cli import models

    path = find_weights(path, kind)
    header = read_header(path)
    check_kind(header, path, kind)
    _check_shapes(path, header)
    try:
        network, tensors = models.build(header.architecture, header.dims), load_file(path)
        unknown = {name for name, buffer in network.named_buffers() if buffer.isnan().all()}  # NaN says: not measured
        network.load_state_dict(tensors)
    except _MISFITS as error:
        raise _other_network(path, header, str(error)) from error
    for name, tensor in tensors.items():
        if not (tensor.isfinite().all() or (name in unknown and tensor.isnan().all())):
            raise InputError(f"{name} holds numbers that are not finite", path, "train the weights again")
    return network.to(device).eval(), header


def _check_shapes(path: Path, header: WeightsHeader) -> None:
    """Raise InputError if the file holds other tensors than its header's network has; no memory is taken for one."""
    import torch
    from safetensors import safe_open

    from lipsync_cli import models

    try:
        with torch.device("meta"), _without_values():
            network = models.build(header.architecture, header.dims)
        with safe_open(path, "np") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except _MISFITS as error:
        raise _other_network(path, header, str(error)) from error
    if header.dims.get("size", header.crop_rule.size) != header.crop_rule.size:
        fact = f"its size is {header.dims['size']}, that of its crops {header.crop_rule.size}"
        raise _other_network(path, header, fact)
    if hasattr(network, "mel_shape") and header.hears == "mel":
        heard, made = mel_shape_of(network)[0], header.mel_parameters.n_mels
        if heard != made:
            raise _other_network(path, header, f"it hears {heard} mel bands, its mels have {made}")
    for name, wanted in network.state_dict().items():
        if name in shapes and shapes[name] != tuple(wanted.shape):
            raise _other_network(path, header, f"{name} is of shape {shapes[name]}, not {tuple(wanted.shape)}")
    for name, _ in network.named_parameters():
        if name not in shapes:
            raise _other_network(path, header, f"{name} is missing")


def _without_values() -> TorchFunctionMode:
    """Let networks be built without first values; to draw some for no tensor, torch would import its compiler."""
    from torch.overrides import TorchFunctionMode

    class WithoutValues(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if getattr(func, "__module__", None) == "torch.nn.init":
                return kwargs["tensor"] if "tensor" in kwargs else args[0]
            return func(*args, **kwargs)

    return WithoutValues()


def _other_network(path: Path, header: WeightsHeader, reason: str) -> InputError:
    first_line = (reason or "its dims do not fit").splitlines()[0]
    return InputError(f"does not hold the {header.architecture} network ({first_line})", path)


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}" if path.name in (BEST, LAST) else path.stem
