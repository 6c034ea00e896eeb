"""Pages and their API twins of a big bank under a real server, beside a bare query of the same rows and a bare Flask page in the same run.

python benchmarks/web.py [--from HOME] [--home FOLDER] [--clients N] [--movements-per-client M] [--postgres URL] [--requests R] [--minutes T] [--json]

Copies a finished bank (`python3 run.py demo --no-serve` leaves one) until it has N published clients, keeps it in FOLDER, serves it by gunicorn (2 processes, 4 threads
each), and lets several people work at once: mornings, portfolios and their next pages, clients with all their pages, the risk queue, lists, segments, the API. Prints for
each page median, 95th and 99th percentile, requests a second and errors, and the growth of the server's memory. Whoever asks shares the processors with the server.
With --minutes the people work that long while a run is scored and published beside them; any error then makes the command fail.
"""

import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import click
import duckdb
from flask import Flask
from web_bank import Size, build, copy_to_postgresql
from web_desks import DESKS, Browser, Visit, visible_clients

from bankseg.lake.files import bucket_files, table_versions
from bankseg.settings import Settings

ROOT = Path(__file__).parents[1]
PROCESSES, THREADS = 2, 4
HELLO = "bare Flask page"
BARE_CALLS = 200
ALONE_CALLS = 20


@dataclass(slots=True)
class Measured:
    """Seconds of every answer by page, and the answers that were no success."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)

    def add(self, visit: Visit) -> None:
        """Take one answer into account."""
        self.seconds.setdefault(visit.page, []).append(visit.seconds)
        self.errors[visit.page] = self.errors.get(visit.page, 0) + (visit.status != 200)


def hello() -> Flask:
    """A page that does nothing: what the server itself costs."""
    app = Flask("hello")
    app.add_url_rule("/", "hello", lambda: "hello")
    return app


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
    server = subprocess.Popen(
        [*command, "--bind", f"127.0.0.1:{port}", "--keep-alive", "75", "--timeout", "120", "--log-level", "error", application],
        env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
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


def alone(server: subprocess.Popen[bytes], port: int, clients: dict[str, list[str]]) -> dict[str, float]:
    """Milliseconds of processor time a page costs the server, each asked for one after the other by one person: a figure that other work does not move."""
    found = {}
    for login, desk in DESKS.items():
        browser, chance = Browser(port, login), random.Random(7)
        for drawn in desk:
            start = cpu_seconds(server)
            pages = [browser.visit(chance, clients, drawn).page for _ in range(ALONE_CALLS)]
            found[pages[-1]] = round(1000 * (cpu_seconds(server) - start) / ALONE_CALLS, 1)
    return found


def worked(port: int, clients: dict[str, list[str]], *, requests: int, seconds: float, people: int) -> Measured:
    """Several people at once, each at a desk of its own, until so many requests were made or so long has passed."""
    found, until = Measured(), time.monotonic() + seconds
    browsers = [Browser(port, desk) for desk in list(DESKS) * -(-people // len(DESKS))][:people]

    def work(place: int) -> list[Visit]:
        chance, visits = random.Random(place), []
        while len(visits) < requests // people and time.monotonic() < until:
            visits.append(browsers[place].visit(chance, clients))
        return visits

    with ThreadPoolExecutor(people) as pool:
        for visits in pool.map(work, range(people)):
            for visit in visits:
                found.add(visit)
    return found


def bare_queries(settings: Settings, size: Size, clients: list[str]) -> dict[str, list[float]]:
    """The rows of a portfolio's page and of a client's movements, asked for by hand on an open connection."""
    store = sqlite3.connect(settings.home / "store.sqlite")
    page = "SELECT * FROM published_client WHERE run_id = (SELECT run_id FROM current_run) AND rm_id = 'RM001' ORDER BY churn DESC, client_id DESC LIMIT 51"
    lake = settings.lake
    paths = [path for bucket in range(size.filled) for path in bucket_files(lake, "transactions", table_versions(lake)["transactions"])[bucket]]
    columns = duckdb.connect(config={"threads": 1})
    moved = "SELECT booked_on, type, amount_minor FROM read_parquet($paths) WHERE client_id = $client AND booked_on > DATE '2024-12-31' ORDER BY booked_on DESC"
    chance = random.Random(0)
    return {
        "bare SQL, 51 rows of a portfolio": _timed(lambda: store.execute(page).fetchall()),
        "bare SQL, a client's movements in Parquet": _timed(lambda: columns.execute(moved, {"paths": paths, "client": chance.choice(clients)}).fetchall()),
    }


def _timed(call: Callable[[], object]) -> list[float]:
    seconds = []
    for _ in range(BARE_CALLS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


def table(found: Measured, wall: float, plain: float, cpu: Mapping[str, float]) -> list[dict[str, object]]:
    """A row a page: milliseconds, share of the traffic, errors, and its median beside the bare page's."""
    rows: list[dict[str, object]] = []
    for page, seconds in sorted(found.seconds.items()):
        ordered = sorted(seconds)
        at = {f"p{percent}_ms": round(1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)], 1) for percent in (50, 95, 99)}
        rate, errors = round(len(ordered) / wall, 2), found.errors.get(page, 0)
        ratio = round(statistics.median(ordered) / plain, 1)
        rows.append({"page": page, "requests": len(ordered), **at, "per_second": rate, "errors": errors, "of_bare_page": ratio, "cpu_ms": cpu.get(page)})
    return rows


