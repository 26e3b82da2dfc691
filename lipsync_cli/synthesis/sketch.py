"""One call of the network: crops and sound in, what it would draw at its own size out."""

from __future__ import annotations

import copy
import hashlib
import os
from concurrent.futures import Future
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from lipsync_cli.speech.mel import N_MELS, WINDOW

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lipsync_cli.models.compact import FaceCode


class Sketch(NamedTuple):
    """What a generator proposes for some crops, at the network's size S.

    Attributes
    ----------
    image : shape (n, S, S, 3) float32, the finished crop, RGB in [0, 1], or None
    flow : shape (n, H, S, 2) float32, displacement (x, y) into the reference's crop in units of S, or None; of the
        crop's last H rows, S or S / 2
    mask : shape (n, H, S) float32, how much of the warped reference shows, or None
    patch : shape (n, H, S, 3) float32, what shows where the reference does not, or None
    """

    image: np.ndarray | None
    flow: np.ndarray | None = None
    mask: np.ndarray | None = None
    patch: np.ndarray | None = None

    def one(self, index: int) -> Sketch:
        """Return the sketch of one crop, without the first axis."""
        return Sketch(*(None if part is None else part[index] for part in self))


ARTICULATION = 1.7  # benchmarks/real_clips.py: then mouths open nine tenths as far as real ones
BATCH_SIZE = 8  # crops that are drawn at once, at most
MAX_THREADS = 4  # the convolutions are small: more threads only wait for each other


