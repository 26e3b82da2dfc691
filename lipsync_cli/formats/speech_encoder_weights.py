"""The speech encoder that comes with the package, loaded and ready to use on arrays."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from lipsync_cli.errors import InputError
from lipsync_cli.speech.speech_features import PADDING, Encode, Stream

if TYPE_CHECKING:
    import numpy as np

    from lipsync_cli.models.speech_encoder import SpeechEncoder

ASSET = "whisper_tiny_en_encoder.safetensors"


def find_speech_encoder() -> Path:
    """Return the path of the package's file."""
    return Path(str(resources.files("lipsync_cli") / "assets" / ASSET))


def load_speech_encoder(device: str = "cpu", path: Path | None = None) -> SpeechEncoder:
    """Load the network, in evaluation mode.

    Parameters
    ----------
    path : another file with the same names; None: the package's

    Raises
    ------
    InputError : the file is missing, damaged, or holds something else
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from lipsync_cli.models.speech_encoder import SpeechEncoder

    path = find_speech_encoder() if path is None else path
    if not path.is_file():
        raise InputError("the speech encoder is missing", path, "install the package again")
    network = SpeechEncoder()
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"does not hold the speech encoder ({reason})", path, "install the package again") from error
    return network.to(device).eval()


def make_stream(network: SpeechEncoder, device: str, kept: int) -> Stream:
    """Return the network as a function of sound that comes while it is encoded, see `EncoderStream`.

    Parameters
    ----------
    kept : feature frames before those that are asked for, that count for them
    """
    from lipsync_cli.models.speech_encoder import EncoderStream

    stream = EncoderStream(network, kept, -PADDING)

    def encode(first: int, stop: int, read: Callable[[int, int], np.ndarray]) -> np.ndarray:
        import torch

        def rows(begin: int, end: int) -> torch.Tensor:
            return torch.from_numpy(read(begin, end)).to(device)

        with torch.inference_mode():
            features: np.ndarray = stream.encode(first, stop, rows).float().cpu().numpy()
        return features

    return encode


def make_encode(network: SpeechEncoder, device: str = "cpu") -> Encode:
    """Return the network as a function of arrays: (T, 80) float32 log-mel to ((T + 1) // 2, 384) float32."""

    def encode(mel: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            features: np.ndarray = network(torch.from_numpy(mel).to(device).T[None])[0].float().cpu().numpy()
        return features

    return encode
