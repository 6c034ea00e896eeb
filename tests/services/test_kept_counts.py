"""Counts of the published run: worked out once for a book or a branch, never given to another scope, and new with a new run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bankseg.domain.people import Role, Scope
from bankseg.services import book
from bankseg.services.kept import kept
from bankseg.storage import portfolio, published_counts, published_rows, tables
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.row_security import limited
from bankseg.storage.run import current
from tests.web import builders

WHOLE = Scope.of_role(Role.MARKETER, person_id=1, rm_id=None, branch_id="B1")
BRANCHES = [Scope.of_role(Role.BRANCH_HEAD, person_id=2, rm_id=None, branch_id=branch) for branch in ("B1", "B2")]
MANAGER = Scope.of_role(Role.RELATIONSHIP_MANAGER, person_id=3, rm_id="RM1", branch_id="B1")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{tmp_path / 'store.sqlite'}")
    tables.METADATA.create_all(engine)
    with transaction(engine) as session:
        builders.a_small_bank(session)
    yield engine
    engine.dispose()


def asked(engine: Engine, scope: Scope, value: object) -> object:
    """What is kept under one name for a scope, over a connection limited to it as a request's is."""
    with reading(limited(engine, scope)) as session:
        return kept(session, scope, "a value", lambda: value)


def test_a_book_and_a_branch_are_worked_out_once_and_a_portfolio_each_time(engine: Engine) -> None:
    assert [asked(engine, WHOLE, number) for number in (1, 2)] == [1, 1]
    assert [asked(engine, BRANCHES[0], number) for number in (3, 4)] == [3, 3]
    assert [asked(engine, MANAGER, number) for number in (5, 6)] == [5, 6]


def test_nobody_is_given_what_another_scope_was_told(engine: Engine) -> None:
    told = [asked(engine, scope, number) for number, scope in enumerate((WHOLE, *BRANCHES, MANAGER))]

    assert told == [0, 1, 2, 3]


def test_a_new_run_is_worked_out_anew(engine: Engine) -> None:
    assert asked(engine, WHOLE, "before") == "before"
    with transaction(engine) as session:
        builders.a_run(session, key="another", as_of="2026-01-31")

    assert asked(engine, WHOLE, "after") == "after"


def test_the_counts_kept_with_a_run_are_those_of_its_rows(engine: Engine) -> None:
    with transaction(engine) as session:
        run = current(session)
        published_rows.show(session, run.id)
        published_rows.show(session, run.id)

    with reading(engine) as session:
        by_hand = portfolio.cells(session, WHOLE)
        assert published_counts.read(session) == by_hand
        assert book.clients(book.cells(session, WHOLE)) == published_rows.count(session, run.id) == book.clients(by_hand)


def test_a_run_published_before_counts_were_kept_is_counted_when_asked(engine: Engine) -> None:
    with reading(engine) as session:
        assert published_counts.read(session) is None
        assert book.cells(session, WHOLE) == portfolio.cells(session, WHOLE)


def test_a_reading_asks_for_the_published_run_once_and_a_writing_each_time(engine: Engine) -> None:
    with transaction(engine) as session:
        before = current(session).id
        after = builders.a_run(session, key="another", as_of="2026-01-31").id
        session.flush()
        assert current(session).id == after != before
    with reading(engine) as session:
        assert current(session) is current(session)
