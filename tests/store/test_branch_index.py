"""The clients of a branch are found along an index of their own, on both stores, in the order of the list and in any other."""

import pytest
from sqlalchemy import event, text

from bankseg.domain.people import Role, Scope
from bankseg.storage import portfolio
from bankseg.storage.database import reading, transaction
from bankseg.storage.portfolio import PortfolioFilter
from bankseg.storage.published_client import PublishedClient
from bankseg.storage.run import PORTFOLIO, CurrentRun, Run

INDEX = "ix_published_client_branch"
BRANCHES, CLIENTS = 8, 400


@pytest.fixture
def book(engine):
    """Clients of several branches, published and measured."""
    with transaction(engine) as session:
        session.add(Run(id=1, key="k", as_of="2025-12-31", state="published"))
        session.flush()
        session.add(CurrentRun(kind=PORTFOLIO, run_id=1, flipped_at=0.0))
        session.add_all(
            PublishedClient(run_id=1, client_id=f"C{n:03}", kind="individual", tier="gold", segment="protect", branch_id=f"B{n % BRANCHES}", churn=n / CLIENTS)
            for n in range(CLIENTS)
        )
    with engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()
    return engine


@pytest.mark.parametrize("sort", ["-churn", "churn", "-value", "name"])
def test_a_branch_is_read_along_its_index(book, sort):
    scope = Scope.of_role(Role.BRANCH_HEAD, person_id=1, rm_id=None, branch_id="B3")
    asked = []
    event.listen(book, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
    with reading(book) as session:
        if book.dialect.name == "postgresql":
            session.connection().exec_driver_sql("SET LOCAL enable_seqscan = off")  # a table of few pages is read whole
        rows = portfolio.page(session, scope, PortfolioFilter(), sort)
        statement, parameters = next(call for call in asked if "published_client" in call[0])
        explain = "EXPLAIN QUERY PLAN " if book.dialect.name == "sqlite" else "EXPLAIN "
        plan = session.connection().exec_driver_sql(explain + statement, parameters).fetchall()

    assert {row["branch_id"] for row in rows} == {"B3"}
    assert len(rows) == CLIENTS // BRANCHES
    assert INDEX in str(plan)
