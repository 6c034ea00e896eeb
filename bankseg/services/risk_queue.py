"""The risk team's review queue."""

from dataclasses import dataclass

from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.services import cursor
from bankseg.services.client_page import parsed
from bankseg.services.stamp import Stamp, stamp
from bankseg.storage import risk_queue as store
from bankseg.storage.portfolio import PAGE, Row

SEVERITIES = (3, 2, 1)  # stage 3, red, amber
LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class RiskQueuePage:
    """One page of the queue with its counts by severity."""

    stamp: Stamp
    rows: list[Row]
    counts: dict[int, int]
    severity: int | None
    next_after: str | None


def risk_queue_page(session: Session, scope: Scope, *, severity: int | None = None, after: str = "", limit: int = PAGE) -> RiskQueuePage:
    """One page, gravest first."""
    require(scope, Right.RISK_QUEUE)
    run, wanted = stamp(session), max(1, min(limit, LARGEST_PAGE))
    position: tuple[int, int, str] | None = None
    if after:
        grave, exposure, client_id = cursor.read(after, (int, int, str))
        position = (grave, exposure, client_id)
    rows = store.page(session, scope, severity=severity, after=position, limit=wanted + 1)
    shown = rows[:wanted]
    last = shown[-1] if len(rows) > wanted else None
    following = cursor.write(last["severity"], last["exposure_minor"] or 0, last["client_id"]) if last else None
    return RiskQueuePage(run, [parsed(row) for row in shown], store.counts(session, scope), severity, following)
