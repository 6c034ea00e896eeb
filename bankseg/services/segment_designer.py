"""The segment designer: what a rule would hold before it is saved, who would enter and leave, and why one client is in a segment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from sqlmodel import Session

from bankseg.domain.errors import NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rule_documents import parse_rule
from bankseg.domain.schemes import Purpose, Scheme
from bankseg.domain.segment_rules import AnyOf, Every, Not, Rule, Test, holds
from bankseg.segments.attributes import check_rule
from bankseg.segments.reading import listing, members, movement, profile
from bankseg.services.rolls import OpenRoll, open_for
from bankseg.services.segment_schemes import HIDDEN_FAMILIES, SchemeEntry, attributes_for, scheme_for
from bankseg.settings import Settings

LISTED = ("name", "tier", "segment", "churn", "value_12m_minor", "city", "rm_id")


@dataclass(frozen=True, slots=True)
class Preview:
    """A rule before it is saved: its profile, and its movement against a saved segment where one was named."""

    roll: OpenRoll
    profile: dict[str, Any]
    movement: dict[str, Any] | None
    sample: list[dict[str, Any]]


def preview_rule(
    settings: Settings,
    session: Session,
    scope: Scope | None,
    document: Mapping[str, Any],
    *,
    purpose: Purpose = "marketing",
    against: tuple[str, str] | None = None,
) -> Preview:
    """What one rule holds on the published roll.

    Parameters
    ----------
    document
        The rule in its TOML or JSON form.
    against
        (scheme, segment) saved before: who enters and leaves when the rule takes its place.

    Raises
    ------
    ConfigurationError, InputError
        When it is no rule, or reads what it may not for this purpose.
    """
    rule = parse_rule(document)
    roll = open_for(settings, session, scope)
    check_rule(rule, attributes_for(settings, roll, scope), purpose)
    inside = roll.reading.predicate(rule)
    before = None
    if against is not None:
        entry = scheme_for(settings, session, scope, against[0])
        saved = open_for(settings, session, scope, frozen=entry.cuts)
        before = movement(roll.reading, inside, members(entry.scheme, entry.scheme.segment(against[1]), saved.reading))
    found = _masked(profile(roll.reading, inside, _targets(roll)), scope)
    return Preview(roll, found, before, listing(roll.reading, inside, ["name", "tier"], limit=10).to_pylist())


def segment_clients(
    settings: Settings, session: Session, scope: Scope | None, code: str, segment: str, *, version: int | None = None, limit: int | None = None
) -> tuple[OpenRoll, pa.Table]:
    """The clients of one segment of a scheme, by number: as many as its count says."""
    entry = scheme_for(settings, session, scope, code, version)
    roll = open_for(settings, session, scope, frozen=entry.cuts)
    inside = members(entry.scheme, entry.scheme.segment(segment), roll.reading)
    return roll, listing(roll.reading, inside, list(LISTED), limit=limit)


def why_in_segment(settings: Settings, session: Session, scope: Scope | None, entry: SchemeEntry, client_id: str) -> list[dict[str, Any]]:
    """Every segment of a scheme for one client: whether its rule holds, and each comparison with the client's own value.

    Raises
    ------
    NotFoundError
        When the client does not exist or is not in scope: the two look the same.
    """
    roll = open_for(settings, session, scope, frozen=entry.cuts)
    only = roll.reading.predicate(Test("client_id", "equals", client_id))
    rows = listing(roll.reading, only, sorted(entry.scheme.attributes)).to_pylist()
    if not rows:
        raise NotFoundError(f"no client {client_id!r}", "a client you may see")
    client = rows[0]
    return [
        {
            "code": segment.code,
            "holds": segment.when is None or holds(roll.reading.settled(segment.when), client),
            "tests": _tests(roll.reading.settled(segment.when), client) if segment.when else [],
        }
        for segment in entry.scheme.segments
    ]


def unreachable(scheme: Scheme, segments: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Segments nobody is in: `empty` when no client's data satisfies the rule, `shadowed` when earlier rules take everybody it would hold."""
    last = scheme.segments[-1].code if scheme.is_exclusive else None
    return [{"code": row["code"], "state": "empty" if row["matching"] == 0 else "shadowed"} for row in segments if row["clients"] == 0 and row["code"] != last]


def _tests(rule: Rule, client: Mapping[str, Any]) -> list[dict[str, Any]]:
    match rule:
        case Every(parts) | AnyOf(parts):
            return [test for part in parts for test in _tests(part, client)]
        case Not(part):
            return _tests(part, client)
        case Test():
            return [{"test": rule, "value": client.get(rule.attribute), "holds": holds(rule, client)}]


def _targets(roll: OpenRoll) -> list[str]:
    return sorted(name.removeprefix("p:") for name in roll.reading.roll.columns if name.startswith("p:"))


def _masked(found: dict[str, Any], scope: Scope | None) -> dict[str, Any]:
    """Without the figures a role never sees, not even as a sum."""
    if scope is None or scope.role not in HIDDEN_FAMILIES:
        return found
    return {**found, "risk": {}, "balance_minor": None, "expected_loss_minor": None}
