"""Subject access (GDPR 15): everything held on one client in one file, as JSON for programs and as pages in English and French for the client."""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from bankseg.delivery.subject_page import subject_page
from bankseg.domain import reasons
from bankseg.domain.buckets import bucket_of
from bankseg.domain.errors import MissingDataError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.domain.segment_rules import Test
from bankseg.lake.erase import rows_held
from bankseg.lake.extent import bucket_count
from bankseg.segments.reading import listing
from bankseg.services.client_facts import client_in_scope
from bankseg.services.client_page import JSON_FIELDS
from bankseg.services.list_builder import members_path
from bankseg.services.list_members import exclusions_path
from bankseg.services.rolls import open_for
from bankseg.services.segment_memberships import membership_path
from bankseg.settings import Settings
from bankseg.storage import audit, erased_rows
from bankseg.storage.client_list import ClientList
from bankseg.storage.database import reading, transaction
from bankseg.storage.run import Run
from bankseg.storage.segment_membership import SegmentMembership

LANGUAGES = ("en", "fr")
REASON_FIELDS = ("churn_reasons", "best_reasons")


def write_subject_access(settings: Settings, engine: Engine, scope: Scope, client_id: str, path: Path) -> int:
    """Write the file, a ZIP of one JSON document and a page in each language, and record who took it; the rows it holds.

    Raises
    ------
    NotFoundError
        When there is no such client in scope, or the role gives no such files out.
    """
    require(scope, Right.SUBJECT_ACCESS)
    with reading(engine) as session:
        document = subject_document(settings, session, scope, client_id)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("subject-access.json", json.dumps(document, ensure_ascii=False, indent=1))
        for language in LANGUAGES:
            file.writestr(f"subject-access.{language}.html", subject_page(document, language))
    rows = sum(len(part) for group in ("facts", "store") for part in document[group].values())
    try:
        with transaction(engine) as session:
            audit.record(session, "subject_access", f"client:{client_id}", person_id=scope.person_id, rows=rows)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return rows


def subject_document(settings: Settings, session: Session, scope: Scope, client_id: str) -> dict[str, Any]:
    """Everything held on a client in scope; `Any`: JSON values.

    Raises
    ------
    NotFoundError
        When there is no such client in scope, or the role gives no such files out.
    """
    require(scope, Right.SUBJECT_ACCESS)
    shown, client = client_in_scope(session, scope, client_id)
    store = {table: [_parsed(row) for row in rows] for table, rows in erased_rows.held(session, client_id).items()}
    document: dict[str, Any] = _plain({
        "client_id": client_id, "run_id": shown.run_id, "as_of": shown.as_of, "facts": _facts(settings, client_id), "attributes": _attributes(settings, session, scope, client_id),
        "reasons": _reasons(store.get("published_client", []), str(client.get("currency") or "")), "models": _models(session, store.get("published_client", [])),
        "segments": _segments(settings, session, client_id), "lists": _lists(settings, session, client_id), "store": store, "trail": _trail(session, client_id),
    })  # fmt: skip
    return document


def _facts(settings: Settings, client_id: str) -> dict[str, list[dict[str, Any]]]:
    try:
        return rows_held(settings.lake, client_id, bucket_of(client_id, bucket_count(settings.lake)))
    except MissingDataError:
        return {}


def _attributes(settings: Settings, session: Session, scope: Scope, client_id: str) -> dict[str, Any]:
    """The client's row of the roll: every feature and score of the published run."""
    try:
        opened = open_for(settings, session, scope).reading
    except MissingDataError:
        return {}
    rows = listing(opened, opened.predicate(Test("client_id", "equals", client_id)), list(opened.roll.columns)).to_pylist()
    return dict(rows[0]) if rows else {}


def _reasons(published: list[dict[str, Any]], currency: str) -> list[dict[str, Any]]:
    return [
        {"run_id": row["run_id"], "about": field.removesuffix("_reasons"), **{language: _words(reason, language, currency) for language in LANGUAGES}}
        for row in published
        for field in REASON_FIELDS
        for reason in row.get(field) or ()
    ]


def _words(reason: dict[str, Any], language: str, currency: str) -> str:
    peer = reason.get("peer", reasons.NOT_COMPARED)
    return reasons.phrase(str(reason["family"]), str(reason["direction"]), str(reason["feature"]), reason.get("value"), language, peer=peer, currency=currency)


def _models(session: Session, published: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Which version of each model computed the client's scores, by run."""
    runs = session.exec(select(Run).where(col(Run.id).in_([row["run_id"] for row in published])).order_by(col(Run.id)))
    return [{"run_id": run.id, "as_of": run.as_of, "target": target, "digest": digest} for run in runs for target, digest in sorted(run.models.items())]


def _segments(settings: Settings, session: Session, client_id: str) -> list[dict[str, Any]]:
    found = []
    for row in session.exec(select(SegmentMembership).order_by(col(SegmentMembership.id))):
        path = membership_path(settings, row.run_id, row.code, row.version)
        found += [{"scheme": row.code, "version": row.version, "as_of": row.as_of, "segment": one["segment"]} for one in _rows(path, client_id, "segment")]
    return found


def _lists(settings: Settings, session: Session, client_id: str) -> list[dict[str, Any]]:
    """Lists the client was drawn for: on it, held out, or taken off at which stage."""
    found = []
    for row in session.exec(select(ClientList).order_by(col(ClientList.id))):
        for path, name in ((members_path(settings, row.id or 0), "arm"), (exclusions_path(settings, row.id or 0), "stage")):
            found += [{"list": row.id, "name": row.name, "state": row.state, "as_of": row.as_of, name: one[name]} for one in _rows(path, client_id, name)]
    return found


def _rows(path: Path, client_id: str, name: str) -> list[dict[str, Any]]:
    return pq.read_table(path, columns=["client_id", name], filters=[("client_id", "==", client_id)], partitioning=None).to_pylist() if path.exists() else []


def _trail(session: Session, client_id: str) -> list[dict[str, Any]]:
    """What was done about the client and when; by whom is told to auditors alone."""
    asked = audit.AuditFilter(subject=f"client:{client_id}")
    found = (entry for entry, _ in audit.entries(session, asked, most=10_000) if entry.subject == f"client:{client_id}")
    return [{"at": datetime.fromtimestamp(entry.at, UTC), "action": entry.action} for entry in found]


def _parsed(row: dict[str, Any]) -> dict[str, Any]:
    return {name: json.loads(value) if name in JSON_FIELDS and isinstance(value, str) and value else value for name, value in row.items()}


def _plain(value: Any) -> Any:  # JSON
    """Days and instants as texts, so that the document is JSON."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return value if isinstance(value, str | int | float | bool | None) else value.isoformat()
