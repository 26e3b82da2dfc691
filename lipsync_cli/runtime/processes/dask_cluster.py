"""Tasks on the workers of a Dask cluster, called as `workers.run_tasks` is: another machine does what a process does.

All machines see the same files under the same names: a task is done in the folder in which it was asked for.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lipsync_cli import __version__
from lipsync_cli.config.cluster import ClusterName, parse_cluster
from lipsync_cli.errors import InputError, LipsyncError, ToolError
from lipsync_cli.runtime.processes.cores import limit_cores
from lipsync_cli.runtime.processes.workers import FatalError, Run, answer_to, run_tasks

if TYPE_CHECKING:
    from distributed import Client, Future

TIMEOUT_S = 30.0  # for the scheduler and for the first worker
AHEAD = 2  # tasks for each of the workers' threads, so that none waits for the next one
UNPROFILED = {"distributed.worker.profile.enabled": False}  # else a worker samples its stack a hundred times a second
LOOK_EVERY_S = 2.0  # at how many workers there are
_one_at_a_time = threading.Lock()  # in a worker: the detectors and the folder belong to the whole process


class LostError(InputError):
    """Workers have died over a task: it is this task's failure, the others are done."""


@contextmanager
def open_runner(name: str | None, timeout_s: float = TIMEOUT_S) -> Iterator[Run]:
    """Give what does tasks: worker processes of this one, or the workers of a cluster.

    Parameters
    ----------
    name : address of a scheduler, or "local:N" for N workers that are started here; None: no cluster
    timeout_s : how long is waited for the scheduler, and for its first worker

    Raises
    ------
    ToolError : Dask is not installed, no scheduler answers, or no worker comes
    """
    if name is None:
        yield run_tasks
        return
    with _open_client(parse_cluster(name), timeout_s) as client:
        yield ClusterRunner(client)


class ClusterRunner:
    """Does tasks on the workers of a cluster; a worker that dies loses its task only, which another one does.

    Parameters
    ----------
    client : of the cluster
    folder : in which the tasks are done; None: the one in which this process works
    """

    def __init__(self, client: Client, folder: str | None = None) -> None:
        self._client, self._folder = client, folder or os.getcwd()
        self._looked, self._num_threads = 0.0, 1

    def __call__(
        self, work: Callable[[Any], Any], tasks: Iterable[Any], jobs: int = 0
    ) -> Iterator[tuple[Any, Any, LipsyncError | None]]:
        """Do tasks, as `workers.run_tasks`; `jobs` has no meaning here.

        Raises
        ------
        InputError : a disk is full, or a worker is not fit for the work; the other tasks are not done
        ToolError : the cluster has ended
        """
        from distributed import as_completed

        pending, at_work = iter(tasks), dict[Any, Any]()
        done = as_completed(loop=self._client.loop)

        def submit() -> None:
            for task in itertools.islice(pending, max(0, AHEAD * self._count_threads() - len(at_work))):
                future = self._client.submit(_answer, __version__, self._folder, work, task, pure=False)
                at_work[future] = task
                done.add(future)

        try:
            submit()
            for future in done:
                if future.status in ("lost", "pending"):  # its worker has died since, and it is done again
                    done.add(future)
                    continue
                task = at_work.pop(future)
                result, error = _outcome(future)
                if isinstance(error, FatalError):
                    raise error
                submit()
                yield task, result, error
        finally:
            if at_work:
                self._client.cancel(list(at_work))

    def _count_threads(self) -> int:
        """Return how many tasks the workers of this moment do at once, at least one."""
        if time.monotonic() - self._looked > LOOK_EVERY_S:
            self._num_threads = max(1, sum(self._client.nthreads().values()))
            self._looked = time.monotonic()
        return self._num_threads


def _outcome(future: Future) -> tuple[Any, LipsyncError | None]:
    """Return what a worker has answered, or what became of the task."""
    from distributed import KilledWorker

    if future.status == "finished":
        answer: tuple[Any, LipsyncError | None] = future.result()
        return answer
    if future.status != "error":
        raise ToolError("the cluster has ended before the work was done", hint="what is done is kept: run it again")
    error = future.exception()
    if isinstance(error, KilledWorker):
        hint = "their memory may have been short: see the workers' logs"
        return None, LostError("several workers have died over it", hint=hint)
    fact = f"a worker of the cluster cannot do the work ({type(error).__name__}: {' '.join(str(error).split())})"
    raise ToolError(fact, hint=f"install lipsync-cli {__version__} where the workers run")


def _answer(version: str, folder: str, work: Callable[[Any], Any], task: Any) -> tuple[Any, LipsyncError | None]:
    """Do a task on a worker, in the folder of the one who asks, with as many cores as the worker has threads."""
    from distributed import get_worker

    if version != __version__:
        fact = f"a worker has lipsync-cli {__version__}, and {version} asks"
        return None, FatalError(fact, hint="install the same version everywhere")
    with _one_at_a_time:
        limit_cores(get_worker().state.nthreads)
        try:
            os.chdir(folder)
        except OSError as error:
            fact = f"a worker of the cluster cannot enter this folder ({error.strerror})"
            return None, FatalError(fact, folder, "work in a folder that all machines have under the same name")
        return answer_to(work, task)


@contextmanager
def _open_client(name: ClusterName, timeout_s: float) -> Iterator[Client]:
    """Connect with a scheduler that has a worker at least, or start both here."""
    try:
        from dask import config
        from distributed import Client, LocalCluster
    except ImportError:
        raise ToolError("Dask is not installed", hint="pip install 'lipsync-cli[dask]'") from None
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # a worker that dies is not the user's business
    if name.num_workers:
        with (
            config.set(UNPROFILED),
            LocalCluster(
                n_workers=name.num_workers,
                threads_per_worker=1,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(name.address, timeout=timeout_s)
    except (OSError, TimeoutError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ToolError(
            f"no Dask scheduler answers at {name.address} ({reason})", hint="start dask scheduler"
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=timeout_s)
        except TimeoutError:
            fact = f"no worker has come to {name.address} in {timeout_s:.0f} s"
            raise ToolError(fact, hint=f"start one: dask worker {name.address} --nthreads 1") from None
        yield client
