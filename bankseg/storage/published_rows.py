"""The rows of whole runs, for the jobs that load, check, count and forget them: no person asks here, so none carries a Scope."""

from typing import Any

from sqlalchemy import delete, func
from sqlmodel import Session, col, select

from bankseg.storage import client_holder, published_counts
from bankseg.storage.published_client import ProductPropensity, PublishedClient, RiskCase

PARTS: dict[str, Any] = {"clients": PublishedClient, "offers": ProductPropensity, "cases": RiskCase}  # Any: row classes
TABLES = tuple(str(table.__tablename__) for table in PARTS.values())


def count(session: Session, run_id: int, part: str = "clients") -> int:
    """Rows of a run in the store."""
    table = PARTS[part]
    return int(session.exec(select(func.count()).select_from(table).where(col(table.run_id) == run_id)).one())


def forget(session: Session, run_id: int) -> None:
    """Delete every row of a run."""
    for table in PARTS.values():
        session.connection().execute(delete(table).where(col(table.run_id) == run_id))


def show(session: Session, run_id: int) -> None:
    """Let the row policies and the counts follow the run that readers see from now on; part of the transaction that moves the pointer."""
    client_holder.follow(session, run_id)
    published_counts.keep(session, run_id)


def tiers(session: Session, run_id: int) -> list[tuple[str, str]]:
    """Client and tier of every row of a run."""
    return [(row[0], row[1]) for row in session.exec(select(PublishedClient.client_id, PublishedClient.tier).where(col(PublishedClient.run_id) == run_id))]


def sizes(session: Session, run_id: int) -> dict[str, Any]:
    """How many portfolios, clients in them, candidates by product and risk cases a run holds."""
    offers = session.exec(select(ProductPropensity.product, func.count()).where(ProductPropensity.run_id == run_id).group_by(ProductPropensity.product)).all()
    return {
        "portfolios": session.exec(select(func.count(func.distinct(PublishedClient.rm_id))).where(PublishedClient.run_id == run_id)).one(),
        "portfolio_clients": session.exec(select(func.count()).where(PublishedClient.run_id == run_id, col(PublishedClient.rm_id).is_not(None))).one(),
        "cross_sell": {product: int(found) for product, found in sorted(offers)},
        "risk_queue": count(session, run_id, "cases"),
    }
