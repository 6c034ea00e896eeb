"""Pages and their API twins of a big bank under a real server, beside a bare query of the same rows and a bare Flask page in the same run.

python benchmarks/web.py [--from HOME] [--home FOLDER] [--clients N] [--movements-per-client M] [--filled B] [--postgres URL] [--requests R] [--people P] [--pause S] [--minutes T] [--json]

Copies a finished bank (`python3 run.py demo --no-serve` leaves one) until it has N published clients, keeps it in FOLDER, serves it by gunicorn (2 processes, 4 threads
each), and lets several people work at once: mornings, portfolios and their next pages, clients with all their pages, the risk queue, lists, segments, the API. Prints for
each page median, 95th and 99th percentile, requests a second and errors, and the growth of the server's memory. Whoever asks shares the processors with the server.
People ask without a pause, which is the most the server can do; with --pause they read each page for so many seconds on average, as people do.
With --minutes the people work at least that long while a run of the clients in the filled buckets is scored and published beside them, and until it has ended;
any error then makes the command fail.
With --postgres the store lies there behind row policies, the web and the run each with a role of its own; a database that holds the bank already is taken as it is.
"""

import json
import os
import random
import re
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
import psycopg
from flask import Flask
from sqlalchemy import make_url
from web_bank import Size, build
from web_desks import DESKS, Browser, Visit, visible_clients
from web_postgres import prepared
from web_server import PROCESSES, THREADS, cpu_seconds, sampled, served, stopped

from bankseg.lake.files import bucket_files, table_versions
from bankseg.settings import Settings

ROOT = Path(__file__).parents[1]
HELLO = "bare Flask page"
BARE_CALLS = 200
ALONE_CALLS = 20
MOST_TOLD = 5


