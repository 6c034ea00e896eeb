"""The cluster engine: the same functions in the worker processes of a Dask cluster, one bucket a task."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bankseg.domain.errors import ConfigurationError, ServiceUnavailableError

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_SECONDS = 20
TICK_SECONDS = 1  # how often somebody who waits for results is asked whether the wait still makes sense
# Of a task that raised, beside the attempts of the job; tasks whose worker died are done again by the scheduler (distributed.scheduler.allowed-failures).
RETRIES = 1
# Without any worker for so long a job gives its lease back and is tried again later.
PATIENCE_WITHOUT_WORKERS_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Scheduler:
    """Where a cluster listens, and by which files (PEM) the two sides know each other; a tls:// address needs all three, tcp:// takes none."""

    url: str
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Worker:
    """One process of the cluster: its threads and the bytes of memory at which it is ended (0: no bound)."""

    address: str
    threads: int
    memory_bytes: int


class ClusterEngine:
    """Runs bucket work on a cluster.

    Parameters
    ----------
    tick
        Called about every second while results are awaited; what it raises ends the wait, and tasks nobody else wants are taken back.
    """

    def __init__(self, scheduler: Scheduler, tick: Callable[[], None]) -> None:
        self.scheduler = scheduler
        self.tick = tick

    def map_buckets(self, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        """Apply `function` to each task; results come as they finish. A task is named by what it is asked: asked for twice, it is done once.

        Raises
        ------
        ServiceUnavailableError
            When the scheduler does not answer, or has no worker.
        ConfigurationError
            When a task ended every worker that tried it.
        """
        with connected(self.scheduler) as client:
            futures = [client.submit(function, *task, key=task_key(function, task), retries=RETRIES) for task in tasks]
            try:
                yield from self._as_they_finish(client, futures)
            finally:
                client.cancel(futures)

    def _as_they_finish(self, client: "Client", futures: "list[Future[Any]]") -> Iterator[Any]:
        from distributed import wait

        waiting, alone_seconds = set(futures), 0
        while waiting:
            self.tick()
            try:
                with client.as_current():  # `wait` knows no other way to be told; results are yielded outside
                    done, waiting = wait(waiting, timeout=TICK_SECONDS, return_when="FIRST_COMPLETED")
            except TimeoutError:
                alone_seconds = 0 if workers_of(client) else alone_seconds + TICK_SECONDS
                if alone_seconds >= PATIENCE_WITHOUT_WORKERS_SECONDS:
                    raise _no_workers(self.scheduler) from None
                continue
            for future in done:
                yield _result(self.scheduler, future)


def task_key(function: Callable[..., Any], task: tuple[Any, ...]) -> str:
    """Name of a task by its function and what it is asked.

    Examples
    --------
    >>> task_key(max, (1, 2)) == task_key(max, (1, 2)), task_key(max, (1, 2)) == task_key(max, (2, 1))
    (True, False)
    """
    asked = [f"{part.__module__}.{part.__qualname__}" if callable(part) else repr(part) for part in (function, *task)]
    return f"bankseg-{function.__name__}-{sha256(repr(asked).encode()).hexdigest()[:32]}"


@contextmanager
def connected(scheduler: Scheduler) -> "Iterator[Client]":
    """A connection to the cluster.

    Raises
    ------
    ServiceUnavailableError
        When nothing answers there.
    ConfigurationError
        When the package is not installed, or the files of the connection do not fit.
    """
    try:
        from distributed import Client, Security
    except ImportError as error:
        raise ConfigurationError(
            "BANKSEG_SCHEDULER is set, but the package distributed is not installed", "the extra `cluster`", "pip install 'bankseg[cluster]'"
        ) from error
    _refuse_address(scheduler)
    files = {"tls_ca_file": scheduler.ca, "tls_client_cert": scheduler.cert, "tls_client_key": scheduler.key}
    given = {name: str(path) for name, path in files.items() if path is not None}
    try:
        security = Security(require_encryption=True, **given) if given else None
        client = Client(scheduler.url, timeout=CONNECT_SECONDS, security=security, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise _silent(scheduler) from error
    with client:
        yield client


def _refuse_address(scheduler: Scheduler) -> None:
    """Before anything is opened: a connection that fails halfway closes slowly."""
    files = {"CA": scheduler.ca, "CERT": scheduler.cert, "KEY": scheduler.key}
    is_tls = scheduler.url.startswith("tls://")
    if not is_tls and (not scheduler.url.startswith("tcp://") or any(files.values())):
        raise ConfigurationError(
            f"BANKSEG_SCHEDULER is {scheduler.url}", "tls://host:8786, or tcp://host:8786 without BANKSEG_SCHEDULER_TLS_*", "correct the setting"
        )
    unread = [f"BANKSEG_SCHEDULER_TLS_{name}" for name, path in files.items() if is_tls and (path is None or not path.is_file())]
    if unread:
        raise ConfigurationError(f"{', '.join(unread)} names no file", "authority, certificate and key as PEM files", "set them to files this process can read")


def workers(scheduler: Scheduler) -> list[Worker]:
    """The processes of the cluster, by address.

    Raises
    ------
    ServiceUnavailableError, ConfigurationError
        As `connected` says.
    """
    with connected(scheduler) as client:
        return workers_of(client)


def workers_of(client: "Client") -> list[Worker]:
    """The processes behind a connection, by address."""
    found = client.scheduler_info(n_workers=-1)["workers"]
    return [Worker(address, int(one["nthreads"]), int(one["memory_limit"] or 0)) for address, one in sorted(found.items())]


def _result(scheduler: Scheduler, future: "Future[Any]") -> Any:  # what the function returned
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    try:
        return future.result()
    except KilledWorker as error:
        raise ConfigurationError(
            f"{error.task} ended the {error.allowed_failures + 1} workers that tried it, the last one {error.last_worker.address}",
            "workers with memory for the largest bucket: twice BANKSEG_DUCKDB_MEMORY each, and one thread",
            "read the log of that worker, give workers more memory or the lake more buckets, then start the run again",
        ) from error
    except FutureCancelledError as error:  # the scheduler is gone, or has forgotten us
        raise _silent(scheduler) from error


def _silent(scheduler: Scheduler) -> ServiceUnavailableError:
    return ServiceUnavailableError(
        f"no Dask scheduler answers at {scheduler.url}",
        "the scheduler of BANKSEG_SCHEDULER to be running and reachable from here",
        "start it (docs/scale.md), correct the address, or unset BANKSEG_SCHEDULER to work on this machine",
    )


def _no_workers(scheduler: Scheduler) -> ServiceUnavailableError:
    return ServiceUnavailableError(
        f"the scheduler at {scheduler.url} has had no worker for {PATIENCE_WITHOUT_WORKERS_SECONDS} s", "one worker or more", "start workers (docs/scale.md)"
    )
