"""The pages of the segments desk: what each shows, for the person who asks."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlglot import exp
from sqlmodel import Session

from bankseg.delivery.columns import Column, Format
from bankseg.delivery.writers import Delivery
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require, sees
from bankseg.domain.rule_words import comparison_in_words, words
from bankseg.segments.attributes import Attribute
from bankseg.segments.compiler import DIALECT
from bankseg.segments.reading import members, movement, profile
from bankseg.services.export_list import Exported
from bankseg.services.rolls import OpenRoll, open_for
from bankseg.services.segment_designer import segment_clients, unreachable, why_in_segment
from bankseg.services.segment_history import COLUMNS
from bankseg.services.segment_schemes import (
    SchemeEntry,
    SchemeSizes,
    ValueName,
    attributes_for,
    counted,
    is_for,
    list_schemes,
    namer,
    plain,
    read_document,
    save_scheme,
    scheme_for,
    scheme_of,
)
from bankseg.services.stamp import Stamp
from bankseg.services.unchanged import refuse_if_changed
from bankseg.settings import Settings
from bankseg.storage import audit
from bankseg.storage.database import reading, transaction
from bankseg.storage.run import published_dates
from bankseg.storage.segment_scheme import SegmentScheme, version_of, versions

SHOWN = 200  # clients of a segment on its page; the file holds them all
BEGINNING = """{
 "code": "my_scheme", "label_en": "My scheme", "label_fr": "Mon schéma", "purpose": "marketing", "is_exclusive": true,
 "objective": "", "kpi": "", "owner": "", "review_on": null,
 "segment": [
  {"code": "best", "label_en": "Best clients", "label_fr": "Meilleurs clients", "action": "protect",
   "when": {"all": [{"attribute": "tier", "in": ["platinum", "gold"]}, {"attribute": "churn", "at_least": 0.05}]}},
  {"code": "others", "label_en": "Others", "label_fr": "Autres", "action": "maintain"}
 ]
}"""
EXPORTED = (
    Column("client_id", "client_id"), Column("name", "name"), Column("tier", "tier"), Column("segment", "segment"), Column("churn", "churn", "number"),
    Column("value_12m_minor", "value_12m", "money"), Column("currency", "currency"), Column("city", "city"), Column("rm_id", "rm_id"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SchemesPage:
    """Every scheme, and the run their counts would come from."""

    stamp: Stamp
    entries: list[SchemeEntry]


@dataclass(frozen=True, slots=True)
class SchemePage:
    """One scheme counted as of a date; `dates` are those that may be chosen, `idle` the segments nobody is in.

    `total_value_minor` is the value of everybody in scope, null where none is known or it is not above 0: a share of it would say nothing.
    `reads` are the attributes of its rules with how many clients in scope have each.
    """

    stamp: Stamp
    sizes: SchemeSizes
    dates: list[str]
    versions: list[SegmentScheme]
    idle: dict[str, str]
    hides: frozenset[str]
    currency: str
    total_value_minor: int | None
    reads: list[tuple[Attribute, int]]


@dataclass(frozen=True, slots=True)
class MembersPage:
    """The first clients of a segment and how many there are."""

    stamp: Stamp
    entry: SchemeEntry
    code: str
    clients: int
    rows: list[dict[str, Any]]
    currency: str


@dataclass(frozen=True, slots=True)
class DesignerPage:
    """What the designer needs: the scheme to begin from, and the attributes its rules may read."""

    stamp: Stamp
    entry: SchemeEntry | None
    attributes: list[Attribute]


@dataclass(frozen=True, slots=True)
class SchemePreview:
    """A document counted before it is saved, and who would change segment against the saved version."""

    sizes: SchemeSizes
    idle: dict[str, str]
    changes: dict[str, dict[str, Any]]
    currency: str


@dataclass(frozen=True, slots=True)
class WhyPage:
    """Every segment of a scheme for one client: the rule in words, whether it holds, and each comparison with the client's value."""

    stamp: Stamp
    entry: SchemeEntry
    client_id: str
    segments: list[dict[str, Any]]


