"""Strategy sheets: every segment of a scheme with its needs, requirements, proof and target, held against its own figures and those of the whole base."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.domain.schemes import SegmentRule
from bankseg.domain.strategy_sheets import MEASURES, Sheet, read_sheet
from bankseg.segments.reading import members
from bankseg.segments.standing import Standing, standing
from bankseg.services.rolls import open_for
from bankseg.services.segment_schemes import SchemeEntry, scheme_for
from bankseg.services.segments_desk import stamp_of
from bankseg.services.stamp import Stamp
from bankseg.services.unchanged import refuse_if_changed
from bankseg.settings import Settings
from bankseg.storage import audit, segment_strategy
from bankseg.storage.database import database_time, transaction
from bankseg.storage.segment_strategy import SegmentStrategy

if TYPE_CHECKING:
    from sqlalchemy import Engine


@dataclass(frozen=True, slots=True)
class SegmentSheet:
    """One segment with its sheet, how it stands, and whether its target is reached; version 0: nothing was written yet."""

    segment: SegmentRule
    sheet: Sheet
    version: int
    saved_at: float
    standing: Standing

    @property
    def actual(self) -> float | None:
        """The figure its target is held against."""
        return self.standing.figure(self.sheet.measure) if self.sheet.measure else None

    @property
    def is_reached(self) -> bool | None:
        """Whether the target is reached."""
        return self.sheet.is_reached(self.actual)


@dataclass(frozen=True, slots=True)
class SheetsPage:
    """The sheets of a scheme, and how the whole base in scope stands."""

    stamp: Stamp
    entry: SchemeEntry
    sheets: list[SegmentSheet]
    base: Standing
    currency: str
    measures: tuple[str, ...] = MEASURES


def sheets_page(settings: Settings, session: Session, scope: Scope, code: str, segment: str = "") -> SheetsPage:
    """Every sheet of a scheme, or that of one segment."""
    require(scope, Right.SEGMENTS)
    entry = scheme_for(settings, session, scope, code)
    roll = open_for(settings, session, scope, frozen=entry.cuts)
    base = standing(roll.reading, exp.true())
    base = replace(base, share=1.0 if base.clients else None)
    wanted = [entry.scheme.segment(segment)] if segment else list(entry.scheme.segments)
    sheets = [_sheet(session, entry, one, standing(roll.reading, members(entry.scheme, one, roll.reading), base.clients)) for one in wanted]
    return SheetsPage(stamp_of(roll), entry, sheets, base, str(roll.run.summary.get("currency") or "EUR"))


def save_sheet(
    settings: Settings, engine: "Engine", scope: Scope, code: str, segment: str, document: Mapping[str, Any], expected: Collection[str] | None = None
) -> SegmentStrategy:
    """Save a segment's sheet as its next version; the same again is the same version. `expected`: see `refuse_if_changed`."""
    require(scope, Right.DESIGN)
    sheet = read_sheet(document)
    with transaction(engine) as session:
        scheme_for(settings, session, scope, code).scheme.segment(segment)
        before = segment_strategy.sheet_of(session, code, segment)
        refuse_if_changed(tag(before.version if before else 0), expected)
        if before is not None and before.document == sheet.document():
            return before
        now = database_time(session)
        version = (before.version if before else 0) + 1
        row = SegmentStrategy(code=code, segment=segment, version=version, document=sheet.document(), saved_by=scope.person_id, saved_at=now)
        session.add(row)
        session.flush()
        audit.record(session, "strategy_saved", f"{code}/{segment} v{row.version}", person_id=scope.person_id)
    return row


def tag(version: int) -> str:
    """What changes with every version of a sheet that is saved."""
    return f"v{version}"


def sheet_said(session: Session, entry: SchemeEntry, segment: SegmentRule) -> tuple[Sheet, SegmentStrategy | None]:
    """The latest sheet of a segment and the row it was kept in; what it leaves empty comes from the scheme."""
    row = segment_strategy.sheet_of(session, entry.scheme.code, segment.code)
    sheet = read_sheet(row.document) if row else Sheet()
    said = replace(
        sheet, action=sheet.action or segment.action, message_en=sheet.message_en or segment.message_en, message_fr=sheet.message_fr or segment.message_fr,
        owner=sheet.owner or segment.owner or entry.scheme.owner, review_on=sheet.review_on or entry.scheme.review_on,
    )  # fmt: skip
    return said, row


def _sheet(session: Session, entry: SchemeEntry, segment: SegmentRule, found: Standing) -> SegmentSheet:
    sheet, row = sheet_said(session, entry, segment)
    return SegmentSheet(segment, sheet, row.version if row else 0, row.saved_at if row else 0.0, found)
