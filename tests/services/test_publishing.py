"""Publishing: one flip from the old run to the new, never a mixture, and never a run that is not what was computed."""

import shutil
import threading
from datetime import date

import pyarrow as pa
import pytest
from sqlalchemy import update
from sqlmodel import col, select

from bankseg.domain.errors import ArtefactError, NotFoundError
from bankseg.domain.jobs import JobState, RunState, Stage
from bankseg.lake.parquet import digest_of, read_checked, write_whole
from bankseg.services import publish
from bankseg.services.jobs import execute_job
from bankseg.services.publish import KEPT_RUNS, roll_back
from bankseg.services.runs import start_run
from bankseg.services.segment import PARTS, part_path
from bankseg.services.status import bank_status
from bankseg.storage import audit, published_rows
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import reading, transaction
from bankseg.storage.job import Job
from bankseg.storage.published_client import PublishedClient
from bankseg.storage.run import CurrentRun, Run, current
from tests.services.conftest import AS_OF, CLIENTS, another_run, drive, jobs_in, made_bank, run_row, shown, with_column

EARLIER = date(2025, 11, 30)


@pytest.fixture(scope="session")
def ready_home(lake, snapshots, tmp_path_factory):
    """A home whose run waits for nothing but its publication. Read only."""
    home = tmp_path_factory.mktemp("ready") / "home"
    shutil.copytree(snapshots, home / "snapshots")
    bank = made_bank(home, lake)
    start_run(bank, AS_OF, Stage.SEGMENT)
    drive(bank)
    bank.engine.dispose()
    return home


@pytest.fixture
def ready(ready_home, lake, tmp_path, bell):
    """A copy of it."""
    shutil.copytree(ready_home, tmp_path / "home")
    bank = made_bank(tmp_path / "home", lake)
    yield bank
    bank.engine.dispose()


def publish_now(bank) -> Run:
    start_run(bank, AS_OF)
    drive(bank)
    return run_row(bank, 1)


def rewrite(bank, part: str, change, *, honest: bool = True) -> None:
    """Change one part of run 1 as a slip in the segments room would: `honest` records the new digest and size."""
    path = part_path(bank, 1, part)
    write_whole(change(read_checked(path)), path)
    if honest:
        digest = digest_of(part_path(bank, 1, name) for name in PARTS)
        with transaction(bank.engine) as session:
            session.connection().execute(update(Run).values(result_sha256=digest))


def in_order(rows: list[dict]) -> list[dict]:
    return sorted(rows, key=lambda row: (row["client_id"], row.get("product")))


def test_what_was_computed_is_what_readers_see(ready):
    assert shown(ready) == (None, 0)

    run = publish_now(ready)

    assert shown(ready) == (1, CLIENTS)
    assert run.published_at is not None
    with reading(ready.engine) as session:
        for part, table in published_rows.PARTS.items():
            rows = [row.model_dump() for row in session.exec(select(table).where(table.run_id == 1))]
            assert in_order(rows) == in_order(read_checked(part_path(ready, 1, part)).select(list(table.model_fields)).to_pylist())
    status = bank_status(ready)
    assert (status["published_run"], status["clients"], sum(status["segments"].values())) == (1, CLIENTS, CLIENTS)


def test_files_that_changed_after_they_were_written_are_refused(ready):
    rewrite(ready, "clients", with_column("tier", lambda n: ["platinum"] * n), honest=False)

    run = publish_now(ready)

    assert run.state == RunState.FAILED
    assert "changed after they were written" in run.error
    assert shown(ready) == (None, 0)


@pytest.mark.parametrize("value", [float("nan"), 1.0000001])
def test_a_number_that_is_no_probability_is_refused_before_a_row_is_loaded(ready, value):
    rewrite(ready, "clients", with_column("churn", lambda n: [0.5] * (n - 1) + [value]))

    run = publish_now(ready)

    assert run.state == RunState.FAILED
    assert "churn outside [0, 1]" in run.error
    assert shown(ready) == (None, 0)


def test_the_ends_of_a_probability_and_a_missing_one_are_no_fault(ready):
    rewrite(ready, "clients", with_column("churn", lambda n: [0.0, 1.0] + [None] * (n - 2)))

    assert publish_now(ready).state == RunState.PUBLISHED


