"""Erasing a client: asked by one person, decided by another, refused where a duty to keep stands, done by a worker."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from bankseg.domain.buckets import bucket_of
from bankseg.domain.erasure import GROUNDS, LEAST_REASON, LONGEST_REASON, KeptByDutyError, kept_until, pseudonym_of
from bankseg.domain.errors import InputError, MissingDataError, NotFoundError
from bankseg.domain.jobs import JobState, Stage
from bankseg.domain.people import Scope
from bankseg.domain.policy import Policy
from bankseg.domain.rights import Right, require
from bankseg.lake.erase import contracts_of, is_known
from bankseg.lake.extent import bucket_count
from bankseg.queue import ring
from bankseg.services.policy_in_force import policy_in_force
from bankseg.settings import Settings
from bankseg.storage import audit, client_erasure
from bankseg.storage.client_erasure import APPROVED, ASKED, REFUSED, ClientErasure, ErasedKey, ErasureSubject, LegalHold
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.job import Job
from bankseg.storage.person import name_of

ENDED_BADLY = (JobState.FAILED, JobState.QUARANTINED)


@dataclass(frozen=True, slots=True)
class ErasurePage:
    """One erasure and what this person may do with it; `subject` is the client's own identifier while the erasure is open."""

    row: ClientErasure
    subject: str | None
    people: dict[str, str]
    job: Job | None
    stands_against: KeptByDutyError | None
    may_decide: bool
    may_retry: bool


@dataclass(frozen=True, slots=True)
class ErasuresPage:
    """Every erasure with who asked, newest first, and the legal holds that stand."""

    rows: list[tuple[ClientErasure, str]]
    holds: list[tuple[LegalHold, str]]
    grounds: tuple[str, ...]
    keep_closed_years: int


def ask(settings: Settings, engine: Engine, scope: Scope, client_id: str, ground: str, reason: str) -> int:
    """Ask that a client be erased; returns the erasure's number. Nothing is hidden or removed before a second person approves.

    Raises
    ------
    InputError
        When the ground is none of the law's, or the reason is too short or names the client.
    NotFoundError
        When there is no such client.
    KeptByDutyError
        When a duty to keep stands, or an erasure of this client is open.
    """
    require(scope, Right.ERASE)
    if ground not in GROUNDS:
        raise InputError(f"ground {ground[:40]!r}", ", ".join(GROUNDS), "choose one of these")
    said = checked_reason(reason, client_id)
    key, bucket = settings.key(), _bucket(settings, client_id)
    if not is_known(settings.lake, client_id, bucket):
        raise NotFoundError(f"no client {client_id[:40]!r} in the lake", "the identifier the bank's extracts give", "correct it")
    pseudonym = pseudonym_of(key, client_id)
    with reading(engine) as session:
        refuse_kept(settings, session, policy_in_force(settings, session), client_id, ground)
    try:
        with transaction(engine) as session:
            row = ClientErasure(pseudonym=pseudonym, ground=ground, reason=said, asked_by=scope.person_id, asked_at=database_time(session))
            session.add(row)
            session.flush()
            session.add(ErasureSubject(erasure_id=row.id or 0, subject=client_id))
            audit.record(session, "erasure_asked", f"erasure:{row.id}", person_id=scope.person_id, pseudonym=pseudonym, ground=ground)
            return row.id or 0
    except IntegrityError as error:
        raise KeptByDutyError("an erasure of this client is open", "one at a time", "see the list of erasures") from error


