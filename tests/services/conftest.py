"""A bank of a few dozen clients, a bell nobody hears, and a way to do every queued job in this process."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from sqlmodel import col, select

from bankseg.domain.jobs import JobState, Stage
from bankseg.lake.parquet import digest_of, read_checked, write_whole
from bankseg.services import jobs, runs
from bankseg.services.bank import Bank, open_bank
from bankseg.services.runs import start_run
from bankseg.services.segment import PARTS, part_path
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import reading, transaction
from bankseg.storage.job import Job
from bankseg.storage.published_client import PublishedClient
from bankseg.storage.run import Run, current
from tests.small_lake import SmallLake

AS_OF = date(2025, 12, 31)
CLIENTS = 24


@dataclass
class Bell:
    """The queue's fake: it notes what was rung and reaches nobody."""

    rung: list[int] = field(default_factory=list)

    def ring(self, _settings: Settings, job_ids: list[int]) -> bool:
        self.rung += job_ids
        return not job_ids


@pytest.fixture
def bell(monkeypatch: pytest.MonkeyPatch) -> Bell:
    """A doorbell without a broker behind it."""
    bell = Bell()
    for room in (jobs, runs):
        monkeypatch.setattr(room, "ring", bell.ring)
    return bell


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of a few clients with accounts and balances: too little history for any target, enough for a whole run. Read only."""
    root = tmp_path_factory.mktemp("services") / "lake"
    ids = [f"C{number:02d}" for number in range(CLIENTS)]
    lake = SmallLake(root)
    lake.add(
        "clients",
        *({"client_id": client, "name": f"Client {client}", "rm_id": f"RM{place % 3}", "home_branch_id": f"B{place % 2}"} for place, client in enumerate(ids)),
    )
    lake.add("accounts", *({"account_id": f"A{client}", "client_id": client} for client in ids))
    months = [date(2025, 10, 31), date(2025, 11, 30), AS_OF]
    lake.add(
        "balances",
        *(
            {"account_id": f"A{client}", "client_id": client, "balance_on": day, "balance_minor": 1000 * place}
            for place, client in enumerate(ids)
            for day in months
        ),
    )
    return root


@pytest.fixture(scope="session")
def snapshots(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The features of that lake, computed once: runs of the same inputs share them. Read only."""
    bank = made_bank(tmp_path_factory.mktemp("snapshots") / "home", lake)
    start_run(bank, AS_OF, Stage.SNAPSHOT)
    drive(bank)
    bank.engine.dispose()
    return bank.snapshots


@pytest.fixture
def home(tmp_path: Path, snapshots: Path) -> Path:
    """A home in which the features lie already."""
    shutil.copytree(snapshots, tmp_path / "home" / "snapshots")
    return tmp_path / "home"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """An empty store of each kind; SQLite under home."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("fresh_postgres_url"))


def made_bank(home: Path, lake: Path | str, store_url: str = "", **more: object) -> Bank:
    """A bank over the shared lake with an empty store."""
    bank = open_bank(Settings(home=home, lake_url=str(lake), store_url=store_url, shards=2, lease_seconds=5, **more))
    schema.upgrade(bank.engine)
    return bank


@pytest.fixture
def bank(home: Path, lake: Path, bell: Bell) -> Iterator[Bank]:
    """The bank on SQLite."""
    bank = made_bank(home, lake)
    yield bank
    bank.engine.dispose()


@pytest.fixture
def any_bank(home: Path, lake: Path, bell: Bell, store_url: str) -> Iterator[Bank]:
    """The bank on each store."""
    bank = made_bank(home, lake, store_url)
    yield bank
    bank.engine.dispose()


@contextmanager
def published_bank(home: Path, lake: Path, *days: date, rooms: tuple[str, ...] = ("jobs", "runs")) -> Iterator[Bank]:
    """A bank with a run published for each of these days, in their order, and no bell in the rooms that ring: for the tests of one module to share."""
    with pytest.MonkeyPatch.context() as patch:
        for room in rooms:
            patch.setattr(f"bankseg.services.{room}.ring", lambda _settings, _ids: True)
        made = made_bank(home, lake)
        for day in days:
            start_run(made, day)
            drive(made)
        yield made
    made.engine.dispose()


def drive(bank: Bank, *, most: int = 200) -> list[str]:
    """Do queued jobs in this process until none is left; the keys in the order they were done."""
    done: list[str] = []
    while queued := jobs_in(bank, JobState.QUEUED):
        for job in queued:
            done.append(job.key)
            assert len(done) < most, "jobs are queued for ever"
            jobs.execute_job(bank.settings, job.id or 0, "inline")
    return done


def jobs_in(bank: Bank, *states: JobState) -> list[Job]:
    """Jobs in these states, in order; every job when none is named."""
    with reading(bank.engine) as session:
        statement = select(Job).order_by(col(Job.id))
        return list(session.exec(statement.where(col(Job.state).in_(states)) if states else statement).all())


def run_row(bank: Bank, run_id: int) -> Run:
    """A run as it stands."""
    with reading(bank.engine) as session:
        return session.get_one(Run, run_id)


def shown(bank: Bank) -> tuple[int | None, int]:
    """The run readers see and how many client rows it has."""
    with reading(bank.engine) as session:
        run = current(session)
        return (run.id, len(session.exec(select(PublishedClient.client_id).where(PublishedClient.run_id == run.id)).all())) if run else (None, 0)


def another_run(bank: Bank, run_id: int, as_of: date) -> None:
    """A second computed run with the parts of the first, waiting for its publication."""
    with transaction(bank.engine) as session:
        first = session.get_one(Run, 1)
        fields = first.model_dump(exclude={"id", "key", "as_of", "state", "n_rows", "published_at", "result_sha256"})
        run = Run(**fields, id=run_id, key=f"run {run_id}", as_of=as_of.isoformat())
        session.add(run)
        session.flush()
        session.add(Job(key=f"publish:{run_id}:all", run_id=run_id, stage=Stage.PUBLISH, state=JobState.QUEUED))
        for part in PARTS:
            table = read_checked(part_path(bank, 1, part))
            write_whole(with_column("run_id", lambda n: [run_id] * n)(table), part_path(bank, run_id, part))
        run.result_sha256 = digest_of(part_path(bank, run_id, part) for part in PARTS)


def with_column(name: str, values: Callable[[int], list[object]]) -> Callable[[pa.Table], pa.Table]:
    """A change of a table: one column replaced by these values."""
    return lambda table: table.set_column(
        table.column_names.index(name), table.schema.field(name), pa.array(values(table.num_rows), table.schema.field(name).type)
    )
