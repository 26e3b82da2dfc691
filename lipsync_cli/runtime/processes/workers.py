"""Worker processes: one task each at a time, and a worker that dies costs its own task only."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import Any

from lipsync_cli.errors import InputError, LipsyncError, as_machine_error
from lipsync_cli.runtime.atomic_files import FULL
from lipsync_cli.runtime.processes.children import Bond, end_with_parent, in_lasting_thread
from lipsync_cli.runtime.processes.cores import THREAD_VARIABLES

# Does tasks, as `run_tasks` does.
Run = Callable[[Callable[[Any], Any], Iterable[Any], int], Iterator[tuple[Any, Any, LipsyncError | None]]]


def run_tasks(
    work: Callable[[Any], Any], tasks: Iterable[Any], jobs: int
) -> Iterator[tuple[Any, Any, LipsyncError | None]]:
    """Do tasks in worker processes and yield each as it is done.

    Parameters
    ----------
    work : a function of a module, called with one task in a worker; what it returns is sent back
    tasks : picklable
    jobs : number of workers, each single-threaded

    Yields
    ------
    (task, result, None) or (task, None, error), in the order of completion; at most one result a worker is waiting

    Raises
    ------
    InputError : the disk is full; the other tasks are not done
    """
    pending = iter(tasks)
    workers: list[Worker] = []
    busy: dict[Any, tuple[Worker, Any]] = {}
    try:
        for task in _take(pending, jobs):
            worker = Worker(work)
            workers.append(worker)
            worker.connection.send(task)
            busy[worker.connection] = (worker, task)
        while busy:
            for connection in wait(list(busy)):
                worker, task = busy.pop(connection)
                try:
                    result, error = worker.connection.recv()
                except (EOFError, ConnectionError):
                    result, error = None, worker.obituary("try fewer --jobs")
                    workers.remove(worker)
                    worker = Worker(work)
                    workers.append(worker)
                for next_task in _take(pending, 1):
                    worker.connection.send(next_task)
                    busy[worker.connection] = (worker, next_task)
                if isinstance(error, FatalError):
                    raise error
                yield task, result, error
    finally:
        for worker in workers:
            worker.stop()


class FatalError(InputError):
    """An error that every further task would meet, too."""


class Worker:
    """A process with one end of a pipe; it ends when this end is closed, and at once when this process is gone.

    Ctrl-C does not reach it: it begins with SIGINT blocked.

    Parameters
    ----------
    work : a function of a module
    serve : a function of a module that is called there with its end of the pipe and `work`; by default `work` is called
        with one thing after the other that is sent through `connection`, and (result, None) or (None, error) sent back
    """

    def __init__(
        self, work: Callable[[Any], Any], serve: Callable[[Any, Callable[[Any], Any]], None] | None = None
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_begin, args=(Bond(), serve or _serve, theirs, work), daemon=True)
        before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
        os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))  # read by the libraries when the worker loads them
        try:
            resource_tracker.ensure_running()  # here: it changes which signals its thread takes
            in_lasting_thread(self.process.start)
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
        theirs.close()

    def obituary(self, remedy: str, who: str = "the worker") -> InputError:
        """Say what became of a worker whose pipe has closed, and what helps if its memory was short."""
        self.process.join(timeout=10)
        code = self.process.exitcode
        self.stop()
        if code is not None and code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
            hint = f"the memory may have been short: {remedy}" if name == "SIGKILL" else None
            return InputError(f"{who} was killed by {name}", hint=hint)
        return InputError(f"{who} ended with code {code}")

    def stop(self) -> None:
        """End the process, at once."""
        self.connection.close()
        self.process.kill()
        self.process.join()


def _begin(
    _: Bond, serve: Callable[[Any, Callable[[Any], Any]], None], connection: Any, work: Callable[[Any], Any]
) -> None:
    """Serve in a process that ends when the one that has started it does."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us
    serve(connection, work)


def _serve(connection: Any, work: Callable[[Any], Any]) -> None:
    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            return
        answer = answer_to(work, task)
        try:
            connection.send(answer)
        except OSError:
            return


def answer_to(work: Callable[[Any], Any], task: Any) -> tuple[Any, LipsyncError | None]:
    """Do a task in a worker; return its result and None, or None and what went wrong, as it is told."""
    try:
        return work(task), None
    except LipsyncError as error:
        return None, as_machine_error(error) or error
    except OSError as error:
        if short := as_machine_error(error):
            return None, short
        if error.errno in FULL:
            hint = "what is done is kept: make room, run it again"
            return None, FatalError(f"cannot be written ({error.strerror})", error.filename, hint)
        return None, InputError(f"{error.strerror or error}")
    except Exception as error:  # a bug met by one input of many: told as its failure, the others go on
        fact = f"unexpected {type(error).__name__}: {' '.join(str(error).split())}"
        return None, as_machine_error(error) or LipsyncError(fact)


def _take(tasks: Iterator[Any], count: int) -> Iterator[Any]:
    for _ in range(count):
        try:
            yield next(tasks)
        except StopIteration:
            return
