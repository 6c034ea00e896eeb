"""The first page of those who watch over the service: what is published, what came in, what waits for a decision, who did what."""

from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, func, select

from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, may, require
from bankseg.services.audit_trail import audit_page
from bankseg.storage import access_token, import_batch, model_alert, model_proposal
from bankseg.storage import run as runs
from bankseg.storage.audit import AuditFilter
from bankseg.storage.import_batch import ImportBatch
from bankseg.storage.person import Person
from bankseg.storage.run import Run

ENTRIES_SHOWN = 10


@dataclass(frozen=True, slots=True)
class OversightPage:
    """`people` and `tokens` are null for roles that do not manage people; `unreconciled` are imports whose rows do not add up, or that were refused. `Any`: JSON."""

    current: Run | None
    latest: Run | None
    last_import: ImportBatch | None
    imports: int
    unreconciled: list[ImportBatch]
    proposals: int
    alerts: int
    entries: int
    recent: list[dict[str, Any]]
    people: int | None
    tokens: int | None


def oversight_page(session: Session, scope: Scope) -> OversightPage:
    """The page of an auditor or an administrator."""
    require(scope, Right.AUDIT)
    latest, imports = runs.latest(session, 1), import_batch.latest(session)
    trail = audit_page(session, scope, AuditFilter())
    manages = may(scope.role, Right.PEOPLE)
    active = select(func.count()).select_from(Person).where(col(Person.is_active))
    return OversightPage(
        current=runs.current(session), latest=latest[0] if latest else None, last_import=imports[0] if imports else None, imports=len(imports),
        unreconciled=[batch for batch in imports if not _reconciles(batch)], proposals=len(model_proposal.open_proposals(session)), alerts=len(model_alert.pending(session)),
        entries=trail.entries, recent=trail.rows[:ENTRIES_SHOWN], people=int(session.exec(active).one()) if manages else None,
        tokens=len(access_token.live(session)) if manages else None,
    )  # fmt: skip


def _reconciles(batch: ImportBatch) -> bool:
    return batch.state == "loaded" and batch.read == batch.accepted + batch.quarantined + batch.duplicates + batch.filtered
