"""Memberships kept in files, one a version of a scheme and run: written with a run or on demand, read back by their hash."""

import logging
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from bankseg.domain.errors import ArtefactError, BanksegError, InputError, NotFoundError
from bankseg.domain.people import Role, Scope
from bankseg.lake.parquet import digest_of, read_checked, write_whole
from bankseg.segments.membership import roster
from bankseg.segments.refresh import changes, is_due
from bankseg.services.rolls import left_out, open_for, without
from bankseg.services.segment_schemes import RETIRED, SchemeEntry, list_schemes
from bankseg.settings import Settings
from bankseg.storage import audit, segment_event, segment_membership, segment_refresh
from bankseg.storage import run as runs
from bankseg.storage.bulk import append
from bankseg.storage.database import database_time, make_engine, reading, transaction
from bankseg.storage.segment_membership import SegmentMembership

if TYPE_CHECKING:
    from sqlalchemy import Engine

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Roster:
    """Who was in which segment as of a date; `is_kept` when it comes from the file kept then, and not from the roll of that run."""

    as_of: date
    run_id: int
    rows: pa.Table
    is_kept: bool


def keep_due(settings: Settings, engine: "Engine", run_id: int) -> int:
    """Keep the memberships that are due with a published run and were not kept yet; the number of files written.

    A scheme that cannot be read (an attribute it reads is gone) is left out and logged; the others are kept.
    """
    with reading(engine) as session:
        run = session.get_one(runs.Run, run_id)
        chosen = segment_refresh.cadences(session)
        due = [entry for entry in list_schemes(session) if entry.state != RETIRED and _is_due(session, entry, run, chosen)]
    written = 0
    for entry in due:
        try:
            keep(settings, engine, entry, run_id)
            written += 1
        except BanksegError as error:
            _log.warning("membership of %s v%s in run %s was not kept: %s", entry.scheme.code, entry.version, run_id, error)
    return written


def refresh(settings: Settings, engine: "Engine") -> dict[str, int]:
    """Keep what is due with the published run and write its moves to the outbox; again changes nothing."""
    with reading(engine) as session:
        run = runs.current(session)
    if run is None or run.id is None:
        return {"kept": 0, "events": 0}
    return {"kept": keep_due(settings, engine, run.id), "events": write_events(settings, engine, run.id)}


def refresh_bank(settings: Settings) -> dict[str, int]:
    """The same for the bank of these settings; its connections are closed at the end."""
    engine = make_engine(settings.store)
    try:
        return refresh(settings, engine)
    finally:
        engine.dispose()


def keep(settings: Settings, engine: "Engine", entry: SchemeEntry, run_id: int, *, person_id: int | None = None) -> SegmentMembership:
    """Keep the membership of a version in a published run; kept once, and again the same file."""
    code, version = entry.scheme.code, entry.version
    with reading(engine) as session:
        known = segment_membership.of_run(session, code, version, run_id)
        run = session.get_one(runs.Run, run_id)
        if known is not None:
            return known
        roll = open_for(settings, session, None, as_of=date.fromisoformat(run.as_of), frozen=entry.cuts)
    if roll.run.id != run_id:
        raise InputError(f"run {run_id} is not the one that readers see as of {run.as_of}", f"run {roll.run.id}", "keep that one")
    rows = roster(entry.scheme, roll.reading)
    path = membership_path(settings, run_id, code, version)
    write_whole(rows, path)
    clients, digest = int(pc.count_distinct(rows.column("client_id")).as_py()), digest_of([path])
    try:
        with transaction(engine) as session:
            now = database_time(session)
            row = SegmentMembership(
                code=code,
                version=version,
                run_id=run_id,
                as_of=run.as_of,
                clients=clients,
                rows=rows.num_rows,
                scheme_sha256=entry.sha256,
                sha256=digest,
                made_at=now,
            )
            session.add(row)
            if person_id is not None:
                audit.record(session, "membership_kept", f"{code} v{version}", person_id=person_id, run_id=run_id, clients=clients, sha256=digest)
    except IntegrityError:  # somebody kept the same membership at the same moment: theirs is ours
        with reading(engine) as session:
            theirs = segment_membership.of_run(session, code, version, run_id)
        if theirs is None:
            raise
        return theirs
    return row


