"""The generator in a process of its own: the other stages never keep it waiting for its turn in the interpreter.

There it draws several batches side by side. The small convolutions of one batch gain little from several threads; two
batches on two cores take hardly longer than one.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lipsync_cli.errors import LipsyncError
from lipsync_cli.runtime.processes.cores import num_cores
from lipsync_cli.runtime.processes.workers import Worker, answer_to
from lipsync_cli.synthesis.generation.generator_runner import GeneratorOutput
from lipsync_cli.synthesis.generation.local_runner import BATCH_SIZE, MAX_THREADS, LocalRunner

if TYPE_CHECKING:
    import numpy as np


class Order(NamedTuple):
    """What is asked of the process: "load" first, then the name of one of the runner's methods, and its arguments."""

    what: str
    given: tuple[Any, ...] = ()


class ProcessRunner:
    """A `GeneratorRunner` whose generator runs in another process, which ends when this object is let go.

    Parameters
    ----------
    weights : file of the generator's weights
    device : torch device, or a function of a module that returns it, called there
    articulation : as for `LocalRunner`
    occlusion : file of the weights of a network that looks for what lies over faces; None: nothing does

    Raises
    ------
    LipsyncError : here, or from any method: what went wrong there (no such device, damaged weights, killed)
    """

    def __init__(
        self, weights: Path, device: str | Callable[[], str], articulation: float | None, occlusion: Path | None = None
    ) -> None:
        self._line = _Line(Worker(_obey, _serve))
        weakref.finalize(self, self._line.close)
        self.sees_occlusion = occlusion is not None
        try:
            self.device, self.num_at_once = self._ask("load", weights, device, articulation, occlusion).result()
        except BaseException:
            self._line.close()
            raise
        for _ in range(self.num_at_once):
            self._ask("warm_up", BATCH_SIZE)  # while the face is looked for

    def fingerprint(self) -> str:
        """See `GeneratorRunner`."""
        return str(self._ask("fingerprint").result())

    def generate(
        self, reference: np.ndarray, target: np.ndarray, mel: np.ndarray, articulation: float | None = None
    ) -> GeneratorOutput:
        """See `GeneratorRunner`."""
        generated: GeneratorOutput = self._ask("generate", reference, target, mel, articulation).result()
        return generated

    def encode(self, mel: np.ndarray) -> np.ndarray:
        """See `GeneratorRunner`."""
        features: np.ndarray = self._ask("encode", mel).result()
        return features

    def silence(self, count: int) -> np.ndarray:
        """See `GeneratorRunner`."""
        windows: np.ndarray = self._ask("silence", count).result()
        return windows

    def submit(self, face: np.ndarray, mel: np.ndarray) -> Future[GeneratorOutput]:
        """See `GeneratorRunner`."""
        return self._ask("submit", face, mel)

    def predict_occlusion(self, face: np.ndarray, reference: np.ndarray, other: np.ndarray) -> Future[np.ndarray]:
        """See `GeneratorRunner`."""
        return self._ask("predict_occlusion", face, reference, other)

    def _ask(self, what: str, *given: Any) -> Future[Any]:
        return self._line.ask(Order(what, given))


class _Line:
    """Sends orders to a process and hands its answers, which come in any order, to those who wait for them."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._count = 0
        self._death: LipsyncError | None = None
        self._reader = threading.Thread(target=self._read, daemon=True, name="lipsync-answers")
        self._reader.start()

    def ask(self, order: Order) -> Future[Any]:
        """Send an order; the future has its answer."""
        future: Future[Any] = Future()
        with self._lock:
            if self._death is not None:
                future.set_exception(self._death)
                return future
            self._count += 1
            self._waiting[self._count] = future
            with contextlib.suppress(OSError):  # the process is gone: the reader will say so
                self._worker.connection.send((self._count, order))
        return future

    def close(self) -> None:
        """End the process, at once."""
        self._worker.process.kill()
        self._worker.process.join()
        if threading.current_thread() is not self._reader:  # where the garbage collector may run, too
            self._reader.join()  # it reads from the connection until the other end is gone
        self._worker.connection.close()

    def _read(self) -> None:
        try:
            while True:
                number, result, error = self._worker.connection.recv()
                future = self._waiting.pop(number)
                if error is None:
                    future.set_result(result)
                else:
                    future.set_exception(error)
        except (EOFError, OSError):
            with self._lock:
                self._death = self._worker.obituary("close other programs", "the generator's process")
                while self._waiting:
                    self._waiting.popitem()[1].set_exception(self._death)


_runner: LocalRunner | None = None  # of the process that serves


def _serve(connection: Any, work: Callable[[Any], Any]) -> None:
    """Do what is ordered, some things side by side."""
    lock = threading.Lock()

    def answer(number: int, order: Order) -> None:
        result, error = answer_to(work, order)
        with lock:
            try:
                connection.send((number, result, error))
            except OSError:
                return  # nobody is there any more

    with ThreadPoolExecutor(_num_threads()) as threads:
        while True:
            try:
                number, order = connection.recv()
            except (EOFError, OSError):
                return
            threads.submit(answer, number, order)


def _obey(order: Order) -> Any:
    """Do one thing."""
    global _runner
    if order.what == "load":
        from lipsync_cli.formats.weights import load_weights

        weights, device, articulation, occlusion = order.given
        name = device if isinstance(device, str) else device()
        found = load_weights(occlusion, name, "occlusion network")[0] if occlusion else None
        _runner = LocalRunner(load_weights(weights, name)[0], name, articulation, 1, found)
        return _runner.device, _num_threads() if name == "cpu" else 1
    answer = getattr(_runner, order.what)(*order.given)
    return answer.result() if isinstance(answer, Future) else answer


def _num_threads() -> int:
    return min(num_cores(), MAX_THREADS)
