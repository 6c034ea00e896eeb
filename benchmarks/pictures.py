"""Pages that picture a whole book: each asked for first and again in one process, beside a bare grouped count of the same roll.

python benchmarks/pictures.py HOME [--json]

HOME is a bank that `benchmarks/web.py --home HOME` left. Who looks is a marketer, with the book in scope. Figures are counted once a process as long as their run is the published one.
"""

import json
import re
import time
from http import HTTPStatus
from pathlib import Path
from typing import Any

import click
import duckdb
from flask.testing import FlaskClient
from web_bank import PASSWORD

from bankseg.lake.parquet import row_count
from bankseg.services.rolls import roll_path
from bankseg.services.stamp import stamp
from bankseg.settings import Settings
from bankseg.storage.database import make_engine, reading
from bankseg.web.app import create_app

PAGES = (
    "/segments", "/segments/pictures", "/segments/attributes", "/segments/schemes/lifecycle", "/segments/rfm", "/segments/contribution", "/segments/concentration", "/segments/places",
    "/segments/fit", "/segments/positions", "/segments/two", "/segments/apart/lifecycle", "/segments/strategy/lifecycle", "/segments/birthdays", "/segments/loyal",
)  # fmt: skip
BARE = "SELECT segment, tier, count(*), sum(value_12m_minor), avg(churn) FROM read_parquet('{path}') WHERE status = 'active' GROUP BY ALL"
TIMES = 5


@click.command()
@click.argument("home", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(home: Path, *, as_json: bool) -> None:
    """Print seconds of each page, first and again, and how often the bare count fits into them."""
    settings = Settings(home=home, development=True)
    with reading(make_engine(settings.store)) as session:
        path = roll_path(settings, stamp(session).run_id)
    clients = row_count(path)
    bare = min(seconds(lambda: duckdb.connect().execute(BARE.format(path=path)).fetchall()) for _ in range(TIMES))
    browser = signed_in(create_app(settings).test_client())
    rows = []
    for page in PAGES:
        first = seconds(lambda page=page: opened(browser, page))
        again = min(seconds(lambda page=page: opened(browser, page)) for _ in range(TIMES))
        rows.append({"page": page, "first": first, "again": again, "ratio_first": first / bare, "ratio_again": again / bare})
    if as_json:
        click.echo(json.dumps({"clients": clients, "bare": bare, "pages": rows}))
        return
    click.echo(f"{clients:,} clients; a bare grouped count of the roll: {bare:.3f} s\n{'page':34} {'first':>8} {'again':>8}   times the bare count")
    for row in rows:
        click.echo(f"{row['page']:34} {row['first']:8.2f} {row['again']:8.2f}   {row['ratio_first']:.1f} and {row['ratio_again']:.1f}")


def seconds(work: Any) -> float:
    """How long something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def signed_in(browser: FlaskClient) -> FlaskClient:
    """The browser, with the marketer at it."""
    token = re.search(r'name="form_token" value="(\w+)"', browser.get("/sign-in").text)
    browser.post("/sign-in", data={"form_token": token[1] if token else "", "login": "bench.marketer", "password": PASSWORD})
    return browser


def opened(browser: FlaskClient, page: str) -> None:
    """Open a page."""
    answer = browser.get(page)
    if answer.status_code != HTTPStatus.OK:
        raise click.ClickException(f"{page} answered {answer.status_code}: is this a bank of benchmarks/web.py?")


if __name__ == "__main__":
    main()
