"""The audit trail as those who watch over the service read it: who did what when, newest first, and whether the chain holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.delivery.columns import Column, Format
from bankseg.delivery.writers import Delivery
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.storage import audit
from bankseg.storage.audit import AuditEntry, AuditFilter
from bankseg.storage.database import reading, transaction

ROWS_A_PAGE = 100
COLUMNS = (
    Column("id", "id", "integer"), Column("at", "at"), Column("login", "login"), Column("action", "action"), Column("subject", "subject"),
    Column("details", "details"), Column("chain", "chain"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AuditPage:
    """One page of the trail. `rows`: entries with the login of who acted, null for the service itself; `first_broken`: see `storage.audit`. `Any`: JSON."""

    rows: list[dict[str, Any]]
    next_before: int | None
    actions: list[str]
    entries: int
    is_checked: bool
    first_broken: int | None


def audit_page(session: Session, scope: Scope, asked: AuditFilter, before: int | None = None, *, check: bool = False) -> AuditPage:
    """Entries that match, newest first, from below an id; `check` verifies the whole chain, which reads every entry."""
    require(scope, Right.AUDIT)
    found = audit.entries(session, asked, before=before, most=ROWS_A_PAGE + 1)
    rows = [_row(entry, login) for entry, login in found[:ROWS_A_PAGE]]
    following = rows[-1]["id"] if len(found) > ROWS_A_PAGE else None
    return AuditPage(rows, following, audit.actions(session), audit.count(session), check, audit.first_broken(session) if check else None)


@dataclass(frozen=True, slots=True)
class TrailFile:
    """A file of entries, and the day it was taken (UTC)."""

    rows: int
    as_of: str


def export_audit(engine: Engine, scope: Scope, asked: AuditFilter, path: Path, *, file_format: Format = "csv") -> TrailFile:
    """Write every matching entry, newest first, and record who took it."""
    require(scope, Right.AUDIT)
    with reading(engine) as session, Delivery(path, file_format, COLUMNS) as delivery:
        delivery.write_all(_rows(session, asked))
    try:
        with transaction(engine) as session:
            taken = audit.record(session, "export", "audit", person_id=scope.person_id, rows=delivery.rows, format=file_format)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return TrailFile(delivery.rows, datetime.fromtimestamp(taken.at, UTC).date().isoformat())


def filter_of(action: str, person: str, subject: str, first: date | None, last: date | None) -> AuditFilter:
    """A filter from what a form holds; empty fields ask nothing."""
    return AuditFilter(action.strip() or None, person.strip() or None, subject.strip() or None, first, last)


def _rows(session: Session, asked: AuditFilter) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while found := audit.entries(session, asked, before=before, most=1_000):
        for entry, login in found:
            row = _row(entry, login)
            yield {
                **row,
                "at": datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="seconds"),
                "details": "; ".join(f"{name}={value}" for name, value in row["details"].items()),
            }
        before = found[-1][0].id


def _row(entry: AuditEntry, login: str | None) -> dict[str, Any]:
    return {
        "id": entry.id, "at": entry.at, "login": login, "action": entry.action, "subject": entry.subject, "details": entry.details, "chain": entry.chain,
    }  # fmt: skip
