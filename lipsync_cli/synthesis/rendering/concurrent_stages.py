"""Stages that run side by side: each in its own thread, short queues between them, so that memory stays constant."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

Stage = Callable[[Iterator[Any]], Iterator[Any]]

POLL_S = 0.1  # how often a waiting stage looks whether the others have stopped
_END = object()


class _StoppedError(Exception):
    """Another stage has failed, or nobody wants the results any more."""


class _Line:
    """What the stages of one pipeline share: whether to stop, and the first error."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self._lock = threading.Lock()

    def fail(self, error: BaseException) -> None:
        with self._lock:
            if self.error is None and not self.stop.is_set():
                self.error = error
        self.stop.set()

    def put(self, items: queue.Queue[Any], item: Any) -> None:
        while not self.stop.is_set():
            try:
                return items.put(item, timeout=POLL_S)
            except queue.Full:
                continue
        raise _StoppedError

    def take(self, items: queue.Queue[Any]) -> Iterator[Any]:
        while not self.stop.is_set():
            try:
                item = items.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if item is _END:
                return
            yield item
        raise _StoppedError


@contextmanager
def pipeline(source: Iterable[Any], *stages: Stage, depth: int = 1) -> Generator[Iterator[Any], None, None]:
    """Run a source and the stages after it in threads; give the last stage's results, in order, to the caller's thread.

    Parameters
    ----------
    source : gives the items; consumed in a thread of its own and closed there
    stages : each takes the iterator of the stage before and gives its own; consumed and closed in a thread of its own
    depth : how many finished items wait between two stages at most

    Raises
    ------
    The first exception of any stage, in the caller's thread, when all threads have ended. An exception of the caller
    (KeyboardInterrupt too) ends all stages before it goes on.
    """
    line = _Line()
    queues: list[queue.Queue[Any]] = [queue.Queue(depth) for _ in range(len(stages) + 1)]
    threads = [
        threading.Thread(target=_work, args=(line, lambda: source, queues[0]), daemon=True, name="lipsync-source")
    ]
    for stage, before, after in zip(stages, queues, queues[1:], strict=False):
        threads.append(
            threading.Thread(
                target=_work, args=(line, _bind(stage, line, before), after), daemon=True, name="lipsync-stage"
            )
        )
    for thread in threads:
        thread.start()
    try:
        yield line.take(queues[-1])
    except _StoppedError:
        pass
    finally:
        line.stop.set()
        for thread in threads:
            thread.join()
    if line.error is not None:
        raise line.error


def _bind(stage: Stage, line: _Line, items: queue.Queue[Any]) -> Callable[[], Iterable[Any]]:
    return lambda: stage(line.take(items))


def _work(line: _Line, start: Callable[[], Iterable[Any]], after: queue.Queue[Any]) -> None:
    """Consume one stage; whatever it raises ends the whole line."""
    try:
        items = start()
        try:
            for item in items:
                line.put(after, item)
        finally:
            if isinstance(items, Generator):
                items.close()
        line.put(after, _END)
    except _StoppedError:
        pass
    except BaseException as error:
        line.fail(error)
