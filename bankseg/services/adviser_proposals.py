"""Who should serve whom in a branch: proposed on the published run, decided by a second person, taken to the bank's system as a file.

Nothing here changes who serves a client or who sees one: the bank's next extract does (ADR 0050).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from bankseg.delivery.columns import Column, Format
from bankseg.delivery.writers import Delivery
from bankseg.domain.assignment import POINTS, AssignmentTerms, assignment_terms
from bankseg.domain.errors import InputError, MissingDataError, NotFoundError
from bankseg.domain.model_errors import NotAllowedError
from bankseg.domain.people import Role, Scope
from bankseg.domain.rights import Right, may, require
from bankseg.domain.rule_words import words
from bankseg.services.adviser_weighing import DESCRIBED, described, weighed_on
from bankseg.services.export_list import Exported
from bankseg.services.policy_in_force import policy_in_force
from bankseg.services.rolls import OpenRoll, open_for
from bankseg.services.segment_schemes import ValueName, attributes_for, namer, plain
from bankseg.services.stamp import Stamp, stamp
from bankseg.settings import Settings
from bankseg.storage import adviser, adviser_proposal, audit
from bankseg.storage import run as runs
from bankseg.storage.adviser import AdviserRow
from bankseg.storage.adviser_proposal import APPROVED, ASKED, OUTDATED, REFUSED, AdviserProposal
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.person import name_of
from bankseg.storage.portfolio import Row

LEAST_REASON, LONGEST_REASON = 10, 500
MOST_SHOWN = 200
MOVE_COLUMNS = (
    Column("as_of", "as_of"), Column("proposal_id", "proposal_id", "integer"), Column("client_id", "client_id"), Column("name", "name"), Column("branch_id", "branch_id"),
    Column("from_rm_id", "from_rm_id"), Column("to_rm_id", "to_rm_id"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AdvisersPage:
    """Advisers of a branch, or of every branch where `branch_id` is null, each with the clients it serves as published; null to who sees no client.

    `elsewhere` counts the clients in scope whom no known adviser serves; `terms` are the policy's, each need with its rule in words.
    """

    stamp: Stamp
    branch_id: str | None
    advisers: list[tuple[AdviserRow, int | None]]
    elsewhere: int | None
    proposals: list[tuple[AdviserProposal, str]]
    may_ask: bool
    points: dict[str, int]
    speaks_language: bool
    needs: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class ProposalPage:
    """One proposal and what this person may do with it. `moves` are the first of those of clients in scope; null to who sees no client, as is `followed`."""

    row: AdviserProposal
    people: dict[str, str]
    is_of_published_run: bool
    may_decide: bool
    moves: list[Row] | None
    followed: int | None


def ask(settings: Settings, engine: Engine, scope: Scope | None, branch_id: str, reason: str) -> int:
    """Work out who should serve whom in a branch and keep it for a second person; returns the proposal's number. Scope None: the operator at the command line.

    Raises
    ------
    InputError
        When the reason is too short or too long.
    NotFoundError
        When the branch is not this person's.
    MissingDataError
        When nothing was published, no adviser of the branch is known, or nobody would be better served by another.
    NotAllowedError
        When a proposal about the published run waits already.
    """
    _refuse_branch(scope, branch_id)
    said = _reason(reason)
    with reading(engine) as session:
        policy, roll, staff = policy_in_force(settings, session), open_for(settings, session, scope), _staff(session, branch_id)
    terms = assignment_terms(policy.section("assignment"))
    found, weighed = weighed_on(roll, staff, branch_id, terms)
    if not found.moves:
        raise MissingDataError(
            "nobody here would be better served by another adviser", "a move worth its points", "look at the skills, the capacity and the policy"
        )
    rows: list[Row] = [{"client_id": move.client_id, "from_rm_id": move.from_rm_id, "to_rm_id": move.to_rm_id} for move in found.moves]
    try:
        with transaction(engine) as session:
            _replace_outdated(session, branch_id, roll)
            row = AdviserProposal(
                branch_id=branch_id, run_id=roll.run.id or 0, as_of=roll.run.as_of, policy_sha256=policy.sha256, weighed=weighed, reason=said,
                asked_by=scope.person_id if scope else None, asked_at=database_time(session),
            )  # fmt: skip
            session.add(row)
            session.flush()
            adviser_proposal.write_moves(session, row.id or 0, rows)
            audit.record(session, "advisers_proposed", _subject(row), person_id=row.asked_by, branch=branch_id, as_of=row.as_of, moves=len(rows), reason=said)
            return row.id or 0
    except IntegrityError as error:  # a colleague asked at the same moment
        raise _waits() from error


def decide(engine: Engine, scope: Scope, number: int, *, approve: bool, reason: str) -> None:
    """Approve a proposal, whose moves may then be taken to the bank's system, or refuse it.

    Raises
    ------
    InputError
        When the reason is too short or too long.
    NotFoundError
        When there is no such proposal for this person.
    NotAllowedError
        When it was decided before, the person asked for it, or, to approve it, a later run was published or the advisers changed since.
    """
    require(scope, Right.ADVISERS)
    said = _reason(reason)
    with transaction(engine) as session:
        row = _one(session, scope, number, lock=True)
        if row.state != ASKED:
            raise NotAllowedError(f"proposal {number} is {row.state}", "one that was asked for", "open its page again")
        if row.asked_by == scope.person_id:
            raise NotAllowedError("this proposal is your own", "the decision of a second person", "ask a colleague")
        if approve:
            _refuse_changed(session, row)
        row.state, row.decided_by, row.decision_reason, row.decided_at = APPROVED if approve else REFUSED, scope.person_id, said, database_time(session)
        audit.record(session, f"advisers_{row.state}", _subject(row), person_id=scope.person_id, branch=row.branch_id, asked_by=row.asked_by, reason=said)


def advisers_page(settings: Settings, session: Session, scope: Scope, *, language: str = "en", value_name: ValueName = plain) -> AdvisersPage:
    """The advisers of a person's branch, of every branch for the administrator, and the proposals about them."""
    require(scope, Right.ADVISERS)
    branch = _branch_of(scope)
    staff = [row for row in adviser.known(session) if branch is None or row.branch_id == branch]
    terms = assignment_terms(policy_in_force(settings, session).section("assignment"))
    served = adviser_proposal.served(session, scope) if may(scope.role, Right.MOVE_CLIENTS) else None
    rows = [(row, served.get(row.rm_id, 0) if served is not None else None) for row in staff]
    elsewhere = sum(served.values()) - sum(clients or 0 for _, clients in rows) if served is not None else None
    known = [(row, name_of(session, row.asked_by)) for row in adviser_proposal.proposals(session, branch)]
    points = {name: getattr(terms, name) for name in POINTS}
    may_ask = served is not None and bool(staff) and bool(branch)
    needs = _needs_in_words(settings, session, terms, language, value_name)
    return AdvisersPage(stamp(session), branch, rows, elsewhere, known, may_ask, points, terms.speaks_language, needs)


