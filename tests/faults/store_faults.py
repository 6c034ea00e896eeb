"""PostgreSQL dying: its first process killed, one of its backends killed or ended, and its restart on the same data and port."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from tests.faults.crash_actions import APPLICATION
from tests.postgres import Server, _environment, _identity

WAIT_SECONDS = 300.0
# As a bank would have it: what is committed is flushed, and a server that lost a backend recovers by itself.
AS_A_BANK = {"fsync": "on", "restart_after_crash": "on"}


def until(holds: Callable[[], Any], otherwise: str) -> None:  # Any: true or not
    """Wait, and fail in words."""
    end = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)


def answers(server: Server) -> bool:
    """Whether somebody can connect."""
    try:
        psycopg.connect(_plain(server.url), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def kill_postmaster(server: Server) -> None:
    """SIGKILL PostgreSQL's first process; it is started again and recovers from its log."""
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    start_again(server)


def start_again(server: Server) -> None:
    """Start a server that ended, once what is left of it lets go of its data."""
    assert server.process is not None
    command = _as_a_bank([str(part) for part in server.process.args])  # type: ignore[union-attr]  # a list, as it was given
    folder = Path(command[command.index("-D") + 1]).parent

    def is_started() -> bool:
        if server.process is None or server.process.poll() is not None:
            with (folder / "log").open("ab") as log:
                server.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=_environment(folder), **_identity(folder)
                )
        return answers(server)

    until(is_started, "PostgreSQL does not start again")


def backends(server: Server, database: str, child: int) -> list[int]:
    """Process ids of the backends that serve a child, or when it has none at this moment, of those that serve its bank."""
    with psycopg.connect(_plain(server.url)) as connection:
        found = "select pid, application_name from pg_stat_activity where datname = %s and backend_type = 'client backend' order by pid"
        rows = connection.execute(found, [database]).fetchall()
    own = [int(pid) for pid, name in rows if name == APPLICATION.format(pid=child)]
    return own or [int(pid) for pid, _ in rows]


def kill_backend(server: Server, store_url: str, child: int, rng: random.Random) -> bool:
    """SIGKILL of one backend, after which the server ends every other and recovers; False when there was none."""
    found = backends(server, database_of(store_url), child)
    if not found:
        return False
    os.kill(rng.choice(found), signal.SIGKILL)
    until(lambda: answers(server), "PostgreSQL does not recover from a lost backend")
    return True


def end_backends(server: Server, store_url: str, child: int) -> bool:
    """What an administrator or a failover does: every connection of a child is ended; False when there was none."""
    found = backends(server, database_of(store_url), child)
    with psycopg.connect(_plain(server.url), autocommit=True) as connection:
        for pid in found:
            connection.execute("select pg_terminate_backend(%s)", [pid])
    return bool(found)


def database_of(store_url: str) -> str:
    """Name of the database in a URL."""
    return store_url.partition("?")[0].rpartition("/")[2]


def _as_a_bank(command: list[str]) -> list[str]:
    settled = [part for part in command if part.partition("=")[0] not in AS_A_BANK]
    kept = [part for part, following in zip(settled, [*settled[1:], "-c"], strict=True) if (part, following) != ("-c", "-c")]
    return [*kept, *(part for name, value in AS_A_BANK.items() for part in ("-c", f"{name}={value}"))]


def _plain(url: str) -> str:
    return url.replace("+psycopg", "")
