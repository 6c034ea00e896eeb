"""The audit chain: it verifies, it grows under contention, and a changed, removed or slipped-in entry shows."""

import threading

import pytest
from sqlalchemy import delete, insert, update
from sqlmodel import col, select

from bankseg.storage import audit
from bankseg.storage.audit import AuditEntry
from bankseg.storage.database import reading, transaction


@pytest.fixture
def chained(engine):
    """Five entries, each in a transaction of its own."""
    for number in range(1, 6):
        with transaction(engine) as session:
            audit.record(session, "run_started", f"run {number}", person_id=number, share=0.1 * number, words="é 名", nested={"b": [1, None], "a": True})
    return engine


def first_broken(engine) -> int | None:
    with reading(engine) as session:
        return audit.first_broken(session)


def tamper(engine, statement) -> None:
    with transaction(engine) as session:
        session.connection().execute(statement)


def test_an_untouched_chain_verifies_on_both_stores(chained):
    assert first_broken(chained) is None


def test_an_empty_chain_verifies(engine):
    assert first_broken(engine) is None


@pytest.mark.parametrize(
    "change",
    [{"action": "run_published"}, {"subject": "run 9"}, {"person_id": None}, {"details": {}}, {"at": 1.0}, {"chain": "0" * 64}],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_entry_shows(chained, change):
    tamper(chained, update(AuditEntry).where(col(AuditEntry.id) == 3).values(**change))

    assert first_broken(chained) == 3


def test_a_removed_entry_shows_at_the_one_after_it(chained):
    tamper(chained, delete(AuditEntry).where(col(AuditEntry.id) == 2))

    assert first_broken(chained) == 3


def test_a_slipped_in_entry_shows(chained):
    with reading(chained) as session:
        last = session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(1)).one()

    tamper(chained, insert(AuditEntry).values(id=6, at=last.at, action="run_rolled_back", subject="run 1", details={}, chain=last.chain))

    assert first_broken(chained) == 6


def test_an_entry_is_dropped_with_the_change_it_describes(chained):
    def fail() -> None:
        with transaction(chained) as session:
            audit.record(session, "never", "happened")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    with reading(chained) as session:
        assert session.exec(select(AuditEntry).where(AuditEntry.action == "never")).all() == []
    assert first_broken(chained) is None


def test_writers_at_the_same_time_make_one_chain(engine):
    def write(name: str) -> None:
        for number in range(8):
            with transaction(engine) as session:
                audit.record(session, "noted", f"{name} {number}")

    threads = [threading.Thread(target=write, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert first_broken(engine) is None
    with reading(engine) as session:
        assert len(session.exec(select(AuditEntry.id)).all()) == 24
