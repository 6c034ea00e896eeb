"""Erasing a client from the store: what becomes of the rows of each table about single clients, and of every text that names one elsewhere."""

import json
import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import JSON, String, cast, delete, func, select, update
from sqlmodel import AutoString, Session, col
from sqlmodel import select as select_rows

from bankseg.storage.audit import AuditEntry
from bankseg.storage.client_erasure import ErasureSubject
from bankseg.storage.database_roles import NOT_FOR_WORKER, WORKER_READS_ONLY
from bankseg.storage.run import Run
from bankseg.storage.tables import METADATA

DELETED, PSEUDONYMISED = "deleted", "pseudonymised"
# Every table with a client's identifier; a test fails for one that is missing here.
RULES: dict[str, str] = {
    "adviser_move": DELETED,
    "client_contact": DELETED,
    "client_holder": DELETED,
    "client_objection": DELETED,
    "firm_profile": DELETED,
    "product_propensity": DELETED,
    "published_client": DELETED,
    "risk_case": DELETED,
    "risk_decision": PSEUDONYMISED,  # who decided what about a risk, and who signed it, must be shown for years
    "risk_review": DELETED,
    "segment_event": DELETED,
}
FREE_TEXTS = ("reason", "second_reason")  # of a decision: words about the client
# Texts elsewhere are replaced, not in tables whose rows go or that name the client by design, nor where the worker has no business.
UNTOUCHED = frozenset({*RULES, *NOT_FOR_WORKER, *WORKER_READS_ONLY, str(ErasureSubject.__tablename__), str(AuditEntry.__tablename__)})


def replacing(client_id: str, pseudonym: str) -> Callable[[str], str]:
    """What puts the pseudonym in place of a client's identifier in a text, where it stands as a word of its own.

    Examples
    --------
    >>> replacing("C1", "p")("client:C1 is not C10 nor XC1")
    'client:p is not C10 nor XC1'
    """
    pattern = re.compile(rf"(?<![\w-]){re.escape(client_id)}(?![\w-])")
    return lambda said: pattern.sub(pseudonym, said)


def counted(session: Session, client_id: str) -> dict[str, int]:
    """Rows about a client, by table; tables without any are left out."""
    found = {name: session.execute(select(func.count()).where(METADATA.tables[name].c.client_id == client_id)).scalar_one() for name in RULES}
    return {name: int(rows) for name, rows in found.items() if rows}


def remove(session: Session, client_id: str, pseudonym: str) -> None:
    """Take a client out of every table: once more changes nothing."""
    published = METADATA.tables["published_client"]
    rows = session.execute(select(published.c.run_id).where(published.c.client_id == client_id)).scalars().all()
    for run in session.exec(select_rows(Run).where(col(Run.id).in_(rows))):
        run.n_rows = run.n_rows - 1 if run.n_rows is not None else None
    for name, rule in RULES.items():
        table = METADATA.tables[name]
        mine = table.c.client_id == client_id
        if rule == DELETED:
            session.execute(delete(table).where(mine))
        else:
            session.execute(update(table).where(mine).values(client_id=pseudonym, **dict.fromkeys(FREE_TEXTS, "")))
    _replace_elsewhere(session, client_id, replacing(client_id, pseudonym))


def _replace_elsewhere(session: Session, client_id: str, replace: Callable[[str], str]) -> None:
    """A saved view, a kept answer, an error: wherever else a text of the store names the client."""
    for table in METADATA.sorted_tables:
        texts = [column for column in table.columns if isinstance(column.type, JSON | String | AutoString) and not column.primary_key]
        if table.name in UNTOUCHED or not texts:
            continue
        for column in texts:
            said = cast(column, String) if isinstance(column.type, JSON) else column
            for row in session.execute(select(*table.primary_key.columns, column).where(said.contains(client_id, autoescape=True))).all():
                new = _replaced(row[-1], replace)
                if new != row[-1]:
                    mine = [key == value for key, value in zip(table.primary_key.columns, row[:-1], strict=True)]
                    session.execute(update(table).where(*mine).values({column.name: new}))


def _replaced(value: Any, replace: Callable[[str], str]) -> Any:  # a text, or JSON
    return replace(value) if isinstance(value, str) else json.loads(replace(json.dumps(value, ensure_ascii=False)))


def held(session: Session, client_id: str) -> dict[str, list[dict[str, Any]]]:
    """Every row about a client, by table: the caller has made sure that the client is in scope."""
    found = {name: session.execute(select(METADATA.tables[name]).where(METADATA.tables[name].c.client_id == client_id)).mappings().all() for name in RULES}
    return {name: [dict(row) for row in rows] for name, rows in found.items() if rows}
