"""A gunicorn that the benchmark of pages starts, and what its processes use."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import click
from web_desks import Browser

PROCESSES, THREADS = 2, 4
MEMORY_EVERY_SECONDS = 15


def served(application: str, port: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A gunicorn that answers."""
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--chdir",
        str(Path(__file__).parent),
        "--worker-class",
        "gthread",
        "--workers",
        str(PROCESSES),
        "--threads",
        str(THREADS),
    ]
    with (Path(environment["BANKSEG_HOME"]) / "web.log").open("ab") as log:
        server = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{port}", "--keep-alive", "75", "--timeout", "120", "--log-level", "error", application],
            env=os.environ | environment, stdout=log, stderr=log,
        )  # fmt: skip
    for _ in range(600):
        try:
            if Browser(port).get("/healthz" if "wsgi" in application else "/").status == 200:
                return server
        except OSError:
            time.sleep(0.1)
    server.kill()
    raise click.ClickException(
        f"{application} does not answer on port {port}. Expected: a page within a minute. What to do: start it by hand and read what it says."
    )


def memory_mb(server: subprocess.Popen[bytes]) -> float:
    """Resident memory of a server's processes, in MB."""
    workers = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="ascii").split()
    return sum(_status_kb(int(worker), "VmRSS") for worker in workers) / 1e3


def _status_kb(process: int, name: str) -> int:
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


def cpu_seconds(server: subprocess.Popen[bytes]) -> float:
    """Processor time a server's processes have used so far."""
    workers = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="ascii").split()
    parts = [Path(f"/proc/{worker}/stat").read_text(encoding="utf-8").rpartition(")")[2].split() for worker in workers]
    return sum(int(part[11]) + int(part[12]) for part in parts) / os.sysconf("SC_CLK_TCK")


@contextmanager
def sampled(server: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """The server's memory in MB, at the start, now and then, and at the end of the block."""
    found, is_over = [round(memory_mb(server))], threading.Event()

    def look() -> None:
        while not is_over.wait(MEMORY_EVERY_SECONDS):
            found.append(round(memory_mb(server)))

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield found
        finally:
            is_over.set()
            looking.result()
    found.append(round(memory_mb(server)))


def stopped(server: subprocess.Popen[bytes]) -> None:
    """End a server and wait for it."""
    server.terminate()
    server.wait(timeout=60)
