"""An upgrade beside the previous release: its columns are read and written before, while and after the newest revision comes."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, MetaData, Table, select

from bankseg.domain.errors import ServiceUnavailableError
from bankseg.domain.jobs import JobState
from bankseg.services.bank import open_bank
from bankseg.services.jobs import claim_job
from bankseg.settings import Settings
from bankseg.storage import schema
from bankseg.storage.database import make_engine, transaction
from bankseg.storage.job import Job
from bankseg.storage.revisions import known_revisions, newest_revision, suits
from bankseg.storage.run import Run

PREVIOUS = known_revisions()[-2]
LONGEST_WAIT_SECONDS = 60


@pytest.fixture
def before(fresh_postgres_url: str) -> Iterator[Engine]:
    """A store as the previous revision left it."""
    engine = make_engine(fresh_postgres_url)
    schema.upgrade(engine, PREVIOUS)
    yield engine
    engine.dispose()


def tables_of(engine: Engine) -> MetaData:
    """The tables as whoever looks now knows them."""
    known = MetaData()
    known.reflect(engine)
    return known


def a_row(table: Table, number: int) -> dict[str, object]:
    """Something in every column that must hold something, unlike the row of another number."""
    values = {"INTEGER": number, "BIGINT": number, "DOUBLE PRECISION": float(number), "JSON": {}, "BOOLEAN": False}
    return {column.name: values.get(str(column.type), str(number)) for column in table.columns if not column.nullable}


def write_and_read(engine: Engine, known: MetaData, number: int) -> None:
    """One row into a table that work writes all the time, with the columns that release knows, and back."""
    run, job = known.tables["run"], known.tables["job"]
    with engine.begin() as connection:
        connection.execute(run.insert().values(**(a_row(run, number) | {"state": "running"})))
        connection.execute(job.insert().values(**(a_row(job, number) | {"state": "queued", "run_id": number})))
        assert connection.execute(select(job).where(job.c.id == number)).mappings().one()["run_id"] == number


def test_the_previous_release_reads_and_writes_while_the_newest_revision_comes(before):
    known, done, failed = tables_of(before), threading.Event(), []
    write_and_read(before, known, 1)

    def work() -> None:
        number = 2
        try:
            while not done.is_set():
                write_and_read(before, known, number)
                number += 1
        except Exception as error:  # noqa: BLE001  # told by the assertion below
            failed.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        schema.upgrade(before)
    finally:
        done.set()
        worker.join(LONGEST_WAIT_SECONDS)

    assert failed == []
    write_and_read(before, known, 1_000_000)
    assert schema.revision(before) == newest_revision()


def test_the_newest_revision_takes_nothing_away_and_asks_nothing_of_those_who_do_not_know_it(before):
    known = tables_of(before)

    schema.upgrade(before)

    now = tables_of(before)
    for name, table in known.tables.items():
        assert set(table.columns.keys()) <= set(now.tables[name].columns.keys()), name
        added = [column for column in now.tables[name].columns if column.name not in table.columns]
        assert [column.name for column in added if not column.nullable and column.server_default is None] == [], name
        for column in table.columns:
            assert now.tables[name].columns[column.name].nullable >= column.nullable, (name, column.name)


@pytest.mark.two_transactions
def test_an_upgrade_gives_up_a_lock_it_cannot_have_and_asks_again(before):
    held, pauses = before.connect(), []
    held.exec_driver_sql("LOCK TABLE job IN ACCESS EXCLUSIVE MODE")
    held.exec_driver_sql("LOCK TABLE person IN ACCESS EXCLUSIVE MODE")
    held.exec_driver_sql("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")

    def leave(seconds: float) -> None:
        pauses.append(seconds)
        held.rollback()

    schema.upgrade(before, pause=leave)

    held.close()
    assert pauses == [schema.PAUSE_SECONDS]
    assert schema.revision(before) == newest_revision()


@pytest.mark.two_transactions
def test_an_upgrade_that_never_gets_its_lock_says_so_and_changes_nothing(before, monkeypatch):
    monkeypatch.setattr(schema, "ATTEMPTS", 1)
    with before.connect() as held:
        held.exec_driver_sql("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(ServiceUnavailableError, match="in use"):
            schema.upgrade(before)

    assert schema.revision(before) == PREVIOUS


def test_a_worker_leaves_jobs_queued_that_a_later_release_planned_or_whose_stage_it_does_not_know(tmp_path):
    bank = open_bank(Settings(home=tmp_path))
    schema.upgrade(bank.engine)
    with transaction(bank.engine) as session:
        run = Run(key="r", as_of="2025-12-31")
        session.add(run)
        session.flush()
        jobs = [
            Job(key="ours", stage="score", run_id=run.id, state=JobState.QUEUED),
            Job(key="earlier", stage="score", run_id=run.id, state=JobState.QUEUED, planned_at_revision=None),
            Job(key="later", stage="score", run_id=run.id, state=JobState.QUEUED, planned_at_revision="9999"),
            Job(key="unknown", stage="divine", run_id=run.id, state=JobState.QUEUED),
        ]
        session.add_all(jobs)
    taken = {job.key for job in jobs if claim_job(bank, job.id or 0, "w") is not None}
    with transaction(bank.engine) as session:
        left = {job.key: (job.state, job.attempt) for job in map(session.get_one, [Job] * 4, [job.id for job in jobs]) if job.key not in taken}
    bank.engine.dispose()

    assert taken == {"ours", "earlier"}
    assert left == {"later": ("queued", 0), "unknown": ("queued", 0)}


def test_a_worker_of_this_release_waits_until_the_store_is_upgraded_and_works_on_a_later_one():
    assert suits(newest_revision())
    assert suits("9999")
    assert not suits(PREVIOUS)
    assert not suits(None)
