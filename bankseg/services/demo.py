"""The demonstration: the demo bank's extracts generated, loaded through the ordinary intake, and its people given log-ins."""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bankseg.demo.bank import DemoBank, generate
from bankseg.demo.calendar import Month
from bankseg.demo.people import DEMO_PEOPLE
from bankseg.ingest.report import IngestReport
from bankseg.services.bank import Bank
from bankseg.services.ingest import ingest_directory
from bankseg.services.people import ensure_person
from bankseg.storage import run as runs
from bankseg.storage.database import reading, transaction

PASSWORD_BYTES = 9
# Small buckets cost more in files than they save in memory.
CLIENTS_PER_BUCKET, LEAST_BUCKETS = 5_000, 2


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """One log-in of the demonstration."""

    login: str
    name: str
    role: str
    password: str


def make_demo_extracts(bank: Bank, *, clients: int, months: int, seed: int, last_month_end: date, progress: Callable[[str, int, int], None]) -> DemoBank:
    """Write the demo bank's files, or find the ones already there."""
    return generate(demo_folder(bank), clients=clients, months=months, seed=seed, last_month_end=last_month_end, progress=progress)


def load_demo_extracts(bank: Bank, demo: DemoBank, *, clients: int, progress: Callable[[str, int], None]) -> IngestReport:
    """Load the files like any bank's; a second time loads nothing. A new lake gets as many buckets as the book is worth."""
    buckets = min(max(LEAST_BUCKETS, clients // CLIENTS_PER_BUCKET), bank.settings.buckets)
    return ingest_directory(bank.settings.model_copy(update={"buckets": buckets}), demo.directory, demo.mapping, progress=progress)


@dataclass(frozen=True, slots=True)
class DemoDates:
    """The as-of dates of the demonstration: the quarter before, whose models serve all three; the month before; and the last."""

    quarter_before: date
    month_before: date
    last: date


def demo_dates(last_month_end: date) -> DemoDates:
    """The three month ends.

    Examples
    --------
    >>> demo_dates(date(2025, 12, 31)).quarter_before
    datetime.date(2025, 9, 30)
    """
    last = Month(last_month_end.year, last_month_end.month)
    return DemoDates(last.later(-3).end, last.later(-1).end, last_month_end)


def published_dates(bank: Bank) -> list[date]:
    """The dates for which a run was published, latest first."""
    with reading(bank.engine) as session:
        return [date.fromisoformat(day) for day in runs.published_dates(session)]


def make_demo_people(bank: Bank) -> list[DemoLogin]:
    """Log-ins of the demonstration, under one password made for this installation."""
    password = _password(bank.settings.home / "demo-password")
    with transaction(bank.engine) as session:
        for person in DEMO_PEOPLE:
            ensure_person(session, person.login, person.name, person.role, rm_id=person.rm_id, branch_id=person.branch, password=password)
    return [DemoLogin(person.login, person.name, person.role, password) for person in DEMO_PEOPLE]


def demo_folder(bank: Bank) -> Path:
    """Where the demo bank's files lie."""
    return bank.settings.home / "demo"


def _password(path: Path) -> str:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(secrets.token_urlsafe(PASSWORD_BYTES))
    return path.read_text(encoding="utf-8").strip()
