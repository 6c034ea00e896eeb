"""Starts broker, worker and web server, keeps them alive, and stops what it started."""

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bankseg.domain.errors import ServiceUnavailableError
from bankseg.embedded import process
from bankseg.embedded.broker import Broker, start_broker
from bankseg.queue import workers_answering
from bankseg.settings import Settings

WORKER_START_SECONDS = 60.0
WORKER_STOP_SECONDS = 25.0  # a job cut off here is resumed when its lease runs out
# A training peaks above the limit of a worker on its own machines; replaced after each, a child would read every feature again.
CHILD_MEMORY_KIB = 2_500_000
WEB_START_SECONDS = 60.0
WEB_STOP_SECONDS = 10.0
WEB_THREADS = 8
LOOK_SECONDS = 5.0
# Where `workers` is found when the package runs from a checkout that was never installed.
ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Services:
    """What was found or started; only what was started here is ever stopped."""

    settings: Settings
    broker: Broker
    worker: process.Child | None = None
    web: process.Child | None = None
    wants: frozenset[str] = field(default_factory=frozenset)
    _looked_at: float = 0.0

    def ensure(self) -> list[str]:
        """Start again what has died or whose owner has left; the names of what was started."""
        started = []
        if self.broker.child is not None and not self.broker.child.is_alive():
            self.broker.child = None
        if self.broker.child is None and not self.broker.is_alive():
            self.broker = start_broker(self.settings)
            started.append("broker")
        if "worker" in self.wants and not _is_alive(self.worker) and not self._is_served():
            self.worker = start_worker(self.settings)
            started.append("worker")
        if "web" in self.wants and not _is_alive(self.web):
            self.web = start_web(self.settings)
            started.append("web")
        return started

    def pause(self, seconds: float) -> None:
        """Sleep beside a wait for work, looking after the services every few seconds so that the work cannot wait for ever."""
        time.sleep(seconds)
        if time.monotonic() - self._looked_at > LOOK_SECONDS:
            self.ensure()
            self._looked_at = time.monotonic()

    def _is_served(self) -> bool:
        """Whether another's worker serves; nobody is asked on a broker of our own, where waiting for no answer takes seconds."""
        return process.is_held(_worker_lock(self.settings)) or (self.broker.child is None and bool(workers_answering(self.settings)))

    def stop(self) -> None:
        """Stop what was started here, in the order that loses nothing."""
        for child, within_seconds in ((self.web, WEB_STOP_SECONDS), (self.worker, WORKER_STOP_SECONDS)):
            if child is not None:
                child.stop(within_seconds)
        self.broker.stop()


@contextmanager
def embedded_services(settings: Settings, *, worker: bool = True, web: bool = False) -> Iterator[Services]:
    """Broker, and worker and web server if asked for, for as long as the block runs; those already alive are used and left alone."""
    services = Services(settings, start_broker(settings), wants=frozenset(name for name, wanted in (("worker", worker), ("web", web)) if wanted))
    try:
        services.ensure()
        if services.worker is not None:
            _wait_for_worker(settings, services.worker)
        if services.web is not None:
            _wait_for_web(settings, services.web)
        yield services
    finally:
        services.stop()


def worker_running(settings: Settings) -> bool:
    """Whether a worker serves this installation: one started from this home, or one that answers on the broker."""
    return process.is_held(_worker_lock(settings)) or bool(workers_answering(settings))


def start_worker(settings: Settings) -> process.Child | None:
    """Start a worker with beat inside; None when somebody was faster."""
    lock = process.hold(_worker_lock(settings))
    if lock is None:
        return None
    command = [sys.executable, "-m", "celery", "-A", "workers.app", "worker", "--beat", "--concurrency", str(settings.worker_concurrency)]
    command += ["--hostname", f"embedded-{os.getpid()}@%h", "--loglevel", settings.log_level, "--without-gossip", "--without-mingle"]
    command += ["--max-memory-per-child", str(CHILD_MEMORY_KIB)]
    with lock:
        return process.start("worker", command, _environment(settings), log=settings.home / "logs" / "worker.log", keep_open=(lock.fileno(),), cwd=ROOT)


def start_web(settings: Settings) -> process.Child:
    """Start the web server.

    Raises
    ------
    ServiceUnavailableError
        When the port is taken.
    """
    with closing(_tcp_socket(settings.host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise ServiceUnavailableError(
                f"{settings.host}:{settings.port} cannot be bound: {error.strerror}", "a free address and port", "set BANKSEG_PORT, or stop what uses it"
            ) from error
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    command = [
        sys.executable,
        "-m",
        "waitress",
        "--listen",
        f"{host}:{settings.port}",
        "--threads",
        str(WEB_THREADS),
        "--ident",
        "",
        "--call",
        "bankseg.wsgi:application",
    ]
    return process.start("web", command, _environment(settings), log=settings.home / "logs" / "web.log", cwd=ROOT)


def free_port(host: str) -> int:
    """A port that nobody uses now."""
    with closing(_tcp_socket(host)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _tcp_socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)


def _environment(settings: Settings) -> dict[str, str]:
    given = process.environment(settings)
    given["PYTHONUNBUFFERED"] = "1"
    return given


def _worker_lock(settings: Settings) -> Path:
    return settings.home / "broker" / "worker.lock"


def _wait_for_worker(settings: Settings, worker: process.Child) -> None:
    end = time.monotonic() + WORKER_START_SECONDS
    while time.monotonic() < end and worker.is_alive():
        if workers_answering(settings, within_seconds=1.0):
            return
    raise ServiceUnavailableError(f"the worker did not start: {worker.last_words()}", "a worker that answers", f"read {worker.log}")


def _wait_for_web(settings: Settings, web: process.Child) -> None:
    end = time.monotonic() + WEB_START_SECONDS
    while time.monotonic() < end and web.is_alive():
        with closing(_tcp_socket(settings.host)) as probe:
            if probe.connect_ex((_reachable(settings.host), settings.port)) == 0:
                return
        time.sleep(0.1)
    raise ServiceUnavailableError(f"the web server did not start: {web.last_words()}", "a server that accepts connections", f"read {web.log}")


def _reachable(host: str) -> str:
    """The loopback address for a server bound to every address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  # compares, binds nothing


def _is_alive(child: process.Child | None) -> bool:
    return child is not None and child.is_alive()
