"""The life of a scheme: a draft is published when its scorecard allows it or two persons agree against it, and retired when it has served."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.domain.schemes import scheme_document
from bankseg.services.scheme_validity import Trial, validity
from bankseg.services.segment_memberships import keep, keep_due, write_events
from bankseg.services.segment_schemes import LIVE, READY_MADE, RETIRED, SchemeEntry, find_scheme, save_scheme, scheme_for
from bankseg.services.segments_desk import stamp_of
from bankseg.services.stamp import Stamp, stamp
from bankseg.settings import Settings
from bankseg.storage import audit, segment_event, segment_override, segment_refresh
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.person import Person
from bankseg.storage.segment_membership import SegmentMembership, kept_for
from bankseg.storage.segment_override import SegmentOverride
from bankseg.storage.segment_refresh import CADENCES, DEFAULT_CADENCE, SegmentRefresh
from bankseg.storage.segment_scheme import SegmentScheme, version_of, versions

if TYPE_CHECKING:
    from sqlalchemy import Engine

LEAST_REASON = 10  # characters: fewer give no reason


@dataclass(frozen=True, slots=True)
class TrialPage:
    """The scorecard of the version looked at, what may be done with it, and what was done with the others."""

    stamp: Stamp
    trial: Trial
    waiting: SegmentOverride | None
    names: dict[int, str]
    may_decide: bool
    versions: list[SegmentScheme]
    requests: list[SegmentOverride]


@dataclass(frozen=True, slots=True)
class LifePage:
    """What was kept of a scheme and how often it is kept; `events` counts the moves in the outbox by run."""

    stamp: Stamp
    entry: SchemeEntry
    versions: list[SegmentScheme]
    kept: list[SegmentMembership]
    events: dict[int, int]
    cadence: str
    names: dict[int, str]


def trial_page(settings: Settings, session: Session, scope: Scope, code: str, version: int | None = None) -> TrialPage:
    """The scorecard of a scheme; of the version in use where none is named."""
    trial = validity(settings, session, scope, code, version)
    waiting = segment_override.waiting_for(session, code)
    requests = segment_override.requests(session, code)
    people = {row.asked_by for row in requests} | {row.decided_by for row in requests}
    known = versions(session, code)
    people |= {row.published_by for row in known} | {row.saved_by for row in known}
    may_decide = waiting is not None and waiting.asked_by != scope.person_id
    return TrialPage(stamp_of(trial.roll), trial, waiting, _names(session, people), may_decide, known, requests)


def life_page(settings: Settings, session: Session, scope: Scope, code: str) -> LifePage:
    """What was kept of a scheme, and how often."""
    require(scope, Right.SEGMENTS)
    entry = scheme_for(settings, session, scope, code)
    known = versions(session, code)
    cadence = segment_refresh.cadences(session).get(code, DEFAULT_CADENCE)
    names = _names(session, {row.published_by for row in known} | {row.saved_by for row in known})
    return LifePage(stamp(session), entry, known, kept_for(session, code), segment_event.counts(session, scope, code), cadence, names)


def publish(settings: Settings, engine: "Engine", scope: Scope, code: str, version: int | None = None) -> SegmentScheme:
    """Publish a version whose scorecard has no red line; a ready-made scheme becomes the bank's first version of it. The version published before is retired.

    Raises
    ------
    InputError
        Naming the segments and criteria that are red.
    """
    require(scope, Right.DESIGN)
    with transaction(engine) as session:
        row = _draft(settings, session, scope, code, version)
        trial = validity(settings, session, scope, code, row.version)
        if trial.blocking:
            told = "; ".join(f"{segment}: {criterion}" for segment, criterion in trial.blocking)
            raise InputError(f"{code} v{row.version} is red on {told}", "no red line", "change the scheme, or ask for an override with a reason")
        _go_live(session, row, trial, scope.person_id, reason="")
        run_id = trial.roll.run.id or 0
    keep_due(settings, engine, run_id)
    return row


def ask_override(settings: Settings, engine: "Engine", scope: Scope, code: str, reason: str, version: int | None = None) -> SegmentOverride:
    """Ask to publish a version against its scorecard; another person decides.

    Raises
    ------
    InputError
        When no reason is given, nothing is red, or a request waits already.
    """
    require(scope, Right.DESIGN)
    why = _reason(reason)
    with transaction(engine) as session:
        row = _draft(settings, session, scope, code, version)
        if segment_override.waiting_for(session, code) is not None:
            raise InputError(f"a request for {code} waits for a second person", "one request at a time", "decide on that one first")
        trial = validity(settings, session, scope, code, row.version)
        if not trial.blocking:
            raise InputError(f"{code} v{row.version} has no red line", "something to override", "publish it")
        now = database_time(session)
        asked = SegmentOverride(code=code, version=row.version, asked_by=scope.person_id, asked_at=now, reason=why, scorecard=trial.document())
        session.add(asked)
        session.flush()
        audit.record(
            session, "override_asked", f"{code} v{row.version}", person_id=scope.person_id, reason=why, blocking=[list(pair) for pair in trial.blocking]
        )
    return asked


def decide_override(settings: Settings, engine: "Engine", scope: Scope, code: str, reason: str, *, is_granted: bool) -> SegmentOverride:
    """The second look at a request: grant it, and the version is published with its reason; or refuse it.

    Raises
    ------
    NotFoundError
        When nothing waits.
    InputError
        When the person is the one who asked, or gives no reason.
    """
    require(scope, Right.DESIGN)
    why = _reason(reason)
    with transaction(engine) as session:
        scheme_for(settings, session, scope, code)
        asked = segment_override.waiting_for(session, code)
        if asked is None:
            raise NotFoundError(f"no request waits for {code}", "a request", "ask for an override first")
        if asked.asked_by == scope.person_id:
            raise InputError("you asked for this override yourself", "a second person", "let a colleague look at it")
        asked.state = "granted" if is_granted else "refused"
        asked.decided_by, asked.decision_reason, asked.decided_at = scope.person_id, why, database_time(session)
        audit.record(session, f"override_{asked.state}", f"{code} v{asked.version}", person_id=scope.person_id, asked_by=asked.asked_by, reason=why)
        run_id = 0
        if is_granted:
            trial = validity(settings, session, scope, code, asked.version)
            _go_live(session, _version(session, code, asked.version), trial, scope.person_id, reason=asked.reason)
            run_id = trial.roll.run.id or 0
        session.add(asked)
    if run_id:
        keep_due(settings, engine, run_id)
    return asked


def retire(settings: Settings, engine: "Engine", scope: Scope, code: str, reason: str) -> SegmentScheme:
    """Retire the published version; the ready-made scheme of that code, if there is one, stands in its place."""
    require(scope, Right.DESIGN)
    why = _reason(reason)
    with transaction(engine) as session:
        entry = scheme_for(settings, session, scope, code)
        if entry.state != LIVE:
            raise InputError(f"{code} v{entry.version} is not published", "a published version", "nothing to retire")
        row = _version(session, code, entry.version)
        row.state = RETIRED
        session.add(row)
        audit.record(session, "scheme_retired", f"{code} v{row.version}", person_id=scope.person_id, reason=why)
    return row


def set_cadence(settings: Settings, engine: "Engine", scope: Scope, code: str, cadence: str) -> str:
    """Choose how often the membership of a scheme is kept: with every published run, or with the first of a week or a month."""
    require(scope, Right.DESIGN)
    if cadence not in CADENCES:
        raise InputError(f"cadence {cadence[:20]!r}", ", ".join(CADENCES), "choose one of these")
    with transaction(engine) as session:
        scheme_for(settings, session, scope, code)
        now = database_time(session)
        session.merge(SegmentRefresh(code=code, cadence=cadence, set_by=scope.person_id, set_at=now))
        audit.record(session, "refresh_set", code, person_id=scope.person_id, cadence=cadence)
    return cadence


def keep_now(settings: Settings, engine: "Engine", scope: Scope, code: str) -> SegmentMembership:
    """Keep the membership of the version in use in the published run, whatever the cadence."""
    require(scope, Right.DESIGN)
    with reading(engine) as session:
        entry = scheme_for(settings, session, scope, code)
        run_id = stamp(session).run_id
    kept = keep(settings, engine, entry, run_id, person_id=scope.person_id)
    write_events(settings, engine, run_id)
    return kept


def _draft(settings: Settings, session: Session, scope: Scope, code: str, version: int | None) -> SegmentScheme:
    """The version to publish: the one named, else the latest; a ready-made scheme is saved first."""
    entry = scheme_for(settings, session, scope, code, version if version is not None else _latest(session, code))
    if entry.state == READY_MADE:
        return save_scheme(settings, session, scope, scheme_document(entry.scheme), note="from the ready-made scheme", person_id=scope.person_id)
    if entry.state == LIVE:
        raise InputError(f"{code} v{entry.version} is published already", "a draft", "save a new version first")
    return _version(session, code, entry.version)


def _latest(session: Session, code: str) -> int:
    row = version_of(session, code)
    return row.version if row is not None else find_scheme(session, code).version


def _version(session: Session, code: str, version: int) -> SegmentScheme:
    row = version_of(session, code, version)
    if row is None:
        raise NotFoundError(f"no version {version} of {code}", "a saved version")
    return row


def _go_live(session: Session, row: SegmentScheme, trial: Trial, person_id: int, *, reason: str) -> None:
    for other in session.exec(select(SegmentScheme).where(SegmentScheme.code == row.code, SegmentScheme.state == LIVE)):
        other.state = RETIRED
        session.add(other)
    session.flush()
    row.state, row.validity, row.override_reason = LIVE, trial.document(), reason
    row.published_by, row.published_at = person_id, database_time(session)
    session.add(row)
    audit.record(session, "scheme_published", f"{row.code} v{row.version}", person_id=person_id, run_id=trial.roll.run.id, override=reason)


def _reason(text: str) -> str:
    told = text.strip()[:500]
    if len(told) < LEAST_REASON:
        raise InputError(f"a reason of {len(told)} characters", f"{LEAST_REASON} or more", "say why in a sentence")
    return told


def _names(session: Session, people: set[int | None]) -> dict[int, str]:
    rows = session.exec(select(Person).where(col(Person.id).in_({one for one in people if one is not None})))
    return {row.id: row.display_name for row in rows if row.id is not None}
