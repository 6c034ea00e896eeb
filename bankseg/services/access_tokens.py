"""API tokens: issued to oneself, shown once, revoked by oneself or by an administrator."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, may
from bankseg.storage import access_token, audit
from bankseg.storage.access_token import AccessToken
from bankseg.storage.database import database_time, transaction
from bankseg.storage.signed_in import token_hash

PREFIX = "bks_"  # says what a string found in a log or a repository is
TOKEN_BYTES = 32
LONGEST_DAYS, USUAL_DAYS = 365, 90
LONGEST_LABEL = 80
DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token: `secret` is shown now and never again."""

    token_id: int
    secret: str
    expires_at: float


def grantable(scope: Scope) -> list[Right]:
    """Rights a person may give to a token: their own."""
    return [right for right in Right if may(scope.role, right)]


def issue(engine: Engine, scope: Scope, label: str, rights: Collection[str], days: int = USUAL_DAYS) -> Issued:
    """Make a token for oneself.

    Parameters
    ----------
    rights
        Names of `Right`; at least one, and none that the person lacks.
    days
        Until it ends, 1 to 365.

    Raises
    ------
    InputError
        Saying which of the three is wrong.
    """
    named = label.strip()
    if not 0 < len(named) <= LONGEST_LABEL:
        raise InputError(f"a label of {len(named)} characters", f"1 to {LONGEST_LABEL}", "say what the token is for")
    if not 1 <= days <= LONGEST_DAYS:
        raise InputError(f"{days} days", f"1 to {LONGEST_DAYS}", "choose a shorter life; a token can be made again")
    own = {str(right) for right in grantable(scope)}
    foreign = sorted(set(rights) - own)
    if foreign or not rights:
        raise InputError(f"the rights {', '.join(foreign) or 'of nothing'}", f"among {', '.join(sorted(own))}", "a token opens at most what its owner may")
    secret = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    with transaction(engine) as session:
        now = database_time(session)
        row = access_token.add(
            session, person_id=scope.person_id, label=named, token_sha256=token_hash(secret), rights=sorted(set(rights)),
            created_at=now, expires_at=now + days * DAY_SECONDS,
        )  # fmt: skip
        audit.record(session, "token_issued", f"token:{row.id}", person_id=scope.person_id, label=named, rights=row.rights, days=days)
        return Issued(row.id or 0, secret, row.expires_at)


def revoke(engine: Engine, scope: Scope, token_id: int) -> None:
    """End a token: one's own, or anybody's for an administrator.

    Raises
    ------
    NotFoundError
        When there is none, or it is another's.
    """
    with transaction(engine) as session:
        row = session.get(AccessToken, token_id)
        if row is None or (row.person_id != scope.person_id and not may(scope.role, Right.PEOPLE)):
            raise NotFoundError(f"no token {token_id}")
        if row.revoked_at is None:
            row.revoked_at = database_time(session)
            session.add(row)
            audit.record(session, "token_revoked", f"token:{token_id}", person_id=scope.person_id, owner=row.person_id)


def own_tokens(session: Session, scope: Scope) -> list[dict[str, Any]]:
    """The tokens of the person who asks, newest first. `Any`: column values."""
    now = database_time(session)
    return [_shown(row, now) for row in access_token.of_person(session, scope.person_id)]


def _shown(row: AccessToken, now: float) -> dict[str, Any]:
    state = "revoked" if row.revoked_at is not None else "ended" if row.expires_at <= now else "live"
    return {
        "id": row.id, "label": row.label, "rights": row.rights, "created_at": row.created_at, "expires_at": row.expires_at, "used_at": row.used_at, "state": state,
    }  # fmt: skip
