"""What changed in a portfolio since its holder last looked: who came under risk review, who slid a tier, which call-backs fall due."""

from dataclasses import dataclass

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.services.stamp import stamp
from bankseg.storage import portfolio_moves, saved_view
from bankseg.storage import run as runs
from bankseg.storage.database import database_time, transaction
from bankseg.storage.portfolio import Row
from bankseg.storage.saved_view import PortfolioLook

SHOWN = 5


@dataclass(frozen=True, slots=True)
class WhatChanged:
    """Changes from the run last looked at, or the one before the published run, to the published run; `since` is the date of that run."""

    since: str
    since_run: int
    looked_at: float | None
    in_risk: int
    risk_rows: list[Row]
    slid: int
    slid_rows: list[Row]


def what_changed(session: Session, scope: Scope) -> WhatChanged | None:
    """The changes of a scope, or None when there is no run to compare with or this person has seen the published one."""
    require(scope, Right.CALL_LIST)
    shown, look = stamp(session), saved_view.look_of(session, scope.person_id)
    earlier = runs.published_before(session, shown.as_of.isoformat())
    if look is not None and look.run_id == shown.run_id:
        return None
    seen = session.get(runs.Run, look.run_id) if look is not None else earlier
    base = seen if seen is not None and seen.as_of < shown.as_of.isoformat() else earlier
    if base is None or base.id is None:
        return None
    in_risk, risk_rows = portfolio_moves.new_in_risk(session, scope, base.id, SHOWN)
    slid, slid_rows = portfolio_moves.slid(session, scope, base.id, SHOWN)
    return WhatChanged(base.as_of, base.id, look.looked_at if look else None, in_risk, risk_rows, slid, slid_rows)


def mark_seen(engine: Engine, scope: Scope) -> None:
    """Remember that this person has seen what changed up to the published run."""
    require(scope, Right.CALL_LIST)
    with transaction(engine) as session:
        row = saved_view.look_of(session, scope.person_id) or PortfolioLook(person_id=scope.person_id, run_id=0, looked_at=0.0)
        row.run_id, row.looked_at = stamp(session).run_id, database_time(session)
        session.add(row)