def proposal_page(session: Session, scope: Scope, number: int) -> ProposalPage:
    """One proposal.

    Raises
    ------
    NotFoundError
        When there is none for this person.
    """
    require(scope, Right.ADVISERS)
    row = _one(session, scope, number)
    people = {step: name_of(session, getattr(row, f"{step}_by")) for step in ("asked", "decided")}
    run = runs.current(session)
    sees = may(scope.role, Right.MOVE_CLIENTS)
    return ProposalPage(
        row, people, run is not None and run.id == row.run_id, row.state == ASKED and row.asked_by != scope.person_id,
        adviser_proposal.moves(session, scope, number, MOST_SHOWN) if sees else None, adviser_proposal.followed(session, scope, number) if sees else None,
    )  # fmt: skip


def proposal_document(page: ProposalPage) -> dict[str, Any]:
    """A proposal as JSON."""
    row = page.row.model_dump(exclude={"asked_by", "decided_by"})
    return {**row, "people": page.people, "is_of_published_run": page.is_of_published_run, "moves": page.moves, "followed": page.followed}


def export_moves(engine: Engine, scope: Scope, number: int, path: Path, *, file_format: Format = "csv") -> Exported:
    """Write the moves of an approved proposal for the bank's system, and record who took them.

    Raises
    ------
    NotFoundError
        When there is no such proposal for this person.
    NotAllowedError
        When it is not approved.
    """
    require(scope, Right.MOVE_CLIENTS)
    with reading(engine) as session:
        row = _one(session, scope, number)
        if row.state != APPROVED:
            raise NotAllowedError(f"proposal {number} is {row.state}", "an approved one", "a second person approves it on its page")
        rows = adviser_proposal.moves(session, scope, number)
        as_of, run_id = row.as_of, row.run_id
    with Delivery(path, file_format, MOVE_COLUMNS) as delivery:
        delivery.write_all({**found, "as_of": as_of, "proposal_id": number} for found in rows)
    try:
        with transaction(engine) as session:
            audit.record(session, "export", f"advisers:{number}", person_id=scope.person_id, rows=delivery.rows, format=file_format, as_of=as_of)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Exported(path, delivery.rows, run_id, as_of)