def decide(settings: Settings, engine: Engine, scope: Scope, number: int, *, approve: bool, reason: str) -> None:
    """Approve an erasure, which hides the client at once and sends a worker, or refuse it.

    Raises
    ------
    InputError
        When there is no reason.
    NotFoundError
        When there is no such erasure.
    KeptByDutyError
        When it was decided before, the person asked for it, or a duty to keep stands.
    """
    require(scope, Right.ERASE)
    job_id = None
    with transaction(engine) as session:
        row = session.exec(select(ClientErasure).where(ClientErasure.id == number).with_for_update()).one_or_none()
        subject = client_erasure.subject_of(session, number)
        if row is None:
            raise NotFoundError(f"no erasure {number}")
        if row.state != ASKED or subject is None:
            raise KeptByDutyError(f"erasure {number} is {row.state}", "one that was asked for", "open its page again")
        if row.asked_by == scope.person_id:
            raise KeptByDutyError("this erasure is your own request", "the decision of a second person", "ask a colleague")
        said, now = checked_reason(reason, subject.subject), database_time(session)
        if approve:
            refuse_kept(settings, session, policy_in_force(settings, session), subject.subject, row.ground)
        row.state, row.decision_reason, row.decided_by, row.decided_at = APPROVED if approve else REFUSED, said, scope.person_id, now
        if approve:
            subject.is_hidden = True
            job_id = _queue(settings, session, row, subject.subject)
        else:
            session.delete(subject)
        audit.record(session, f"erasure_{row.state}", f"erasure:{number}", person_id=scope.person_id, pseudonym=row.pseudonym)
    if job_id is not None:
        ring(settings, [job_id])


def retry(settings: Settings, engine: Engine, scope: Scope, number: int) -> None:
    """Send a worker again to an erasure whose attempts were used up.

    Raises
    ------
    MissingDataError
        When its job has not failed.
    """
    require(scope, Right.ERASE)
    with transaction(engine) as session:
        row = session.get(ClientErasure, number)
        job = session.get(Job, row.job_id, with_for_update=True) if row is not None and row.job_id is not None else None
        if row is None or job is None or job.state not in ENDED_BADLY:
            raise MissingDataError(f"erasure {number} has no job that failed", "one whose attempts are used up", "open its page again")
        job.state, job.attempt, job.error, job.done, job.rung_at = JobState.QUEUED, 0, None, 0, database_time(session)
        audit.record(session, "erasure_retried", f"erasure:{number}", person_id=scope.person_id, pseudonym=row.pseudonym)
        job_id = job.id or 0
    ring(settings, [job_id])


def place_hold(settings: Settings, engine: Engine, scope: Scope, client_id: str, reason: str) -> int:
    """Let nothing on a client be erased until the hold is lifted; returns its number. What is kept is the pseudonym."""
    require(scope, Right.ERASE)
    said = checked_reason(reason, client_id)
    if not is_known(settings.lake, client_id, _bucket(settings, client_id)):
        raise NotFoundError(f"no client {client_id[:40]!r} in the lake", "the identifier the bank's extracts give", "correct it")
    with transaction(engine) as session:
        hold = LegalHold(pseudonym=pseudonym_of(settings.key(), client_id), reason=said, placed_by=scope.person_id, placed_at=database_time(session))
        session.add(hold)
        session.flush()
        audit.record(session, "hold_placed", f"hold:{hold.id}", person_id=scope.person_id, pseudonym=hold.pseudonym)
        return hold.id or 0


def lift_hold(engine: Engine, scope: Scope, hold_id: int) -> None:
    """End a legal hold.

    Raises
    ------
    NotFoundError
        When there is none that stands.
    """
    require(scope, Right.ERASE)
    with transaction(engine) as session:
        hold = session.get(LegalHold, hold_id, with_for_update=True)
        if hold is None or hold.lifted_at is not None:
            raise NotFoundError(f"no hold {hold_id} stands")
        hold.lifted_by, hold.lifted_at = scope.person_id, database_time(session)
        audit.record(session, "hold_lifted", f"hold:{hold_id}", person_id=scope.person_id, pseudonym=hold.pseudonym)


def erasures_page(settings: Settings, session: Session, scope: Scope) -> ErasuresPage:
    """Every erasure and every hold."""
    require(scope, Right.ERASE)
    rows = [(row, name_of(session, row.asked_by)) for row in client_erasure.latest(session)]
    holds = [(hold, name_of(session, hold.placed_by)) for hold in client_erasure.holds(session)]
    return ErasuresPage(rows, holds, GROUNDS, int(policy_in_force(settings, session).section("erasure")["keep_closed_years"]))


def erasure_page(settings: Settings, session: Session, scope: Scope, number: int) -> ErasurePage:
    """One erasure.

    Raises
    ------
    NotFoundError
        When there is none.
    """
    require(scope, Right.ERASE)
    row = session.get(ClientErasure, number)
    if row is None:
        raise NotFoundError(f"no erasure {number}")
    subject = client_erasure.subject_of(session, number)
    job = session.get(Job, row.job_id) if row.job_id is not None else None
    people = {step: name_of(session, getattr(row, f"{step}_by")) for step in ("asked", "decided")}
    against = _stands_against(settings, session, row, subject) if row.state == ASKED and subject is not None else None
    may_decide = row.state == ASKED and row.asked_by != scope.person_id
    return ErasurePage(row, subject.subject if subject else None, people, job, against, may_decide, job is not None and job.state in ENDED_BADLY)