def run_beside(settings: Settings, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A run that is scored and published meanwhile, by the command line as an operator would."""
    command = [sys.executable, "-c", "from bankseg.cli.main import main; main()", "run", "--as-of", "2025-12-31", "--json"]
    log = (settings.home / "run.log").open("wb")
    return subprocess.Popen(command, env=os.environ | environment, cwd=ROOT, stdout=log, stderr=log)


@click.command()
@click.option("--from", "source", default=ROOT / "var", show_default="var", type=click.Path(path_type=Path, file_okay=False), help="A finished bank to copy.")
@click.option(
    "--home", default=None, type=click.Path(path_type=Path, file_okay=False), help="Folder that keeps the big bank; default: one that is gone afterwards."
)
@click.option("--clients", default=100_000, show_default=True, type=click.IntRange(min=1000))
@click.option("--movements-per-client", "movements", default=100, show_default=True, type=click.IntRange(min=1))
@click.option(
    "--buckets", default=16, show_default=True, type=click.IntRange(1, 1024), help="Buckets of the lake; two of them hold facts, each as large as if all did."
)
@click.option("--postgres", default="", help="URL of an empty PostgreSQL database to keep the store in; without it SQLite does.")
@click.option("--requests", default=2000, show_default=True, type=click.IntRange(min=1))
@click.option("--people", default=4, show_default=True, type=click.IntRange(min=1), help="How many work at once.")
@click.option("--minutes", default=0.0, help="Work so long while a run is scored and published, and fail on any error.")
@click.option("--port", default=8799, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(  # noqa: PLR0913, PLR0917  # the options
    source: Path,
    home: Path | None,
    clients: int,
    movements: int,
    buckets: int,
    postgres: str,
    requests: int,
    people: int,
    minutes: float,
    port: int,
    *,
    as_json: bool,
) -> None:
    """Measure and print."""
    size = Size(clients, movements, buckets, min(2, buckets))
    with tempfile.TemporaryDirectory(prefix="bankseg-web-") as folder:
        settings = build(source, home or Path(folder) / "bank", size)
        environment = {"BANKSEG_HOME": str(settings.home), "BANKSEG_STORE_URL": postgres, "BANKSEG_LOG_LEVEL": "ERROR", "PYTHONPATH": str(ROOT)}
        if postgres:
            copy_to_postgresql(settings, postgres)
        document = measure(settings, size, environment, requests=requests, people=people, minutes=minutes, port=port)
    if as_json:
        print(json.dumps(document))
    else:
        told(document, size)
    if minutes and (document["errors"] or document["run"]):
        raise click.ClickException(f"{document['errors']} errors, run ended with {document['run']}. Expected: none, 0. What to do: read run.log of the bank.")


def measure(settings: Settings, size: Size, environment: dict[str, str], *, requests: int, people: int, minutes: float, port: int) -> dict[str, object]:
    """Everything of one run: the bare page, the bare queries, the desks, the memory before and after."""
    plain = Measured()
    server = served("web:hello()", port, environment)
    browser = Browser(port)
    for _ in range(BARE_CALLS):
        plain.add(browser.get("/", HELLO))
    _ended(server)
    bare = statistics.median(plain.seconds[HELLO])
    clients = visible_clients(settings, size)
    plain.seconds |= bare_queries(settings, size, clients["bench.manager"])
    server = served("bankseg.wsgi:application()", port, environment)
    try:
        worked(port, clients, requests=max(200, requests // 10), seconds=600, people=people)  # what a process does once, it has done
        before, start = memory_mb(server), time.monotonic()
        beside = run_beside(settings, environment) if minutes else None
        found = worked(port, clients, requests=10**9 if minutes else requests, seconds=minutes * 60 or 3600, people=people)
        wall, after = time.monotonic() - start, memory_mb(server)
        cpu = {} if minutes else alone(server, port, clients)
        ended = beside.wait(timeout=3600) if beside else 0
    finally:
        _ended(server)
    return {
        "clients": size.clients, "movements": size.movements * size.clients, "store": "postgresql" if environment["BANKSEG_STORE_URL"] else "sqlite", "people": people,
        "processes": PROCESSES, "threads": THREADS, "bare": table(plain, wall, bare, {}), "pages": table(found, wall, bare, cpu), "errors": sum(found.errors.values()), "run": ended,
        "requests_per_second": round(sum(map(len, found.seconds.values())) / wall, 1), "memory_mb_before": round(before), "memory_mb_after": round(after),
    }  # fmt: skip


def _ended(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    server.wait(timeout=60)


def told(document: dict[str, object], size: Size) -> None:
    """Print the tables."""
    filled = f"{size.filled} of {size.buckets} buckets hold facts, each as large as with all {size.clients * size.movements:,} movements"
    print(f"{size.clients:,} published clients, store {document['store']}; {filled}; {PROCESSES} x {THREADS} threads, {document['people']} people at once")
    print(f"{'':44}{'requests':>9}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'a second':>10}{'errors':>8}{'x bare page':>13}{'CPU ms alone':>14}")
    for row in [*document["bare"], *document["pages"]]:  # type: ignore[misc]  # rows of the table
        print(
            f"{row['page']:44}{row['requests']:>9}{row['p50_ms']:>9}{row['p95_ms']:>9}{row['p99_ms']:>9}{row['per_second']:>10}{row['errors']:>8}{row['of_bare_page']:>13}{row['cpu_ms'] if row['cpu_ms'] is not None else '':>14}"
        )
    print(
        f"{document['requests_per_second']} requests a second in all; memory {document['memory_mb_before']} MB before, {document['memory_mb_after']} MB after; {document['errors']} errors"
    )


if __name__ == "__main__":
    main()