class Sketcher(Protocol):
    """Runs a generator on arrays, here or elsewhere."""

    @property
    def device(self) -> str:
        """The torch device."""
        ...

    @property
    def has_codes(self) -> bool:
        """Whether `encode` and `draw` save time; on a GPU the codes' way there and back takes longer than they do."""
        ...

    def fingerprint(self) -> str:
        """Return the SHA-256 of the generator's parameters as they are now, and of its articulation."""
        ...

    def sketch(
        self, reference: np.ndarray, target: np.ndarray, mel: np.ndarray, articulation: float | None = None
    ) -> Sketch:
        """Draw the lower halves of some crops.

        Parameters
        ----------
        reference : shape (R, S, S, 3) uint8 RGB; each serves n / R targets in a row and is encoded once
        target : shape (n, S, S, 3) uint8 RGB
        mel : shape (n, 27, 80)
        articulation : for this once; None: the sketcher's own
        """
        ...

    @property
    def num_at_once(self) -> int:
        """How many of the things that `draw` and `draw_faces` begin are worked on at a time."""
        ...

    def draw_faces(self, reference: np.ndarray, target: np.ndarray, mel: np.ndarray) -> Future[Sketch]:
        """Begin to draw as `sketch` does, but without the image where the generator can do without."""
        ...

    def encode(self, reference: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Compute what the drawing of some faces does not need the speech for: codes (n, L) float32; see `sketch`."""
        ...

    def draw(self, codes: np.ndarray, mel: np.ndarray) -> Future[Sketch]:
        """Begin to draw faces that `encode` has seen, without their images.

        Parameters
        ----------
        codes : shape (n, L), or (1, L), which serves all
        mel : shape (n, 27, 80)
        """
        ...


class TorchSketcher:
    """Runs a generator of torch in this process and does things at once; the methods are `Sketcher`'s, for any thread.

    Parameters
    ----------
    generator : in evaluation mode, on `device`
    device : torch device
    articulation : how much the mouth moves, beside what the generator learned; for generators that can say it
    threads : of torch; None leaves one core to the other stages of the stream: reading, compositing, coding
    """

    def __init__(
        self, generator: nn.Module, device: str = "cpu", articulation: float = 1.0, threads: int | None = None
    ) -> None:
        import torch

        if device == "cpu":
            generator = generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._articulation, self._device = articulation, device
        self._generator = _articulating(generator, articulation)
        self._code_shapes: list[tuple[int, ...]] = []
        self._threads = threads or max(1, min(torch.get_num_threads(), num_cores() - 1, MAX_THREADS))
        self.num_at_once = 1

    def sketch(
        self, reference: np.ndarray, target: np.ndarray, mel: np.ndarray, articulation: float | None = None
    ) -> Sketch:
        import torch

        self._limit_threads()
        generator = self._generator if articulation is None else _articulating(self._generator, articulation)
        with torch.inference_mode():
            drawn = generator(self._image(reference), self._image(target), self._mel(mel))
            return Sketch(
                image=_channels_last(drawn.image),
                flow=None if drawn.flow is None else _channels_last(drawn.flow),
                mask=None if drawn.mask is None else drawn.mask[:, 0].float().cpu().numpy(),
                patch=None if drawn.patch is None else _channels_last(drawn.patch),
            )

    @property
    def device(self) -> str:
        return self._device

    def fingerprint(self) -> str:
        digest = hashlib.sha256(repr(self._articulation).encode())
        for name, tensor in sorted(self._generator.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype} ".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().data)
        return digest.hexdigest()

    @property
    def has_codes(self) -> bool:
        return self._device == "cpu" and hasattr(self._generator, "encode_face")

    def encode(self, reference: np.ndarray, target: np.ndarray) -> np.ndarray:
        import torch

        self._limit_threads()
        with torch.inference_mode():
            code = self._generator.encode_face(self._image(reference), self._image(target))  # type: ignore[operator]
            parts = [part.permute(0, 2, 3, 1) for part in code]
            self._code_shapes = [tuple(part.shape[1:]) for part in parts]
            return torch.cat([part.reshape(len(part), -1) for part in parts], 1).numpy()

    def draw(self, codes: np.ndarray, mel: np.ndarray) -> Future[Sketch]:
        import torch

        from lipsync_cli.models.compact import FaceCode

        self._limit_threads()
        with torch.inference_mode():
            sizes = [int(np.prod(shape)) for shape in self._code_shapes]
            parts = torch.from_numpy(codes).split(sizes, 1)
            shaped = [
                part.reshape(-1, *shape).permute(0, 3, 1, 2)
                for part, shape in zip(parts, self._code_shapes, strict=True)
            ]
            return _done(self._move(FaceCode(*shaped), mel))

    def draw_faces(self, reference: np.ndarray, target: np.ndarray, mel: np.ndarray) -> Future[Sketch]:
        import torch

        if not hasattr(self._generator, "encode_face"):
            return _done(self.sketch(reference, target, mel))
        self._limit_threads()
        with torch.inference_mode():
            code = self._generator.encode_face(self._image(reference), self._image(target))  # type: ignore[operator]
            return _done(self._move(code, mel))

    def warm_up(self, count: int) -> None:
        """Draw once what is thrown away, so that libraries have made what they keep; as many crops as will be drawn."""
        size = getattr(self._generator, "size", None)
        if isinstance(size, int):
            crops = np.zeros((count, size, size, 3), np.uint8)
            self.draw_faces(crops[:1], crops, np.zeros((count, WINDOW, N_MELS), np.float32))

    def _move(self, code: FaceCode, mel: np.ndarray) -> Sketch:
        """Draw the lower halves from a code."""
        flow, mask, patch = self._generator.move(code, self._mel(mel))  # type: ignore[operator]
        return Sketch(None, _channels_last(flow), mask[:, 0].float().cpu().numpy(), _channels_last(patch))

    def _limit_threads(self) -> None:
        import torch

        if torch.get_num_threads() != self._threads:  # holds for the calling thread
            torch.set_num_threads(self._threads)

    def _mel(self, mel: np.ndarray) -> Tensor:
        import torch

        return torch.from_numpy(mel).to(self._device).mT[:, None]

    def _image(self, pixels: np.ndarray) -> Tensor:
        import torch

        return torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2).float().div_(255)


def _articulating(generator: nn.Module, articulation: float) -> nn.Module:
    """Return a generator that articulates so, where it can, with the same parameters; the given one stays as it is."""
    if not hasattr(generator, "articulation"):
        return generator
    other = copy.copy(generator)
    other.articulation = articulation  # type: ignore[assignment]
    return other


def _done(sketch: Sketch) -> Future[Sketch]:
    future: Future[Sketch] = Future()
    future.set_result(sketch)
    return future


def num_cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _channels_last(x: Tensor) -> np.ndarray:
    return np.ascontiguousarray(x.float().permute(0, 2, 3, 1).cpu().numpy())