def erasure_document(page: ErasurePage) -> dict[str, Any]:
    """An erasure as JSON; `Any`: JSON values. The client's own identifier is told only while the erasure is open."""
    row = page.row
    return {
        "id": row.id, "state": row.state, "pseudonym": row.pseudonym, "client_id": page.subject, "ground": row.ground, "reason": row.reason, "asked_at": row.asked_at,
        "decided_at": row.decided_at, "decision_reason": row.decision_reason, "erased_at": row.erased_at, "people": page.people, "receipt": row.receipt,
        "job_state": page.job.state if page.job else None, "error": page.job.error if page.job else None,
        "stands_against": str(page.stands_against) if page.stands_against else None,
    }  # fmt: skip


def refuse_kept(settings: Settings, session: Session, policy: Policy, client_id: str, ground: str) -> None:
    """Refuse an erasure against which a duty to keep stands.

    Raises
    ------
    KeptByDutyError
        Saying which duty, and until when.
    """
    held = client_erasure.holds(session, pseudonym_of(settings.key(), client_id))
    if held:
        raise KeptByDutyError(f"a legal hold stands since {_day(held[0].placed_at)}: {held[0].reason}", "no hold", "have it lifted first, by who placed it")
    section = policy.section("erasure")
    if ground in section["grounds_over_retention"]:
        return
    years = int(section["keep_closed_years"])
    until = kept_until([contract["closed_on"] for contract in contracts_of(settings.lake, client_id, _bucket(settings, client_id))], years)
    if until == date.max:
        raise KeptByDutyError(
            "the client holds an open contract, whose facts must be kept",
            f"every contract closed for {years} years",
            "record an objection to marketing, or ask again when it is over",
        )
    if until is not None and until > _day(database_time(session)):
        raise KeptByDutyError(f"the facts of a former client are kept for {years} years: here until {until}", f"a day after {until}", "ask again then")


def checked_reason(reason: str, client_id: str) -> str:
    """A reason that is long enough and does not name the client: it outlives the erasure.

    Raises
    ------
    InputError
        When it is neither.
    """
    said = " ".join(reason.split())
    if not LEAST_REASON <= len(said) <= LONGEST_REASON:
        raise InputError(f"a reason of {len(said)} characters", f"{LEAST_REASON} to {LONGEST_REASON}", "say why, for whoever reads it in a year")
    if client_id in said:
        raise InputError("the reason names the client", "words that may outlive the erasure", "leave the client's number and name out")
    return said


def _queue(settings: Settings, session: Session, row: ClientErasure, client_id: str) -> int:
    """The job, and the keys by which the client and the accounts are known should they come again."""
    key, bucket = settings.key(), _bucket(settings, client_id)
    accounts = [str(contract["account_id"]) for contract in contracts_of(settings.lake, client_id, bucket)]
    for kind, identifier in (("client", client_id), *(("account", account_id) for account_id in accounts)):
        session.merge(ErasedKey(pseudonym=pseudonym_of(key, identifier), kind=kind, erasure_id=row.id or 0))
    now = database_time(session)
    job = Job(key=f"erase:{row.id}", stage=Stage.ERASE, state=JobState.QUEUED, payload={"erasure_id": row.id}, created_at=now, rung_at=now)
    session.add(job)
    session.flush()
    row.job_id = job.id
    return job.id or 0


def _stands_against(settings: Settings, session: Session, row: ClientErasure, subject: ErasureSubject) -> KeptByDutyError | None:
    try:
        refuse_kept(settings, session, policy_in_force(settings, session), subject.subject, row.ground)
    except KeptByDutyError as error:
        return error
    return None


def _bucket(settings: Settings, client_id: str) -> int:
    return bucket_of(client_id, bucket_count(settings.lake))


def _day(at: float) -> date:
    return datetime.fromtimestamp(at, UTC).date()
