"""Counts of the published run: worked out once for a book or a branch, never given to another scope, and new with a new run."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete
from sqlmodel import Session, col, select

from bankseg.domain.people import Role, Scope
from bankseg.services import book, cross_sell_list
from bankseg.services import portfolio as portfolio_desk
from bankseg.services.cross_sell_list import Funnel
from bankseg.services.kept import kept
from bankseg.storage import client_erasure, client_objection, portfolio, published_counts, published_rows, tables
from bankseg.storage.client_objection import OBJECTED
from bankseg.storage.cross_sell import TOO_UNLIKELY, CrossSellFilter
from bankseg.storage.database import make_engine, reading, transaction
from bankseg.storage.portfolio import PortfolioFilter
from bankseg.storage.published_client import ProductPropensity, PublishedClient
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


def asked_of_the_list(session: Session) -> list[object]:
    """Everything a marketer's list counts, at every kind of cut."""
    cuts = [CrossSellFilter("life_insurance", least) for least in (0.0, 0.05, 0.2, 0.9)]
    return [cross_sell_list.products(session, WHOLE)[1], *(cross_sell_list.funnel(session, WHOLE, found) for found in cuts)]


def by_hand(session: Session) -> list[object]:
    """The same from the rows alone, as they are at this moment."""
    rows = session.exec(select(ProductPropensity).where(ProductPropensity.run_id == current(session).id)).all()
    hidden, objecting = set(client_erasure.hidden(session)), set(client_objection.standing(session))
    rows = [(row, OBJECTED if row.client_id in objecting else row.excluded_by) for row in rows if row.client_id not in hidden]
    products = [{
        "product": name, "candidates": sum(row.product == name for row, _ in rows), "free": sum(row.product == name and cause is None for row, cause in rows),
        "expected_sales": pytest.approx(sum(row.propensity for row, _ in rows if row.product == name)),
    } for name in sorted({row.product for row, _ in rows})]  # fmt: skip
    funnels = []
    for least in (0.0, 0.05, 0.2, 0.9):
        causes = Counter(cause if cause == OBJECTED or row.propensity >= least else TOO_UNLIKELY for row, cause in rows if row.product == "life_insurance")
        funnels.append(Funnel(sum(causes.values()), {cause: count for cause, count in causes.items() if cause}, causes[None]))
    return [products, *funnels]


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_list_counts_from_what_was_kept_as_from_its_rows_whoever_objects_or_is_being_erased(engine: Engine, *, is_kept: bool) -> None:
    builders.staff(engine)
    with transaction(engine) as session:
        if is_kept:
            published_rows.show(session, current(session).id)
        erasure_id = builders.an_erasure(session).id
    changes = (
        [],
        [client_objection.ClientObjection(client_id="C1", recorded_at=1.0)],
        [client_erasure.ErasureSubject(erasure_id=erasure_id, subject="C1", is_hidden=True)],
        [client_objection.ClientObjection(client_id="C2", recorded_at=2.0)],
    )
    for changed in changes:
        with transaction(engine) as session:
            session.add_all(changed)
        with reading(engine) as session:
            assert asked_of_the_list(session) == by_hand(session)
            assert (published_counts.offers(session) is not None) == is_kept


def test_rows_that_an_erasure_removed_are_counted_again(engine: Engine) -> None:
    with transaction(engine) as session:
        published_rows.show(session, current(session).id)
    with reading(engine) as session:
        before = asked_of_the_list(session)
        assert portfolio_desk.portfolio_page(session, WHOLE, PortfolioFilter()).choices["branch"] == ["B1", "B2"]
    with transaction(engine) as session:
        for table in (ProductPropensity, PublishedClient):
            session.exec(delete(table).where(col(table.client_id) == "C3"))
        published_counts.count_again(session)

    with reading(engine) as session:
        assert asked_of_the_list(session) == by_hand(session) != before
        assert book.clients(book.cells(session, WHOLE)) == 3
        assert portfolio_desk.portfolio_page(session, WHOLE, PortfolioFilter()).choices["branch"] == ["B1"]


def test_a_reading_asks_for_the_published_run_once_and_a_writing_each_time(engine: Engine) -> None:
    with transaction(engine) as session:
        before = current(session).id
        after = builders.a_run(session, key="another", as_of="2026-01-31").id
        session.flush()
        assert current(session).id == after != before
    with reading(engine) as session:
        assert current(session) is current(session)