@pytest.mark.parametrize("change", [lambda table: table.slice(1), lambda table: table.slice(0, 0)], ids=["one short", "none"])
def test_a_book_with_a_hole_is_refused(ready, change):
    rewrite(ready, "clients", change)

    run = publish_now(ready)

    assert run.state == RunState.FAILED
    assert f"Expected: {CLIENTS}" in run.error
    assert shown(ready) == (None, 0)


def test_a_client_twice_in_the_files_is_never_published(ready):
    rewrite(ready, "clients", lambda table: pa.concat_tables([table.slice(1), table.slice(1, 1)]))

    run = publish_now(ready)

    assert run.state == RunState.QUARANTINED
    assert shown(ready) == (None, 0)


def test_rows_that_vanish_between_load_and_flip_are_loaded_again(ready, monkeypatch):
    append, calls = publish.append, []

    def loses_a_row(engine, table, rows):
        calls.append(table)
        return append(engine, table, rows.slice(1) if calls == [table] else rows)

    monkeypatch.setattr(publish, "append", loses_a_row)
    run = publish_now(ready)

    assert run.state == RunState.PUBLISHED
    assert shown(ready) == (1, CLIENTS)
    assert [job.attempt for job in jobs_in(ready) if job.stage == Stage.PUBLISH] == [2]


def test_rows_left_by_a_publication_that_died_are_replaced(ready):
    publish.append(ready.engine, "published_client", read_checked(part_path(ready, 1, "clients")).slice(0, 5))

    assert publish_now(ready).state == RunState.PUBLISHED

    assert shown(ready) == (1, CLIENTS)


def test_a_run_that_is_published_already_is_not_published_again(ready):
    publish_now(ready)
    with transaction(ready.engine) as session:
        session.connection().execute(update(Job).where(col(Job.stage) == Stage.PUBLISH).values(state=JobState.QUEUED))

    drive(ready)

    assert jobs_in(ready)[-1].result == {"clients": CLIENTS, "already": True}
    with reading(ready.engine) as session:
        assert [entry.action for entry in session.exec(select(AuditEntry))].count("run_published") == 1


def test_a_later_date_takes_over_and_an_earlier_one_never_hides_it(ready):
    publish_now(ready)
    another_run(ready, 2, EARLIER)
    drive(ready)
    assert run_row(ready, 2).state == RunState.PUBLISHED
    assert shown(ready) == (1, CLIENTS)

    another_run(ready, 3, date(2026, 1, 31))
    drive(ready)
    assert shown(ready) == (3, CLIENTS)

    another_run(ready, 4, AS_OF)
    drive(ready)
    assert shown(ready) == (3, CLIENTS)


def test_the_same_date_computed_again_takes_over(ready):
    publish_now(ready)
    another_run(ready, 2, AS_OF)

    drive(ready)

    assert shown(ready) == (2, CLIENTS)


def test_rolling_back_shows_the_earlier_run_at_once_and_is_audited(ready):
    publish_now(ready)
    another_run(ready, 2, date(2026, 1, 31))
    drive(ready)
    assert shown(ready) == (2, CLIENTS)

    roll_back(ready, 1, person_id=7, reason="wrong rates in run 2")

    assert shown(ready) == (1, CLIENTS)
    with reading(ready.engine) as session:
        entry = session.exec(select(AuditEntry).where(AuditEntry.action == "run_rolled_back")).one()
        assert (entry.person_id, entry.subject) == (7, "run 1")
        assert entry.details == {"from_run": 2, "reason": "wrong rates in run 2"}
        assert audit.first_broken(session) is None


def test_a_run_that_cannot_be_shown_is_no_place_to_go_back_to(ready):
    with pytest.raises(NotFoundError):
        roll_back(ready, 1, person_id=None, reason="nothing is published")
    publish_now(ready)
    another_run(ready, 2, date(2026, 1, 31))
    for run_id in (2, 99):
        with pytest.raises(NotFoundError, match="never published"):
            roll_back(ready, run_id, person_id=None, reason="not published")
    drive(ready)
    with transaction(ready.engine) as session:
        session.connection().execute(PublishedClient.__table__.delete().where(PublishedClient.__table__.c.run_id == 1))

    with pytest.raises(NotFoundError, match="no longer kept"):
        roll_back(ready, 1, person_id=None, reason="its rows are gone")

    assert shown(ready) == (2, CLIENTS)