def write_events(settings: Settings, engine: "Engine", run_id: int) -> int:
    """Write the moves of the published schemes kept in a run to the outbox; how many were written. History that is filled in later moves nobody."""
    written = 0
    with reading(engine) as session:
        entries = [entry for entry in list_schemes(session) if entry.state == "live"]
        pairs = [(entry, *_pair(session, entry, run_id)) for entry in entries]
    for entry, before, after in pairs:
        if before is None or after is None:
            continue
        moved = changes(_read(settings, before), _read(settings, after), is_exclusive=entry.scheme.is_exclusive)
        try:
            with segment_event.one_writer(engine):
                written += append(engine, "segment_event", _as_events(moved, before, after))
        except IntegrityError:
            _log.info("moves of %s in run %s were written by somebody else", entry.scheme.code, run_id)
    return written


def roster_as_of(settings: Settings, session: Session, scope: Scope | None, entry: SchemeEntry, as_of: date | None = None) -> Roster:
    """Who was in which segment on a date: the file kept then where there is one, else the rules read on the roll of that run.

    Raises
    ------
    MissingDataError
        When nothing was published by then.
    ArtefactError
        When the file is not the one that was kept.
    """
    run = runs.current(session) if as_of is None else runs.published_by(session, as_of.isoformat())
    row = segment_membership.of_run(session, entry.scheme.code, entry.version, run.id) if run is not None and run.id is not None else None
    if row is not None and row.scheme_sha256 == entry.sha256:
        kept = without(visible(_read(settings, row), scope), left_out(session, scope))
        return Roster(date.fromisoformat(row.as_of), row.run_id, kept, is_kept=True)
    roll = open_for(settings, session, scope, as_of=as_of, frozen=entry.cuts)
    return Roster(roll.as_of, roll.run.id or 0, roster(entry.scheme, roll.reading), is_kept=False)


def membership_path(settings: Settings, run_id: int, code: str, version: int) -> Path:
    """File of a version's membership in a run."""
    return settings.home / "snapshots" / "runs" / str(run_id) / "members" / f"{code}-v{version}.parquet"


def visible(rows: pa.Table, scope: Scope | None) -> pa.Table:
    """The rows of the clients a person may see.

    Raises
    ------
    NotFoundError
        For a role that sees no client at all.
    """
    if scope is None or scope.sees_whole_book:
        return rows
    limits = {Role.RELATIONSHIP_MANAGER: ("rm_id", scope.rm_id), Role.BRANCH_HEAD: ("branch_id", scope.branch_id)}
    if scope.role not in limits:
        raise NotFoundError(f"nothing here for the role {scope.role}", "a role with clients")
    column, own = limits[scope.role]
    return rows.filter(pc.field(column) == own) if own else rows.slice(0, 0)


def _is_due(session: Session, entry: SchemeEntry, run: runs.Run, chosen: dict[str, str]) -> bool:
    code, version = entry.scheme.code, entry.version
    if segment_membership.of_run(session, code, version, run.id or 0) is not None:
        return False
    last = segment_membership.last_refreshed(session, code, version, run.as_of)
    cadence = chosen.get(code, segment_refresh.DEFAULT_CADENCE)
    return last == run.as_of or is_due(cadence, date.fromisoformat(last) if last else None, date.fromisoformat(run.as_of))


def _pair(session: Session, entry: SchemeEntry, run_id: int) -> tuple[SegmentMembership | None, SegmentMembership | None]:
    """The memberships before and in a run, none where their moves are written already or a later date was kept."""
    code, version = entry.scheme.code, entry.version
    after = segment_membership.of_run(session, code, version, run_id)
    kept = segment_membership.kept_for(session, code, version)
    if after is None or kept[0].run_id != run_id or segment_event.are_written(session, code, version, run_id):
        return None, None
    return segment_membership.before(session, code, version, after.as_of), after


def _as_events(moved: pa.Table, before: SegmentMembership, after: SegmentMembership) -> pa.Table:
    same = {"code": after.code, "version": after.version, "run_id": after.run_id, "from_as_of": before.as_of, "as_of": after.as_of, "made_at": after.made_at}
    rows = moved.select(["client_id", "from_segment", "to_segment", "rm_id", "branch_id"])
    for name, value in same.items():
        rows = rows.append_column(name, pa.array([value] * rows.num_rows))
    return rows


def _read(settings: Settings, row: SegmentMembership) -> pa.Table:
    path = membership_path(settings, row.run_id, row.code, row.version)
    rows = read_checked(path)
    if digest_of([path]) != row.sha256:
        raise ArtefactError(f"{path.name} of run {row.run_id} is not the file that was kept", "the recorded SHA-256", "look at who changed it")
    return rows