def schemes_page(settings: Settings, session: Session, scope: Scope) -> SchemesPage:
    """Every scheme."""
    require(scope, Right.SEGMENTS)
    roll = open_for(settings, session, scope)
    known = attributes_for(settings, roll, scope)
    return SchemesPage(stamp_of(roll), [entry for entry in list_schemes(session) if is_for(entry, scope, known)])


def scheme_page(
    settings: Settings, session: Session, scope: Scope, code: str, *, as_of: date | None, language: str, value_name: ValueName = plain
) -> SchemePage:
    """One scheme, on the published run or the one published for a day not after `as_of`."""
    require(scope, Right.SEGMENTS)
    entry = scheme_for(settings, session, scope, code)
    roll = open_for(settings, session, scope, as_of=as_of, frozen=entry.cuts)
    found = counted(settings, session, scope, entry, language=language, value_name=value_name, roll=roll)
    idle = {row["code"]: row["state"] for row in unreachable(entry.scheme, found.segments)}
    hidden = frozenset(field for field in ("balance_minor", "expected_loss_minor") if not sees(scope.role, field))
    known = attributes_for(settings, roll, scope)
    reads = _known_for(roll, [known[name] for name in sorted(entry.scheme.attributes) if name in known])
    return SchemePage(stamp_of(roll), found, published_dates(session), versions(session, code), idle, hidden, _currency(roll), _total_value(roll), reads)


def members_page(settings: Settings, session: Session, scope: Scope, code: str, segment: str) -> MembersPage:
    """The clients of one segment."""
    require(scope, Right.SEGMENTS)
    entry = scheme_for(settings, session, scope, code)
    roll, clients = segment_clients(settings, session, scope, code, segment)
    return MembersPage(stamp_of(roll), entry, segment, clients.num_rows, clients.slice(0, SHOWN).to_pylist(), _currency(roll))


def export_members(settings: Settings, engine: Engine, scope: Scope, code: str, segment: str, path: Path, *, file_format: Format = "csv") -> Exported:
    """Write a segment's clients to a file and record who took it: as many rows as the page counts."""
    require(scope, Right.SEGMENTS)
    with reading(engine) as session:
        roll, clients = segment_clients(settings, session, scope, code, segment)
        currency = _currency(roll)
    run = stamp_of(roll)
    columns = (Column("run_id", "run_id", "integer"), Column("as_of", "as_of"), *(column for column in EXPORTED if sees(scope.role, column.field)))
    mark = {"run_id": run.run_id, "as_of": run.as_of.isoformat(), "currency": currency}
    with Delivery(path, file_format, columns) as delivery:
        for batch in clients.to_batches():
            delivery.write_all({**row, **mark} for row in batch.to_pylist())
    try:
        with transaction(engine) as session:
            audit.record(session, "export", f"segment:{code}/{segment}", person_id=scope.person_id, rows=delivery.rows, run_id=run.run_id, format=file_format)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Exported(path, delivery.rows, run.run_id, run.as_of.isoformat())


def why_page(settings: Settings, session: Session, scope: Scope, code: str, client_id: str, *, language: str, value_name: ValueName = plain) -> WhyPage:
    """Why a client is in its segment."""
    require(scope, Right.SEGMENTS)
    entry = scheme_for(settings, session, scope, code)
    roll = open_for(settings, session, scope)
    known = attributes_for(settings, roll, scope)

    name = namer(known, language, value_name)
    found = why_in_segment(settings, session, scope, entry, client_id)
    placed = next((row["code"] for row in found if row["holds"]), "") if entry.scheme.is_exclusive else ""
    segments = [
        {
            **row,
            "label": entry.scheme.segment(row["code"]).label_fr if language == "fr" else entry.scheme.segment(row["code"]).label_en,
            "rule": words(entry.scheme.segment(row["code"]).when, language, name),
            "is_placed": row["code"] == placed or (not entry.scheme.is_exclusive and row["holds"]),
            "tests": [
                {"words": comparison_in_words(one["test"], language, name), "holds": one["holds"], "value": None if one["value"] is None else name(one["test"].attribute, one["value"])}
                for one in row["tests"] if one["test"].attribute in known
            ],
        }
        for row in found
    ]  # fmt: skip
    return WhyPage(stamp_of(roll), entry, client_id, segments)