def test_old_runs_are_forgotten_but_never_the_one_readers_see(ready):
    publish_now(ready)
    for run_id in range(2, KEPT_RUNS + 3):
        another_run(ready, run_id, EARLIER)  # each for an earlier date, so run 1 stays in view
        drive(ready)

    with reading(ready.engine) as session:
        kept = set(session.exec(select(PublishedClient.run_id).distinct()).all())
    assert kept == {1, *range(3, KEPT_RUNS + 3)}
    assert shown(ready) == (1, CLIENTS)


def test_readers_see_the_old_run_or_the_new_while_runs_are_published(any_bank):
    start_run(any_bank, AS_OF)
    drive(any_bank)
    over, seen, failures = threading.Event(), set(), []

    def read_on() -> None:
        while not over.is_set():
            try:
                with reading(any_bank.engine) as session:
                    run = current(session)
                    rows = session.exec(select(PublishedClient.run_id).join(CurrentRun, col(CurrentRun.run_id) == col(PublishedClient.run_id))).all()
                seen.add((run.id, run.state, run.n_rows, tuple(sorted(set(rows))), len(rows)))
            except Exception as error:  # noqa: BLE001  # whatever it is, the test says it
                failures.append(error)

    readers = [threading.Thread(target=read_on) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for run_id in range(2, 7):
            another_run(any_bank, run_id, AS_OF)
            drive(any_bank)
    finally:
        over.set()
        for reader in readers:
            reader.join()

    assert failures == []
    assert seen <= {(run_id, RunState.PUBLISHED, CLIENTS, (run_id,), CLIENTS) for run_id in range(1, 7)}
    assert shown(any_bank) == (6, CLIENTS)


def test_two_publications_at_the_same_moment_leave_the_later_one_in_view(any_bank):
    start_run(any_bank, AS_OF, Stage.SEGMENT)
    drive(any_bank)
    for run_id in (2, 3, 4):
        another_run(any_bank, run_id, AS_OF)
    waiting = jobs_in(any_bank, JobState.QUEUED)
    threads = [threading.Thread(target=execute_job, args=(any_bank.settings, job.id, "w")) for job in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    drive(any_bank)  # the first flip of all may have been lost to another: it is tried again

    assert shown(any_bank) == (4, CLIENTS)
    assert {run_row(any_bank, run_id).state for run_id in (2, 3, 4)} == {RunState.PUBLISHED}
    with reading(any_bank.engine) as session:
        assert audit.first_broken(session) is None


def test_a_worker_frozen_in_the_middle_of_publishing_changes_nothing_when_it_thaws(ready, monkeypatch):
    """Its lease ran out between load and flip, and another worker published in the meantime."""
    start_run(ready, AS_OF)
    job_id = jobs_in(ready, JobState.QUEUED)[0].id
    append, frozen = publish.append, []

    def freezes(engine, table, rows):
        if table == "product_propensity" and not frozen:
            frozen.append(table)
            with transaction(ready.engine) as session:
                session.connection().execute(update(Job).where(col(Job.id) == job_id).values(lease_until=1.0))
            execute_job(ready.settings, job_id, "second")
        return append(engine, table, rows)

    monkeypatch.setattr(publish, "append", freezes)
    execute_job(ready.settings, job_id, "first")

    job = jobs_in(ready)[-1]
    assert (job.state, job.worker, job.attempt) == (JobState.DONE, "second", 2)
    assert shown(ready) == (1, CLIENTS)
    with reading(ready.engine) as session:
        assert [entry.action for entry in session.exec(select(AuditEntry))] == ["run_started", "run_published"]


def test_a_damaged_file_is_an_error_with_a_remedy_and_no_stack_trace(tmp_path):
    path = tmp_path / "clients.parquet"
    write_whole(pa.table({"client_id": [str(number) for number in range(5000)]}), path)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)

    with pytest.raises(ArtefactError, match="What to do"):
        read_checked(path)
