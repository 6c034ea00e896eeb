"""Alerts about models: who takes one over, and how it ends."""

from sqlmodel import select

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.services.bank import Bank
from bankseg.services.promotion import LEAST_REASON
from bankseg.storage import audit
from bankseg.storage.database import database_time, transaction
from bankseg.storage.model_alert import ModelAlert

STATES = {"acknowledge": "acknowledged", "close": "closed"}


def handle(bank: Bank, scope: Scope, alert_id: int, decision: str, reason: str) -> str:
    """Acknowledge an alert, or close it with a reason; its state afterwards.

    Raises
    ------
    NotFoundError
        When there is no such alert that is not closed, or the role may not decide on models.
    InputError
        When the decision is none of the two, or closing has no reason.
    """
    require(scope, Right.DECIDE_MODEL)
    if decision not in STATES:
        raise InputError(f"decision {decision[:20]!r}", " or ".join(STATES), "choose one of these")
    words = reason.strip()
    if decision == "close" and len(words) < LEAST_REASON:
        raise InputError(f"a reason of {len(words)} letters", f"{LEAST_REASON} letters or more, for whoever reads it in a year", "say why it is closed")
    with transaction(bank.engine) as session:
        alert = session.exec(select(ModelAlert).where(ModelAlert.id == alert_id, ModelAlert.state != "closed").with_for_update()).one_or_none()
        if alert is None:
            raise NotFoundError(f"there is no open alert {alert_id}", "an alert that is not closed", "bankseg models list shows them")
        alert.state, alert.handled_by, alert.reason = STATES[decision], scope.person_id, words
        alert.changed_at = database_time(session)
        audit.record(session, f"model_alert_{alert.state}", f"alert {alert_id}", person_id=scope.person_id, target=alert.target, kind=alert.kind, reason=words)
        return alert.state
