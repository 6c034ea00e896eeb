"""Transactions and reads: whole or not at all, one clock, and a reader's snapshot that does not move."""

import threading
import time

import pytest
from sqlmodel import select

from bankseg.storage.database import db_now, make_engine, reading, transaction, wal_is_safe
from bankseg.storage.reachability import is_reachable
from bankseg.storage.run import Run


def a_run(key: str) -> Run:
    return Run(key=key, as_of="2025-12-31")


def keys(session) -> set[str]:
    return set(session.exec(select(Run.key)).all())


def test_the_stores_clock_counts_seconds_since_the_epoch_and_goes_on(engine):
    with reading(engine) as session:
        first = session.scalar(select(db_now()))
        later = session.scalar(select(db_now()))

    assert isinstance(first, float)
    assert abs(first - time.time()) < 5
    assert 0 <= later - first < 5


def test_the_clock_can_be_computed_with_inside_a_statement(engine):
    with transaction(engine) as session:
        session.add(Run(key="k", as_of="2025-12-31", created_at=session.scalar(select(db_now() + 90))))
        session.flush()

        assert session.exec(select(Run.key).where(Run.created_at > db_now() + 80, Run.created_at < db_now() + 91)).one() == "k"


def test_an_error_inside_a_transaction_leaves_nothing(engine):
    def fail() -> None:
        with transaction(engine) as session:
            session.add(a_run("half"))
            session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    with reading(engine) as session:
        assert keys(session) == set()


def test_rows_may_be_used_after_the_transaction(engine):
    with transaction(engine) as session:
        run = a_run("k")
        session.add(run)

    assert (run.key, run.id) == ("k", 1)


def test_what_a_reading_session_writes_is_dropped(engine):
    with reading(engine) as session:
        if engine.dialect.name == "sqlite":
            session.add(a_run("stray"))
            session.flush()
        else:
            with pytest.raises(Exception, match="read-only"):
                session.exec(a_run("stray").__table__.insert().values(a_run("stray").model_dump(exclude={"id"})))

    with reading(engine) as session:
        assert keys(session) == set()


def test_a_reader_sees_one_snapshot_while_a_writer_goes_on(engine):
    with transaction(engine) as session:
        session.add(a_run("before"))

    def write() -> None:
        with transaction(engine) as session:
            session.add(a_run("during"))

    writer = threading.Thread(target=write)
    with reading(engine) as session:
        assert keys(session) == {"before"}
        writer.start()
        if engine.dialect.name == "postgresql" or wal_is_safe():
            writer.join()  # nobody waits for the reader; with SQLite's rollback journal the writer does
        assert keys(session) == {"before"}
    writer.join()

    with reading(engine) as session:
        assert keys(session) == {"before", "during"}


@pytest.mark.two_transactions
def test_a_reader_never_sees_what_is_not_committed(engine):
    with transaction(engine) as session:
        session.add(a_run("open"))
        session.flush()
        with reading(engine) as other:
            assert keys(other) == set()


def test_writers_follow_one_another_without_losing_an_update(engine):
    with transaction(engine) as session:
        session.add(Run(key="counter", as_of="2025-12-31", n_rows=0))

    def count() -> None:
        for _ in range(10):
            with transaction(engine) as session:
                run = session.exec(select(Run).where(Run.key == "counter").with_for_update()).one()
                run.n_rows = (run.n_rows or 0) + 1

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with reading(engine) as session:
        assert session.exec(select(Run.n_rows)).one() == 30


@pytest.mark.parametrize(
    ("version", "safe"),
    [((3, 40, 1), False), ((3, 44, 6), True), ((3, 50, 6), False), ((3, 50, 7), True), ((3, 51, 2), False), ((3, 51, 3), True), ((3, 53, 0), True)],
)
def test_write_ahead_logging_is_used_only_where_it_is_safe(version, safe):
    assert wal_is_safe(version) is safe


@pytest.mark.parametrize("prefix", ["postgres://", "postgresql://", "postgresql+psycopg://"])
def test_every_spelling_of_a_postgresql_url_means_the_same_driver(prefix):
    assert make_engine(f"{prefix}someone@127.0.0.1:1/bank").url.drivername == "postgresql+psycopg"


def test_a_store_that_is_away_is_said_to_be(tmp_path):
    assert not is_reachable(make_engine("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1"))
    assert not is_reachable(make_engine(f"sqlite:///{tmp_path / 'no' / 'folder' / 'x.sqlite'}"))
