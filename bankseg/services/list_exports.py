"""A released list as files: those to contact, and those left out with the stage."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import pyarrow.parquet as pq
from sqlalchemy import Engine

from bankseg.delivery.columns import Column, Format
from bankseg.delivery.writers import Delivery
from bankseg.domain.errors import ArtefactError
from bankseg.domain.list_errors import ListStateError
from bankseg.domain.list_terms import OBJECTION, PROTECTED, TELLING, TREATED
from bankseg.domain.people import Scope
from bankseg.domain.rights import sees
from bankseg.lake.parquet import digest_of
from bankseg.services.list_builder import members_path
from bankseg.services.list_members import exclusions_path
from bankseg.services.list_states import list_of
from bankseg.services.list_texts import advisers, written
from bankseg.settings import Settings
from bankseg.storage import audit, client_erasure, client_objection
from bankseg.storage.client_list import RELEASED, ClientList
from bankseg.storage.database import reading, transaction

ROWS = 20_000  # read at a time
STAMPED = (Column("list_id", "list_id", "integer"), Column("run_id", "run_id", "integer"), Column("as_of", "as_of"))
MEMBERS = (
    *STAMPED, Column("client_id", "client_id"), Column("name", "name"), Column("kind", "kind"), Column("branch_id", "branch_id"), Column("rm_id", "rm_id"),
    Column("tier", "tier"), Column("segment", "segment"), Column("propensity", "propensity", "number"), Column("expected_margin_minor", "expected_margin", "money"),
    Column("currency", "currency"), Column("channel", "channel"), Column("legal_basis", "legal_basis"), Column("basis_detail", "legal_basis_detail"),
    Column("consented_on", "consented_on"), Column("message_en", "message_en"), Column("message_fr", "message_fr"),
    Column("subject_en", "subject_en"), Column("subject_fr", "subject_fr"), Column("text_en", "text_en"), Column("text_fr", "text_fr"),
)  # fmt: skip
EXCLUSIONS = (*STAMPED, Column("client_id", "client_id"), Column("stage", "stage"))


@dataclass(frozen=True, slots=True)
class ListExported:
    """What was written."""

    rows: int
    as_of: str


class Writer(Protocol):
    """What writes one of a list's files."""

    def __call__(self, settings: Settings, engine: Engine, scope: Scope, list_id: int, path: Path, *, file_format: Format) -> ListExported: ...


def export_members(settings: Settings, engine: Engine, scope: Scope, list_id: int, path: Path, *, file_format: Format = "csv") -> ListExported:
    """Those to contact; the control group is not among them."""
    row = _released(engine, scope, list_id)
    source = _sealed(row, members_path(settings, list_id), "members_sha256")
    messages = row.manifest.get("message", {})
    more = {
        "channel": row.terms["channel"],
        "currency": row.manifest["currency"],
        "message_en": messages.get("en") or None,
        "message_fr": messages.get("fr") or None,
    }
    barred, product = frozenset(_barred(engine)), str(row.terms["product"])
    with reading(engine) as session:
        known = advisers(session)
    rows = ({**one, **more, **written(row.manifest, product, one, known)} for one in _rows(source) if one["arm"] == TREATED and one["client_id"] not in barred)
    return _write(engine, scope, row, _Order("members", MEMBERS, rows), path, file_format)


def export_exclusions(settings: Settings, engine: Engine, scope: Scope, list_id: int, path: Path, *, file_format: Format = "csv") -> ListExported:
    """Every candidate who is not to be contacted, with the stage that took them off; stages that would tell of credit or distress are one word to marketing."""
    row = _released(engine, scope, list_id)
    source = _sealed(row, exclusions_path(settings, list_id), "exclusions_sha256")
    is_told = sees(scope.role, "is_high_risk")
    barred = _barred(engine)
    rows = ({**one, "stage": one["stage"] if is_told or one["stage"] not in TELLING else PROTECTED} for one in _rows(source) if one["client_id"] not in barred)
    late = ({"client_id": client_id, "stage": OBJECTION} for client_id in _of_candidates((source, members_path(settings, list_id)), barred))
    return _write(engine, scope, row, _Order("exclusions", EXCLUSIONS, chain(rows, late)), path, file_format)


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be written."""

    what: str
    columns: tuple[Column, ...]
    rows: Iterator[dict[str, Any]]


def _released(engine: Engine, scope: Scope, list_id: int) -> ClientList:
    with reading(engine) as session:
        row = list_of(session, scope, list_id)
    if row.state != RELEASED:
        raise ListStateError(f"the list is {row.state}", "a released one", "a second person releases it on its page")
    return row


def _sealed(row: ClientList, path: Path, name: str) -> Path:
    """The file, when it is the one that was frozen."""
    if not path.exists() or digest_of([path]) != row.manifest[name]:
        raise ArtefactError(
            f"{path.name} of list {row.id} is not the file that was frozen", f"SHA-256 {row.manifest[name][:12]}…", "restore it from the backup"
        )
    return path


def _barred(engine: Engine) -> dict[str, bool]:
    """Clients who must not leave with a list, though they were on it when it was frozen: True for those who object, False for those who are being erased."""
    with reading(engine) as session:
        return {**dict.fromkeys(client_objection.standing(session), True), **dict.fromkeys(client_erasure.hidden(session), False)}


def _of_candidates(paths: Sequence[Path], barred: Mapping[str, bool]) -> list[str]:
    """Those of the objecting clients whom the list was drawn from, each once: what is exported and what is left out still add up to the candidates."""
    objecting = [client_id for client_id, objects in barred.items() if objects]
    found = (
        {row["client_id"] for path in paths for row in pq.read_table(path, columns=["client_id"], filters=[("client_id", "in", objecting)]).to_pylist()}
        if objecting
        else set()
    )
    return sorted(found)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROWS):
            yield from batch.to_pylist()


def _write(engine: Engine, scope: Scope, row: ClientList, order: _Order, path: Path, file_format: Format) -> ListExported:
    mark = {"list_id": row.id, "run_id": row.run_id, "as_of": row.as_of}
    with Delivery(path, file_format, order.columns) as delivery:
        delivery.write_all({**one, **mark, "consented_on": _iso(one.get("consented_on"))} for one in order.rows)
    try:
        with transaction(engine) as session:
            audit.record(
                session,
                "export",
                f"list:{row.id}:{order.what}",
                person_id=scope.person_id,
                rows=delivery.rows,
                format=file_format,
                manifest_sha256=row.manifest_sha256,
            )
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return ListExported(delivery.rows, row.as_of)


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
