"""The policy as people read it: what is in force, what the runs before used, and what a draft would change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from bankseg.domain.errors import NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.policy import Policy, load_policy
from bankseg.domain.rights import Right, may, require
from bankseg.services.policy_effect import Effect, effect_of
from bankseg.services.policy_in_force import policy_in_force, policy_under
from bankseg.settings import Settings
from bankseg.storage import person, policy_version, recorded_document
from bankseg.storage.policy_version import PolicyVersion
from bankseg.storage.run import Run


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that differs: null where a side lacks it. `Any`: a TOML value."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class RecordedPolicy:
    """A policy that runs used: the first and the last of them."""

    sha256: str
    first_as_of: str
    last_as_of: str
    runs: int
    is_in_force: bool


@dataclass(frozen=True, slots=True)
class Dated:
    """A version with the names of who proposed and who decided it."""

    version: PolicyVersion
    proposed_by: str
    decided_by: str


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """Entries in force by section, in dotted names; `own` are those that the bank changed from the default. `Any`: TOML values.

    `waiting` is the open version with what it would change; `may_decide` says whether this person may, who never is who proposed it.
    """

    sha256: str
    sections: dict[str, dict[str, Any]]
    own: frozenset[str]
    recorded: list[RecordedPolicy]
    compared: str | None
    changes: list[Change]
    in_force: Dated | None
    waiting: Dated | None
    waiting_changes: list[Change]
    waiting_effect: list[Effect] | None
    may_decide: bool
    history: list[Dated]
    entries: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions and how they differ; version 0 is the default with the bank's file."""

    before: int
    after: int
    changes: list[Change]


def policy_page(settings: Settings, session: Session, scope: Scope, compared: str | None = None) -> PolicyPage:
    """What is in force, and how it differs from a policy that earlier runs used.

    Raises
    ------
    NotFoundError
        When no run used the policy to compare with.
    """
    require(scope, Right.POLICY)
    policy = policy_in_force(settings, session)
    entries = flattened(policy.values)
    own = frozenset(change.name for change in differences(flattened(load_policy().values), entries))
    sections: dict[str, dict[str, Any]] = {}
    for name, value in entries.items():
        sections.setdefault(name.split(".", 1)[0], {})[name] = value
    history = _dated(session)
    waiting = next((one for one in history if one.version.state == "open"), None)
    draft = policy_under(settings, waiting.version) if waiting else None
    may_decide = waiting is not None and may(scope.role, Right.CHANGE_POLICY) and waiting.version.proposed_by != scope.person_id
    found = policy_version.in_force(session)
    return PolicyPage(
        policy.sha256, sections, own, _recorded(session, policy), compared, _since(session, policy, compared), _of(history, found), waiting,
        differences(entries, flattened(draft.values)) if draft else [], effect_of(session, scope, policy, draft) if draft else None, may_decide, history,
        found.entries if found else "",
    )  # fmt: skip


def compare_versions(settings: Settings, session: Session, scope: Scope, before: int, after: int) -> Compared:
    """How two versions differ, each laid over the default and the bank's file of now.

    Raises
    ------
    NotFoundError
        When there is no such version.
    """
    require(scope, Right.POLICY)
    sides = [flattened(policy_under(settings, _version(session, number)).values) for number in (before, after)]
    return Compared(before, after, differences(*sides))


def try_policy(settings: Settings, session: Session, scope: Scope, text: str) -> tuple[list[Change], list[Effect] | None]:
    """What a draft would change against what is in force, and how many clients it would move; nothing is kept.

    Raises
    ------
    ConfigurationError
        Naming the entry of the draft that is wrong.
    """
    require(scope, Right.POLICY)
    policy, draft = policy_in_force(settings, session), load_policy(settings.policy_file, text)
    return differences(flattened(policy.values), flattened(draft.values)), effect_of(session, scope, policy, draft)


def _since(session: Session, policy: Policy, compared: str | None) -> list[Change]:
    if not compared:
        return []
    values = recorded_document.read(session, compared)
    if values is None or compared not in {one.sha256 for one in _recorded(session, policy)}:
        raise NotFoundError(f"no run used the policy {compared[:12]}")
    return differences(flattened(values), flattened(policy.values))


def _version(session: Session, number: int) -> PolicyVersion | None:
    """A version, none for number 0."""
    found = session.get(PolicyVersion, number) if number else None
    if number and found is None:
        raise NotFoundError(f"no version {number} of the policy")
    return found


def _dated(session: Session) -> list[Dated]:
    found = policy_version.history(session)
    names = person.names(session, {who for one in found for who in (one.proposed_by, one.decided_by) if who is not None})
    return [Dated(one, names.get(one.proposed_by, ""), names.get(one.decided_by or 0, "")) for one in found]


def _of(history: list[Dated], version: PolicyVersion | None) -> Dated | None:
    return next((one for one in history if version is not None and one.version.id == version.id), None)


def flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Entries under dotted names; tables of a list stand under their code or place.

    Examples
    --------
    >>> flattened({"a": {"b": 1}, "c": [{"code": "x", "d": 2}]})
    {'a.b': 1, 'c.x.code': 'x', 'c.x.d': 2}
    """
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and not _is_rule(key):
            found |= flattened(value, f"{name}.")
        elif isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
            for place, entry in enumerate(value):
                found |= flattened(entry, f"{name}.{entry.get('code') or entry.get('band') or place}.")
        else:
            found[name] = value
    return found


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Entries that differ, by name.

    Examples
    --------
    >>> [(one.name, one.before, one.after) for one in differences({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4})]
    [('b', 2, 3), ('c', None, 4)]
    """
    return [Change(name, before.get(name), after.get(name)) for name in sorted({*before, *after}) if before.get(name) != after.get(name)]


def _is_rule(key: str) -> bool:
    return key in {"when", "amber", "red"}


def _recorded(session: Session, policy: Policy) -> list[RecordedPolicy]:
    found: dict[str, list[str]] = {}
    for run in session.exec(select(Run).order_by(col(Run.id))):
        if run.policy_sha256:
            found.setdefault(run.policy_sha256, []).append(run.as_of)
    return [RecordedPolicy(name, min(days), max(days), len(days), name == policy.sha256) for name, days in reversed(found.items())]