def designer_page(settings: Settings, session: Session, scope: Scope, code: str) -> DesignerPage:
    """The designer, beginning from a scheme where one is named."""
    require(scope, Right.DESIGN)
    roll = open_for(settings, session, scope)
    return DesignerPage(stamp_of(roll), scheme_for(settings, session, scope, code) if code else None, list(attributes_for(settings, roll, scope).values()))


def draft(settings: Settings, session: Session, scope: Scope, code: str) -> SchemeEntry:
    """The latest saved version of a scheme, or the ready-made one: what the next version goes on from."""
    require(scope, Right.DESIGN)
    row = version_of(session, code)
    return scheme_for(settings, session, scope, code, row.version if row is not None else None)


def tag(code: str, version: int) -> str:
    """What changes with every version of a scheme that is saved."""
    return f"{code}-v{version}"


def preview_scheme(
    settings: Settings, session: Session, scope: Scope, document: str | Mapping[str, Any], *, language: str, value_name: ValueName = plain
) -> SchemePreview:
    """What a document would hold, and who would enter and leave each segment against the saved version of its code."""
    require(scope, Right.DESIGN)
    roll = open_for(settings, session, scope)
    scheme = read_document(document, attributes_for(settings, roll, scope))
    found = counted(settings, session, scope, SchemeEntry(scheme, 0, "draft", []), language=language, value_name=value_name, roll=roll)
    saved = version_of(session, scheme.code)
    changes: dict[str, dict[str, Any]] = {}
    if saved is not None:
        before = scheme_for(settings, session, scope, scheme.code)
        earlier = open_for(settings, session, scope, frozen=before.cuts)
        known = {segment.code for segment in before.scheme.segments}
        changes = {
            segment.code: movement(
                roll.reading, members(scheme, segment, roll.reading), members(before.scheme, before.scheme.segment(segment.code), earlier.reading)
            )
            for segment in scheme.segments
            if segment.code in known
        }
    idle = {row["code"]: row["state"] for row in unreachable(scheme, found.segments)}
    return SchemePreview(found, idle, changes, _currency(roll))


def save(settings: Settings, engine: Engine, scope: Scope, document: str | Mapping[str, Any], note: str, expected: Collection[str] | None = None) -> str:
    """Save a document as the next version of its scheme and return its code; `expected`: see `refuse_if_changed`."""
    require(scope, Right.DESIGN)
    with transaction(engine) as session:
        if expected is not None:
            code = scheme_of(document).code
            before = version_of(session, code)
            refuse_if_changed(tag(code, before.version if before else 0), expected)
        return save_scheme(settings, session, scope, document, note=note.strip()[:500], person_id=scope.person_id).code


def places(session: Session) -> list[SchemeEntry | str]:
    """What clients may be seen to move between: columns of the roll, then exclusive schemes."""
    return [*COLUMNS, *(entry for entry in list_schemes(session) if entry.scheme.is_exclusive)]


def has_history(session: Session) -> bool:
    """Whether clients can have moved: two dates or more were published."""
    return len(published_dates(session)) > 1


def stamp_of(roll: OpenRoll) -> Stamp:
    """The stamp of the run a roll came from."""
    return Stamp(roll.run.id or 0, roll.as_of, roll.run.published_at)


def _known_for(roll: OpenRoll, attributes: list[Attribute]) -> list[tuple[Attribute, int]]:
    """How many clients in scope have each attribute; none where its extract was never loaded."""
    present = [one.name for one in attributes if one.name in roll.reading.roll.columns]
    counts = [exp.alias_(exp.Count(this=exp.column(name, quoted=True)), f"c{place}") for place, name in enumerate(present)]
    select = exp.select("count(*) AS clients", *counts).from_("roll").where(roll.reading.visible())
    row = roll.reading.roll.arrow(select.sql(dialect=DIALECT)).to_pylist()[0]
    found = {name: row[f"c{place}"] for place, name in enumerate(present)}
    return [(one, found.get(one.name, 0)) for one in attributes]


def _total_value(roll: OpenRoll) -> int | None:
    total = profile(roll.reading, exp.true(), [])["value_12m_minor"]
    return total if total and total > 0 else None


def _currency(roll: OpenRoll) -> str:
    return str(roll.run.summary.get("currency") or "EUR")
