"""Where calls run: this process or a pool of processes (`Local`), or a Dask cluster (`Cluster`)."""

from __future__ import annotations

import os
import pickle
import signal
import tempfile
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from bullbear.errors import DefinitionError, ExecutionError
from bullbear.execution.shipping import Shipment, map_from_file, write_to_file
from bullbear.extras import require

Function = Callable[[Any, Any], Any]
Outcome = tuple[int, Callable[[], Any]]
"""The number of an item, and a call that returns its result or raises what the function raised."""


class Executor(Protocol):
    """Something that can call a function on many items."""

    def outcomes(self, function: Function, shared: object, items: Sequence[Any]) -> Generator[Outcome, None, None]:
        """The outcomes as they finish, begun in the order of `items`; closing the iterator cancels the rest."""


@dataclass(frozen=True)
class Local:
    """This machine: `jobs` worker processes, or this process for a single job.

    Parameters
    ----------
    jobs
        Worker processes; 1 or less runs the calls in this process.
    preload
        Modules that a worker has imported before its first call. The workers are forked from a server process that
        imports them once: fresh interpreters would pay for the import in each worker, and a plain fork may inherit a
        locked OpenMP runtime.
    """

    jobs: int = 1
    preload: tuple[str, ...] = ()

    def outcomes(self, function: Function, shared: object, items: Sequence[Any]) -> Generator[Outcome, None, None]:
        """See `Executor`."""
        if self.jobs <= 1:
            for number, item in enumerate(items):
                yield number, partial(function, shared, item)
            return
        with tempfile.TemporaryDirectory(prefix="bullbear-") as folder:
            path = Path(folder) / "shared"
            write_to_file((function, shared), path)
            with _pool(min(self.jobs, len(items)), path, (function.__module__, *self.preload)) as pool:
                pending = {pool.submit(_call_in_worker, item): number for number, item in enumerate(items)}
                for number, future in _finished(pending):
                    yield number, partial(_result, future)


@contextmanager
def _pool(jobs: int, path: Path, preload: tuple[str, ...]) -> Iterator[ProcessPoolExecutor]:
    context = get_context("forkserver")
    context.set_forkserver_preload(["bullbear.execution.executors", *preload])
    # Nothing is ever sent: a worker ends when the pipe closes, whether this process closed it or was killed.
    alive, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_open, initargs=(path, alive))
    try:
        yield pool
    except BaseException:
        ours.close()
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    else:
        pool.shutdown(wait=True)
    finally:
        ours.close()
        alive.close()


def _finished(pending: dict[Future[Any], int]) -> Iterator[tuple[int, Future[Any]]]:
    while pending:
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
        # Successes first: a failure ends the iteration, and what has finished beside it should be kept.
        for future in sorted(done, key=lambda each: each.cancelled() or each.exception() is not None):
            yield pending.pop(future), future


def _result(future: Future[Any]) -> Any:
    try:
        return future.result()
    except BrokenProcessPool as killed:
        raise ExecutionError(
            "a worker process was killed, perhaps for lack of memory; run the command again, with fewer --jobs"
        ) from killed


_worker: list[tuple[Function, Any] | ExecutionError | DefinitionError] = []
"""What this worker calls; or why it cannot, since an initializer that raises looks like a killed process."""


def _open(path: Path, alive: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C reaches the whole group; the parent ends its workers
    os.environ["OMP_NUM_THREADS"] = "1"
    Thread(target=_end_with_parent, args=(alive,), daemon=True).start()
    try:
        _worker[:] = [map_from_file(path)]
    except DefinitionError as bad:
        _worker[:] = [bad]
    except Exception as bad:
        said = " ".join(f"{type(bad).__name__}: {bad}".split())
        _worker[:] = [ExecutionError(f"a worker process cannot read what it shall compute: {said}")]


def _end_with_parent(alive: Connection) -> None:
    try:
        alive.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _call_in_worker(item: Any) -> Any:
    (task,) = _worker
    if isinstance(task, Exception):
        raise task
    return _call(*task, item)


def _call(function: Function, shared: Any, item: Any) -> Any:
    try:
        return function(shared, item)
    except Exception as bad:
        try:
            pickle.loads(pickle.dumps(bad))
        except Exception:  # an exception that cannot be read back would look like a killed worker
            raise RuntimeError(f"{type(bad).__name__}: {bad}") from None
        raise


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster with this version of bullbear on its workers.

    Parameters
    ----------
    address
        Of the scheduler, such as `tcp://127.0.0.1:8786`.
    timeout
        Seconds to wait for the scheduler and for a first worker.
    """

    address: str
    timeout: float = 30.0

    def outcomes(self, function: Function, shared: object, items: Sequence[Any]) -> Generator[Outcome, None, None]:
        """See `Executor`."""
        with self._client() as client:
            # Not scattered: what a task made can be made again when the worker that held it is lost.
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Sending large graph", UserWarning)
                shipment = client.submit(_received, Shipment.of((function, shared)), pure=False)
            executor = client.get_executor(pure=False)
            pending = {executor.submit(_call_shipped, shipment, item): number for number, item in enumerate(items)}
            try:
                for number, future in _finished(pending):
                    yield number, partial(self._result, future)
            finally:
                executor.shutdown(wait=False)  # cancels what is not finished

    def require_reachable(self) -> None:
        """Refuse an address at which no scheduler with a worker answers.

        Raises
        ------
        ExecutionError
            None does.
        """
        with self._client():
            pass

    @contextmanager
    def _client(self) -> Iterator[Any]:
        require("--cluster", "dask")
        import distributed

        try:
            # Without a protocol the client retries in the background and complains when it is collected.
            address = self.address if "://" in self.address else f"tcp://{self.address}"
            client: Any = distributed.Client(address, timeout=self.timeout, set_as_default=False)
            client.wait_for_workers(1, timeout=self.timeout)
        except (OSError, ValueError, TimeoutError) as bad:
            raise ExecutionError(
                f"--cluster {self.address}: no Dask scheduler with a worker answered within {self.timeout:g} s; "
                "start `dask scheduler` and `dask worker ADDRESS`, or correct the address"
            ) from bad
        try:
            yield client
        finally:
            client.close()

    def _result(self, future: Future[Any]) -> Any:
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        try:
            return future.result()
        except (KilledWorker, CancelledError) as lost:
            raise ExecutionError(
                f"--cluster {self.address}: workers or the scheduler were lost ({type(lost).__name__}); "
                "run the command again"
            ) from lost


def _received(shipment: Shipment) -> Shipment:
    return shipment


def _call_shipped(shipment: Shipment, item: Any) -> Any:
    function, shared = shipment.open()
    return _call(function, shared, item)
