"""Strategic profiles of firms: saved in versions by those who serve the firm, read by whoever sees it, and laid beside the roll for rules to read."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from bankseg.domain.errors import InputError
from bankseg.domain.firm_profile import CRITERIA, FIRMS, PREFIX, FirmProfile, read_profile
from bankseg.domain.people import Scope
from bankseg.domain.request_errors import ChangedMeanwhileError
from bankseg.domain.rights import Right, may, require
from bankseg.services.client_facts import client_in_scope
from bankseg.services.stamp import Stamp
from bankseg.services.unchanged import refuse_if_changed
from bankseg.storage import audit, firm_profile
from bankseg.storage.database import database_time, transaction
from bankseg.storage.firm_profile import FirmProfileVersion
from bankseg.storage.person import names
from bankseg.storage.portfolio import Row


@dataclass(frozen=True, slots=True)
class SavedProfile:
    """One version of a profile; `author` is empty where the person is no longer known, `saved_at` an instant in UTC seconds."""

    answers: Mapping[str, str]
    note: str
    version: int
    author: str
    saved_at: float


@dataclass(frozen=True, slots=True)
class FirmProfilePage:
    """Every version of a firm's profile, latest first, and the answers to choose from by criterion; a client that is no firm has none."""

    stamp: Stamp
    client: Row
    profiles: list[SavedProfile]
    may_save: bool
    criteria: Mapping[str, tuple[str, ...]]

    @property
    def is_firm(self) -> bool:
        """Whether the client can have a profile."""
        return self.client["kind"] in FIRMS

    @property
    def latest(self) -> SavedProfile:
        """What stands; version 0: nothing was written yet."""
        return self.profiles[0] if self.profiles else SavedProfile({}, "", 0, "", 0.0)


def firm_profile_page(session: Session, scope: Scope, client_id: str) -> FirmProfilePage:
    """The profile of a client in scope.

    Raises
    ------
    NotFoundError
        When there is no such client in scope.
    """
    shown, client = client_in_scope(session, scope, client_id)
    rows = firm_profile.versions_of(session, scope, client_id)
    known = names(session, {row.saved_by for row in rows if row.saved_by is not None})
    reads_notes = may(scope.role, Right.MOVEMENTS)  # words about a client are not for marketing
    profiles = [SavedProfile(row.answers, row.note if reads_notes else "", row.version, known.get(row.saved_by or 0, ""), row.saved_at) for row in rows]
    return FirmProfilePage(shown, client, profiles, may(scope.role, Right.PROFILE_FIRM), CRITERIA)


def save_firm_profile(engine: Engine, scope: Scope, client_id: str, document: Mapping[str, Any], expected: Collection[str] | None = None) -> int:
    """Save a firm's profile as its next version and return that; the same again is the same version. `expected`: see `refuse_if_changed`.

    Raises
    ------
    ChangedMeanwhileError
        When a colleague saved a version since the one that was read.
    InputError
        When the client is no firm, and as `read_profile`.
    NotFoundError
        When there is no such client in scope.
    """
    require(scope, Right.PROFILE_FIRM)
    profile = read_profile(document)
    try:
        with transaction(engine) as session:
            _refuse_persons(session, scope, client_id)
            before = next(iter(firm_profile.versions_of(session, scope, client_id)), None)
            version = before.version if before else 0
            refuse_if_changed(tag(version), expected)
            if profile == (FirmProfile(before.answers, before.note) if before else FirmProfile({})):
                return version
            _add(session, scope, client_id, profile, version + 1)
            return version + 1
    except IntegrityError as error:  # somebody saved this very version at the same moment
        raise ChangedMeanwhileError("it was changed since you read it", "the version you read", "read it again, and change that") from error


def tag(version: int) -> str:
    """What changes with every version of a profile that is saved."""
    return f"v{version}"


def profiles_known(session: Session, as_of: date) -> pa.Table | None:
    """Profiles as they stood at the end of a day (UTC), by number: `client_id` and one column a criterion, null where not known; None where there is none."""
    end = datetime.combine(as_of + timedelta(days=1), datetime.min.time(), UTC).timestamp()
    found = list(firm_profile.standing(session, end))
    if not found:
        return None
    columns = {f"{PREFIX}{name}": pa.array([answers.get(name) for _, answers in found], pa.string()) for name in CRITERIA}
    return pa.table({"client_id": pa.array([client_id for client_id, _ in found], pa.string()), **columns})


def _refuse_persons(session: Session, scope: Scope, client_id: str) -> None:
    _, client = client_in_scope(session, scope, client_id)
    if client["kind"] not in FIRMS:
        raise InputError("a private person", "a client that is a firm", "open the page of a firm")


def _add(session: Session, scope: Scope, client_id: str, profile: FirmProfile, version: int) -> None:
    row = FirmProfileVersion(
        client_id=client_id, version=version, answers=dict(profile.answers), note=profile.note, saved_by=scope.person_id, saved_at=database_time(session)
    )
    session.add(row)
    session.flush()
    audit.record(session, "firm_profile_saved", f"client:{client_id}", person_id=scope.person_id, version=version)
