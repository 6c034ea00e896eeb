"""Exporting a list: the filtered set of one person's scope into one file, counted and recorded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.delivery.columns import Column, Format
from bankseg.delivery.writers import Delivery
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require, sees
from bankseg.services import cross_sell_list, portfolio
from bankseg.services.risk_queue import EVERY, QueueAsked, filter_of
from bankseg.services.stamp import Stamp, stamp
from bankseg.storage import audit, cross_sell, risk_queue
from bankseg.storage import portfolio as portfolio_store
from bankseg.storage.cross_sell import CrossSellFilter
from bankseg.storage.database import reading, transaction
from bankseg.storage.portfolio import PortfolioFilter, Row

STAMP_COLUMNS = (Column("run_id", "run_id", "integer"), Column("as_of", "as_of"))
PORTFOLIO_COLUMNS = (
    Column("client_id", "client_id"), Column("name", "name"), Column("kind", "kind"), Column("branch_id", "branch_id"), Column("rm_id", "rm_id"), Column("tier", "tier"),
    Column("value_12m_minor", "value_12m", "money"), Column("value_is_approximate", "value_is_approximate", "boolean"), Column("balance_minor", "balance", "money"),
    Column("currency", "currency"), Column("churn", "churn", "number"), Column("churn_band", "churn_band"), Column("churn_target", "churn_target"),
    Column("expected_loss_minor", "expected_loss", "money"), Column("best_product", "best_product"), Column("best_propensity", "best_propensity", "number"),
    Column("best_margin_minor", "best_margin", "money"), Column("risk_band", "risk_band"), Column("is_high_risk", "is_high_risk", "boolean"), Column("segment", "segment"),
    Column("segment_reason", "segment_reason"), Column("action", "action"), Column("preferred_channel", "preferred_channel"),
    Column("last_interaction_on", "last_interaction_on"),
)  # fmt: skip
CROSS_SELL_COLUMNS = (
    Column("product", "product"), Column("client_id", "client_id"), Column("name", "name"), Column("kind", "kind"), Column("branch_id", "branch_id"), Column("rm_id", "rm_id"),
    Column("tier", "tier"), Column("segment", "segment"), Column("propensity", "propensity", "number"), Column("expected_margin_minor", "expected_margin", "money"),
    Column("currency", "currency"), Column("churn_band", "churn_band"), Column("preferred_channel", "preferred_channel"), Column("consent_purposes", "consent_purposes"),
    Column("last_interaction_on", "last_interaction_on"),
)  # fmt: skip
RISK_COLUMNS = (
    Column("client_id", "client_id"), Column("name", "name"), Column("kind", "kind"), Column("branch_id", "branch_id"), Column("rm_id", "rm_id"), Column("severity", "severity", "integer"),
    Column("stage", "stage", "integer"), Column("days_past_due", "days_past_due", "integer"), Column("exposure_minor", "exposure", "money"), Column("currency", "currency"),
    Column("risk_band", "risk_band"), Column("credit_score", "credit_score", "number"), Column("credit_source", "credit_source"), Column("triggers", "triggers"),
    Column("since", "since"), Column("due_on", "due_on"), Column("tier", "tier"), Column("segment", "segment"), Column("state", "state"), Column("again_on", "again_on"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: for lists with candidates, candidates = rows + the sum of removed."""

    path: Path
    rows: int
    run_id: int
    as_of: str
    candidates: int | None = None
    removed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be written, and how its rows and its funnel are read."""

    what: str
    columns: tuple[Column, ...]
    rows: Callable[[Session], Iterator[Row]]
    funnel: Callable[[Session], cross_sell_list.Funnel | None] = lambda _: None


def export_portfolio(
    engine: Engine, scope: Scope, found: PortfolioFilter, path: Path, *, file_format: Format = "csv", sort: str = portfolio.FIRST_SORT
) -> Exported:
    """The clients that match, in the order of the screen."""
    require(scope, Right.CLIENTS)
    key, columns = portfolio.checked_sort(scope, sort), _seen(scope, PORTFOLIO_COLUMNS)
    fields = tuple(column.field for column in columns)
    order = _Order("portfolio", columns, lambda session: portfolio_store.stream(session, scope, found, key, fields))
    return _export(engine, scope, order, path, file_format)


def export_cross_sell(engine: Engine, scope: Scope, found: CrossSellFilter, path: Path, *, file_format: Format = "csv", size: int | None = None) -> Exported:
    """A product's list with the count of what kept the other candidates off it."""
    require(scope, Right.CROSS_SELL)
    cross_sell_list.checked(found, size)
    order = _Order(
        f"cross-sell:{found.product}",
        _seen(scope, CROSS_SELL_COLUMNS),
        lambda session: cross_sell.stream(session, scope, found, size),
        lambda session: cross_sell_list.funnel(session, scope, found, size),
    )
    return _export(engine, scope, order, path, file_format)


def export_risk(engine: Engine, scope: Scope, path: Path, *, file_format: Format = "csv", asked: QueueAsked | None = None) -> Exported:
    """The review queue, gravest first; every case when nothing narrower is asked for."""
    require(scope, Right.RISK_QUEUE)
    order = _Order(
        "risk", _seen(scope, RISK_COLUMNS), lambda session: risk_queue.stream(session, scope, filter_of(session, scope, asked or QueueAsked(view=EVERY)))
    )
    return _export(engine, scope, order, path, file_format)


def _export(engine: Engine, scope: Scope, order: _Order, path: Path, file_format: Format) -> Exported:
    """Write the rows of one consistent read, then record who took what; no file without its record."""
    with reading(engine) as session:
        run, funnel = stamp(session), order.funnel(session)
        with Delivery(path, file_format, (*STAMP_COLUMNS, *order.columns)) as delivery:
            delivery.write_all(_stamped(run, order.rows(session)))
    try:
        with transaction(engine) as session:
            audit.record(session, "export", order.what, person_id=scope.person_id, rows=delivery.rows, run_id=run.run_id, format=file_format)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Exported(path, delivery.rows, run.run_id, run.as_of.isoformat(), funnel.candidates if funnel else None, dict(funnel.removed) if funnel else {})


def _stamped(run: Stamp, rows: Iterator[Row]) -> Iterator[dict[str, Any]]:
    mark = {"run_id": run.run_id, "as_of": run.as_of.isoformat()}
    return ({**row, **mark} for row in rows)


def _seen(scope: Scope, columns: tuple[Column, ...]) -> tuple[Column, ...]:
    return tuple(column for column in columns if sees(scope.role, column.field))