@dataclass(slots=True)
class Measured:
    """Seconds of every answer by page, and the answers that were no success."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    first_errors: list[str] = field(default_factory=list)

    def add(self, visit: Visit) -> None:
        """Take one answer into account."""
        self.seconds.setdefault(visit.page, []).append(visit.seconds)
        self.errors[visit.page] = self.errors.get(visit.page, 0) + (visit.status != 200)
        if visit.status != 200 and len(self.first_errors) < MOST_TOLD:
            self.first_errors.append(f"{visit.page}: {visit.status} {' '.join(re.sub('<[^>]*>', ' ', visit.text).split())[:200]}")


def hello() -> Flask:
    """A page that does nothing: what the server itself costs."""
    app = Flask("hello")
    app.add_url_rule("/", "hello", lambda: "hello")
    return app


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


@dataclass(frozen=True, slots=True)
class Pace:
    """How many people work at once, and how many seconds each reads a page on average before the next."""

    people: int
    pause: float = 0.0


def worked(port: int, clients: dict[str, list[str]], pace: Pace, *, requests: int, seconds: float, beside: subprocess.Popen[bytes] | None = None) -> Measured:
    """Several people at once, each at a desk of its own, until so many requests were made or so long has passed, and whatever runs beside has ended."""
    found, until = Measured(), time.monotonic() + seconds
    people = pace.people
    browsers = [Browser(port, desk) for desk in (list(DESKS) * -(-people // len(DESKS)))[:people]]

    def work(place: int) -> list[Visit]:
        chance, visits = random.Random(place), []
        while len(visits) < requests // people and (time.monotonic() < until or (beside is not None and beside.poll() is None)):
            if pace.pause:
                time.sleep(chance.expovariate(1 / pace.pause))
            visits.append(browsers[place].visit(chance, clients))
        return visits

    with ThreadPoolExecutor(people) as pool:
        for visits in pool.map(work, range(people)):
            for visit in visits:
                found.add(visit)
    return found


def bare_queries(settings: Settings, size: Size, clients: list[str], postgres: str) -> dict[str, list[float]]:
    """The rows of a portfolio's page and of a client's movements, asked for by hand on an open connection."""
    store = (
        psycopg.connect(make_url(postgres).set(drivername="postgresql").render_as_string(hide_password=False))
        if postgres
        else sqlite3.connect(settings.home / "store.sqlite")
    )
    page = """SELECT * FROM published_client WHERE run_id = (SELECT run_id FROM current_run) AND rm_id = 'RM001' AND churn IS NOT NULL
        ORDER BY churn DESC, client_id DESC LIMIT 51"""
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


def ended(beside: subprocess.Popen[bytes]) -> dict[str, object]:
    """How the run beside ended: what it printed, or the code it failed with."""
    said, _ = beside.communicate(timeout=3600)
    return {"code": beside.returncode, **(json.loads(said) if not beside.returncode else {})}


def run_beside(settings: Settings, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A run that is scored and published meanwhile, by the command line as an operator would."""
    command = [sys.executable, "-c", "from bankseg.cli.main import main; main()", "run", "--as-of", "2025-12-31", "--json"]
    with (settings.home / "run.log").open("wb") as log:
        return subprocess.Popen(command, env=os.environ | environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)


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
@click.option(
    "--filled", default=2, show_default=True, type=click.IntRange(1, 1024), help="How many of the buckets hold facts: all of them for a run of every client."
)
@click.option("--postgres", default="", help="URL, of a superuser, of an empty database or one that holds the bank; without it SQLite keeps the store.")
@click.option("--requests", default=2000, show_default=True, type=click.IntRange(min=1))
@click.option("--people", default=4, show_default=True, type=click.IntRange(min=1), help="How many work at once.")
@click.option("--pause", default=0.0, help="Seconds that each reads a page on average before the next; none: as fast as the server answers.")
@click.option("--minutes", default=0.0, help="Work so long while a run is scored and published, and fail on any error.")
@click.option("--port", default=8799, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(  # noqa: PLR0913, PLR0917  # the options
    source: Path,
    home: Path | None,
    clients: int,
    movements: int,
    buckets: int,
    filled: int,
    postgres: str,
    requests: int,
    people: int,
    pause: float,
    minutes: float,
    port: int,
    *,
    as_json: bool,
) -> None:
    """Measure and print."""
    size = Size(clients, movements, buckets, min(filled, buckets))
    with tempfile.TemporaryDirectory(prefix="bankseg-web-") as folder:
        settings = build(source, home or Path(folder) / "bank", size)
        store = prepared(settings, postgres) if postgres else {"BANKSEG_STORE_URL": ""}
        environment = {"BANKSEG_HOME": str(settings.home), "BANKSEG_LOG_LEVEL": "ERROR", "PYTHONPATH": str(ROOT), **store}
        document = measure(settings, size, environment, Pace(people, pause), requests=requests, minutes=minutes, port=port)
    if as_json:
        print(json.dumps(document))
    else:
        told(document, size)
    ran = document["run"]
    if minutes and (document["errors"] or not isinstance(ran, dict) or ran.get("state") != "published"):
        raise click.ClickException(
            f"{document['errors']} errors, the run beside: {ran}. Expected: none, published. What to do: read run.log and web.log of the bank."
        )


def measure(settings: Settings, size: Size, environment: dict[str, str], pace: Pace, *, requests: int, minutes: float, port: int) -> dict[str, object]:
    """Everything of one run: the bare page, the bare queries, the desks, the memory before and after."""
    plain = Measured()
    server = served("web:hello()", port, environment)
    browser = Browser(port)
    for _ in range(BARE_CALLS):
        plain.add(browser.get("/", HELLO))
    stopped(server)
    bare = statistics.median(plain.seconds[HELLO])
    clients = visible_clients(settings, size)
    plain.seconds |= bare_queries(settings, size, clients["bench.manager"], environment["BANKSEG_STORE_URL"])
    server = served("bankseg.wsgi:application()", port, environment)
    try:
        worked(port, clients, Pace(pace.people), requests=max(200, requests // 10), seconds=600)  # what a process does once, it has done
        beside, start = run_beside(settings, environment) if minutes else None, time.monotonic()
        with sampled(server) as memory:
            found = worked(port, clients, pace, requests=10**9 if minutes else requests, seconds=minutes * 60 or 3600, beside=beside)
        wall = time.monotonic() - start
        cpu = {} if minutes else alone(server, port, clients)
        ran = ended(beside) if beside else None
    finally:
        stopped(server)
    return {
        "clients": size.clients, "movements": size.movements * size.clients, "store": "postgresql" if environment["BANKSEG_STORE_URL"] else "sqlite", "people": pace.people, "pause_seconds": pace.pause,
        "processes": PROCESSES, "threads": THREADS, "bare": table(plain, wall, bare, {}), "pages": table(found, wall, bare, cpu), "errors": sum(found.errors.values()), "first_errors": found.first_errors, "run": ran,
        "requests_per_second": round(sum(map(len, found.seconds.values())) / wall, 1), "seconds": round(wall), "memory_mb": {"start": memory[0], "middle": memory[len(memory) // 2], "end": memory[-1], "most": max(memory)},
    }  # fmt: skip


def told(document: dict[str, object], size: Size) -> None:
    """Print the tables."""
    filled = f"{size.filled} of {size.buckets} buckets hold facts, each as large as with all {size.clients * size.movements:,} movements"
    reading = f" who read a page for {document['pause_seconds']} s" if document["pause_seconds"] else ""
    print(
        f"{size.clients:,} published clients, store {document['store']}; {filled}; {PROCESSES} x {THREADS} threads, {document['people']} people at once{reading}"
    )
    print(f"{'':44}{'requests':>9}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'a second':>10}{'errors':>8}{'x bare page':>13}{'CPU ms alone':>14}")
    for row in [*document["bare"], *document["pages"]]:  # type: ignore[misc]  # rows of the table
        print(
            f"{row['page']:44}{row['requests']:>9}{row['p50_ms']:>9}{row['p95_ms']:>9}{row['p99_ms']:>9}{row['per_second']:>10}{row['errors']:>8}{row['of_bare_page']:>13}{row['cpu_ms'] if row['cpu_ms'] is not None else '':>14}"
        )
    print(
        f"{document['requests_per_second']} requests a second in all over {document['seconds']} s; memory of the web's processes in MB {document['memory_mb']}; {document['errors']} errors"
    )
    for error in document["first_errors"]:  # type: ignore[attr-defined]  # a list of texts
        print(error)
    if document["run"]:
        print(f"beside: {json.dumps(document['run'])[:400]}")


if __name__ == "__main__":
    main()
