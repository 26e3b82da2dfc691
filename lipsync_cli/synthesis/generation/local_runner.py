"""One call of the network: crops and sound in, what it would draw at its own size out."""

from __future__ import annotations

import copy
import hashlib
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np

from lipsync_cli.formats.speech_encoder_weights import load_speech_encoder, make_encode
from lipsync_cli.models import hears
from lipsync_cli.models.generators.generator_protocols import FaceCoding
from lipsync_cli.models.mel_shape import mel_shape_of
from lipsync_cli.runtime.processes.cores import num_cores
from lipsync_cli.speech.mel import SILENCE
from lipsync_cli.speech.speech_features import WINDOW as FEATURE_WINDOW
from lipsync_cli.speech.speech_features import Encode, encode_silence
from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.models.generators.compact import FaceCode
    from lipsync_cli.models.generators.generator_protocols import SpeechDriven


Result = TypeVar("Result")

ARTICULATION = 1.4  # benchmarks/real_clips.py: then mouths open about as far as real ones
BATCH_SIZE = 8  # crops that are drawn at once, at most
NUM_CODES = 24  # faces whose codes are kept: one of each view of as many people as speak in a film
MAX_THREADS = 4  # the convolutions are small: more threads only wait for each other


class LocalRunner:
    """Runs a generator of torch in this process, at once; the methods are `GeneratorRunner`'s, for any thread.

    Parameters
    ----------
    generator : in evaluation mode, on `device`
    device : torch device
    articulation : how much the mouth moves, beside what the generator learned; for generators that can say it. None:
        ARTICULATION
    threads : of torch; None leaves one core to the other stages of the stream: reading, compositing, coding
    occlusion : network that tells what lies over faces, on `device`; None: nothing is looked for
    """

    def __init__(
        self,
        generator: nn.Module,
        device: str = "cpu",
        articulation: float | None = 1.0,
        threads: int | None = None,
        occlusion: nn.Module | None = None,
    ) -> None:
        import torch

        if device == "cpu":
            generator = generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            occlusion = occlusion and occlusion.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._device, self._occlusion = device, occlusion
        self._articulation = ARTICULATION if articulation is None else articulation
        self._generator = _articulating(generator, self._articulation)
        self._mover = self._generator if isinstance(self._generator, FaceCoding) else None
        self._codes: dict[bytes, FaceCode] = {}
        self._encode: Encode | None = None
        self._hears, self._mel_shape = hears(generator), mel_shape_of(generator)
        self._threads = threads or max(1, min(torch.get_num_threads(), num_cores() - 1, MAX_THREADS))
        self.num_at_once = 1

    def generate(
        self, reference: np.ndarray, target: np.ndarray, mel: np.ndarray, articulation: float | None = None
    ) -> GeneratorOutput:
        """Generate the mouths of a batch."""
        import torch

        self._limit_threads()
        generator = self._generator if articulation is None else _articulating(self._generator, articulation)
        with torch.inference_mode():
            drawn = generator(self._image(reference), self._image(target), self._mel(mel))
            return GeneratorOutput(
                image=_channels_last(drawn.image),
                flow=None if drawn.flow is None else _channels_last(drawn.flow),
                mask=None if drawn.mask is None else drawn.mask[:, 0].float().cpu().numpy(),
                patch=None if drawn.patch is None else _channels_last(drawn.patch),
            )

    @property
    def device(self) -> str:
        """Name of the device."""
        return self._device

    def encode(self, mel: np.ndarray) -> np.ndarray:
        """Encode log mels of sound as speech features (generator_runner.GeneratorRunner)."""
        self._limit_threads()
        if self._encode is None:
            self._encode = make_encode(load_speech_encoder(self._device), self._device)
        return self._encode(mel)

    def silence(self, count: int) -> np.ndarray:
        """Return what the generator hears in silence, count times."""
        if self._hears == "mel":
            return np.full((count, *self._mel_shape[::-1]), SILENCE, np.float32)
        return np.tile(encode_silence(self.encode), (count, FEATURE_WINDOW, 1))

    def fingerprint(self) -> str:
        """Return a digest of all weights."""
        digest = hashlib.sha256(repr(self._articulation).encode())
        for network in filter(None, (self._generator, self._occlusion)):
            for name, tensor in sorted(network.state_dict().items()):
                digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype} ".encode())
                digest.update(tensor.detach().cpu().contiguous().numpy().data)
        return digest.hexdigest()

    @property
    def sees_occlusion(self) -> bool:
        """Whether there is an occlusion network."""
        return self._occlusion is not None

    def predict_occlusion(self, face: np.ndarray, reference: np.ndarray, other: np.ndarray) -> Future[np.ndarray]:
        """Predict what lies over faces, at once."""
        import torch

        assert self._occlusion is not None
        self._limit_threads()
        with torch.inference_mode():
            shown = (self._image(each).expand(len(face), -1, -1, -1) for each in (face, reference, other))
            logits: np.ndarray = self._occlusion(*shown).float().cpu().numpy()
        return _done(logits)

    def submit(self, face: np.ndarray, mel: np.ndarray) -> Future[GeneratorOutput]:
        """Generate, at once."""
        import torch

        if self._mover is None:
            target = np.broadcast_to(face, (len(mel), *face.shape[1:]))
            return _done(self.generate(face, target, mel))
        self._limit_threads()
        with torch.inference_mode():
            flow, mask, patch = self._mover.move(self._code(self._mover, face, face), self._mel(mel))
            return _done(
                GeneratorOutput(None, _channels_last(flow), mask[:, 0].float().cpu().numpy(), _channels_last(patch))
            )

    def _code(self, generator: FaceCoding, face: np.ndarray, target: np.ndarray) -> FaceCode:
        """Return what the generator's drawing takes of some faces; that of one face in one pose is kept."""
        if len(face) > 1 or len(target) > 1:
            several: FaceCode = generator.encode_face(self._image(face), self._image(target))
            return several
        key = face.tobytes() + target.tobytes()
        code = self._codes.get(key)
        if code is None:
            code = self._codes[key] = generator.encode_face(self._image(face), self._image(target))
            for old in list(self._codes)[:-NUM_CODES]:
                self._codes.pop(old, None)
        return code

    def warm_up(self, count: int) -> None:
        """Draw once what is thrown away, so that libraries have made what they keep; as many crops as will be drawn."""
        size = cast("SpeechDriven", self._generator).size
        self.submit(np.zeros((1, size, size, 3), np.uint8), self.silence(count))

    def _limit_threads(self) -> None:
        import torch

        if torch.get_num_threads() != self._threads:  # holds for the calling thread
            torch.set_num_threads(self._threads)

    def _mel(self, mel: np.ndarray) -> Tensor:
        import torch

        heard = torch.from_numpy(mel).to(self._device)
        return heard.mT[:, None] if self._hears == "mel" else heard

    def _image(self, pixels: np.ndarray) -> Tensor:
        import torch

        return torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2).float().div_(255)


def _articulating(generator: nn.Module, articulation: float) -> nn.Module:
    """Return a generator that articulates so, where it can, with the same parameters; the given one stays as it is."""
    if not isinstance(generator, FaceCoding):
        return generator
    other = copy.copy(generator)
    other.articulation = articulation
    return other


def _done(result: Result) -> Future[Result]:
    future: Future[Result] = Future()
    future.set_result(result)
    return future


def _channels_last(x: Tensor) -> np.ndarray:
    return np.ascontiguousarray(x.float().permute(0, 2, 3, 1).cpu().numpy())
