"""Versions of the policy: drafted in fields or as text, proposed by one person, decided by another, in force from the next run."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from bankseg.domain.errors import InputError, MissingDataError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.policy import entries_of, load_policy
from bankseg.domain.rights import Right, require
from bankseg.domain.toml_text import toml_text
from bankseg.services.policy_in_force import policy_in_force
from bankseg.services.unchanged import refuse_if_changed
from bankseg.settings import Settings
from bankseg.storage import audit, policy_version
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.policy_version import PolicyVersion

LONGEST_REASON, LONGEST_ENTRIES = 500, 50_000


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field."""

    found: str
    expected: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry that has a field: its value in force, what was typed, and what is wrong with it. `Any`: a TOML value."""

    name: str
    value: Any
    typed: str
    fault: Fault | None


def fields(settings: Settings, session: Session, scope: Scope, form: Mapping[str, str] | None = None) -> dict[str, list[Entry]]:
    """The entries that have a field, by section: numbers, texts, yes or no, and lists of texts or numbers."""
    require(scope, Right.CHANGE_POLICY)
    sections: dict[str, list[Entry]] = {}
    for name, value in scalars(policy_in_force(settings, session).values).items():
        typed = (form or {}).get(name, shown(value))
        sections.setdefault(name.split(".", 1)[0], []).append(Entry(name, value, typed, None if typed == shown(value) else _fault(name, typed, value)))
    return sections


def entries_typed(settings: Settings, session: Session, scope: Scope, form: Mapping[str, str]) -> str:
    """The TOML of all that differs from default and file: the version in force, with what was typed over it.

    Raises
    ------
    InputError
        When a field cannot be read; `fields` says which and why.
    """
    if any(entry.fault for entries in fields(settings, session, scope, form).values() for entry in entries):
        raise InputError("some values cannot be read", "values of the kind in force", "correct the fields marked below")
    known = policy_version.in_force(session)
    document = tomllib.loads(known.entries) if known else {}
    base = scalars(load_policy(settings.policy_file).values)
    for name, value in scalars(policy_in_force(settings, session).values).items():
        typed = form.get(name, shown(value))
        if typed != shown(value):
            _put(document, name, read_as(typed, value), base.get(name))
    return toml_text(document)


def propose(settings: Settings, engine: Engine, scope: Scope, text: str, reason: str, *, expected: Collection[str] | None = None) -> int:
    """Propose a version; one at a time is open.

    Parameters
    ----------
    expected
        SHA-256 of the policy that was in force when the draft was made; None: of whatever is.

    Raises
    ------
    ChangedMeanwhileError
        When another policy is in force by now.
    InputError
        When there is no reason, or nothing would change.
    ConfigurationError
        When the entries do not hold.
    MissingDataError
        When another version waits for its decision.
    """
    require(scope, Right.CHANGE_POLICY)
    why = _reason(reason)
    if len(text) > LONGEST_ENTRIES:
        raise InputError("the draft is too long", f"at most {LONGEST_ENTRIES:,} characters", "keep only what differs from the default")
    entries_of(text)
    draft = load_policy(settings.policy_file, text)
    with reading(engine) as session:
        known = policy_in_force(settings, session).sha256
        refuse_if_changed(known, expected)
        if draft.sha256 == known:
            raise InputError("the draft changes nothing", "an entry that differs from what is in force", "change one, or leave it")
    try:
        with transaction(engine) as session:
            version = PolicyVersion(entries=text, sha256=draft.sha256, proposed_by=scope.person_id, reason=why, proposed_at=database_time(session))
            session.add(version)
            session.flush()
            audit.record(session, "policy_proposed", f"policy {version.id}", person_id=scope.person_id, sha256=draft.sha256, reason=why)
            return version.id or 0
    except IntegrityError as error:
        raise MissingDataError("a version waits for its decision", "one proposal at a time", "have it decided first") from error


def decide(settings: Settings, engine: Engine, scope: Scope, number: int, *, approve: bool, reason: str) -> None:
    """Approve or reject an open version; from the next run an approved one is in force.

    Raises
    ------
    InputError
        When there is no reason, or the person proposed it.
    NotFoundError
        When there is no such version.
    MissingDataError
        When it was decided before.
    ConfigurationError
        When it no longer holds over the bank's file.
    """
    require(scope, Right.CHANGE_POLICY)
    why = _reason(reason)
    with transaction(engine) as session:
        version = session.exec(select(PolicyVersion).where(PolicyVersion.id == number).with_for_update()).one_or_none()
        if version is None:
            raise NotFoundError(f"no version {number} of the policy")
        if version.state != "open":
            raise MissingDataError(f"version {number} is {version.state}", "an open version", "open the page again")
        if version.proposed_by == scope.person_id:
            raise InputError("this version is your own proposal", "the decision of a second person", "ask a colleague")
        if approve:
            load_policy(settings.policy_file, version.entries)
        now = database_time(session)
        version.state = "approved" if approve else "rejected"
        version.decided_by, version.decision_reason, version.decided_at = scope.person_id, why, now
        audit.record(session, f"policy_{version.state}", f"policy {number}", person_id=scope.person_id, sha256=version.sha256, reason=why)


def scalars(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Entries that have a field, under dotted names: neither tables nor lists of tables.

    Examples
    --------
    >>> scalars({"a": {"b": 1}, "c": [{"d": 2}], "e": ["x"]})
    {'a.b': 1, 'e': ['x']}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found |= scalars(value, f"{prefix}{key}.")
        elif not (isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value)):
            found[f"{prefix}{key}"] = value
    return found


def shown(value: Any) -> str:  # a TOML value
    """A value as its field shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def read_as(typed: str, known: Any) -> Any:  # TOML values
    """What was typed, as a value of the kind that is in force.

    Raises
    ------
    ValueError
        When it is none.

    Examples
    --------
    >>> read_as("0.05", 0.1), read_as("7, 30", [1]), read_as("true", False)
    (0.05, [7, 30], True)
    """
    text = typed.strip()
    match known:
        case bool():
            return {"true": True, "false": False}[text] if text in {"true", "false"} else _refuse()
        case int():
            return int(text)
        case float():
            return float(text)
        case list():
            return [read_as(part, known[0] if known else "") for part in text.split(",") if part.strip()]
        case _:
            return text or _refuse()


def _refuse() -> Any:
    raise ValueError


def _fault(name: str, typed: str, value: Any) -> Fault | None:
    try:
        read = read_as(typed, value)
    except ValueError:
        return Fault(f"{typed[:40]!r}", f"something like {shown(value)[:60]}", "write it as it is written now")
    is_share = name.rpartition(".")[2].endswith("_share")
    return Fault(typed, "a share between 0 and 1", "write 0.05 for 5 %") if is_share and not 0 <= read <= 1 else _below_zero(typed, read, value)


def _below_zero(typed: str, read: Any, value: Any) -> Fault | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    finite = not is_number or abs(read) < float("inf")
    return None if finite and (not is_number or read >= 0 or value < 0) else Fault(typed, "a number of 0 or more", "correct it")


def _put(document: dict[str, Any], name: str, value: Any, base: Any) -> None:
    """Set an entry under its dotted name, or take it out where it says what default and file say."""
    *tables, key = name.split(".")
    for table in tables:
        document = document.setdefault(table, {})
    if value == base:
        document.pop(key, None)
    else:
        document[key] = value


def _reason(text: str) -> str:
    given = text.strip()[:LONGEST_REASON]
    if not given:
        raise InputError("no reason", "why the policy should change, in words", "give one")
    return given