def _branch_of(scope: Scope) -> str | None:
    """The branch a person answers for; None: every branch."""
    return (scope.branch_id or "") if scope.role is Role.BRANCH_HEAD else None


def _refuse_branch(scope: Scope | None, branch_id: str) -> None:
    if scope is None:
        return
    require(scope, Right.MOVE_CLIENTS)
    if not branch_id or branch_id != _branch_of(scope):
        raise NotFoundError(f"no branch {branch_id[:60]!r} of yours", "your own branch")


def _one(session: Session, scope: Scope, number: int, *, lock: bool = False) -> AdviserProposal:
    row = session.get(AdviserProposal, number, with_for_update=lock or None)
    branch = _branch_of(scope)
    if row is None or (branch is not None and row.branch_id != branch):
        raise NotFoundError(f"no proposal {number}")
    return row


def _staff(session: Session, branch_id: str) -> list[AdviserRow]:
    found = [row for row in adviser.known(session) if row.branch_id == branch_id]
    if not found:
        raise MissingDataError(f"no adviser of branch {branch_id[:60]!r} is known", "skills and capacity of its advisers", "bankseg advisers load FILE")
    return found


def _replace_outdated(session: Session, branch_id: str, roll: OpenRoll) -> None:
    waiting = adviser_proposal.open_proposal(session, branch_id)
    if waiting is None:
        return
    if waiting.run_id == roll.run.id:
        raise _waits()
    waiting.state, waiting.decided_at = OUTDATED, database_time(session)
    session.flush()
    audit.record(session, "advisers_outdated", _subject(waiting), branch=branch_id)


def _waits() -> NotAllowedError:
    return NotAllowedError("a proposal for this branch waits for its decision", "one at a time", "let a second person decide it first")


def _refuse_changed(session: Session, row: AdviserProposal) -> None:
    run = runs.current(session)
    if run is None or run.id != row.run_id:
        raise NotAllowedError(f"a run later than {row.as_of} is published", "a proposal about the published run", "refuse this one and ask again")
    now = [described(one) for one in adviser.known(session) if one.branch_id == row.branch_id]
    if now != [{name: one[name] for name in DESCRIBED} for one in row.weighed["advisers"]]:
        raise NotAllowedError("skills or capacity of the advisers changed since", "a proposal about the advisers of now", "refuse this one and ask again")


def _needs_in_words(settings: Settings, session: Session, terms: AssignmentTerms, language: str, value_name: ValueName) -> list[dict[str, str]]:
    name = namer(attributes_for(settings, open_for(settings, session, None), None), language, value_name)
    return [{"code": need.code, "when": words(need.when, language, name)} for need in terms.needs]


def _subject(row: AdviserProposal) -> str:
    return f"adviser_proposal:{row.id}"


def _reason(reason: str) -> str:
    said = " ".join(reason.split())
    if not LEAST_REASON <= len(said) <= LONGEST_REASON:
        raise InputError(f"a reason of {len(said)} characters", f"{LEAST_REASON} to {LONGEST_REASON}", "say why, for whoever reads it in a year")
    return said
