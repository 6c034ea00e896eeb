"""The policy as people read it: what is in force, what the runs before used, and what a draft would change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from bankseg.domain.errors import NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.policy import Policy, load_policy, policy_with
from bankseg.domain.rights import Right, require
from bankseg.settings import Settings
from bankseg.storage import recorded_document
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
class PolicyPage:
    """Entries in force by section, in dotted names; `own` are those that the bank changed from the default. `Any`: TOML values."""

    sha256: str
    sections: dict[str, dict[str, Any]]
    own: frozenset[str]
    recorded: list[RecordedPolicy]
    compared: str | None
    changes: list[Change]


def policy_page(settings: Settings, session: Session, scope: Scope, compared: str | None = None) -> PolicyPage:
    """What is in force, and how it differs from a policy that earlier runs used.

    Raises
    ------
    NotFoundError
        When no run used the policy to compare with.
    """
    require(scope, Right.POLICY)
    policy = load_policy(settings.policy_file)
    entries = flattened(policy.values)
    own = frozenset(change.name for change in differences(flattened(load_policy().values), entries))
    sections: dict[str, dict[str, Any]] = {}
    for name, value in entries.items():
        sections.setdefault(name.split(".", 1)[0], {})[name] = value
    changes: list[Change] = []
    if compared:
        values = recorded_document.read(session, compared)
        if values is None or compared not in {one.sha256 for one in _recorded(session, policy)}:
            raise NotFoundError(f"no run used the policy {compared[:12]}")
        changes = differences(flattened(values), entries)
    return PolicyPage(policy.sha256, sections, own, _recorded(session, policy), compared, changes)


def try_policy(settings: Settings, scope: Scope, text: str) -> list[Change]:
    """What a draft of the bank's policy file would change against what is in force; nothing is kept.

    Raises
    ------
    ConfigurationError
        Naming the entry of the draft that is wrong.
    """
    require(scope, Right.POLICY)
    return differences(flattened(load_policy(settings.policy_file).values), flattened(policy_with(text).values))


def own_text(settings: Settings) -> str:
    """The bank's own policy file, empty when it has none."""
    return settings.policy_file.read_text(encoding="utf-8") if settings.policy_file else ""


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
