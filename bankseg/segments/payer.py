"""Payer grades A to E: the rules over instalments and incidents, and the evidence behind a client's grade."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bankseg.domain.rule_documents import parse_rule
from bankseg.domain.segment_rules import Rule, Test, holds, tests_of
from bankseg.segments.membership import first_of

NO_DATA = "none"
BEST = "a"
MEASURES = ("worst_days_late_365d", "late_instalments_365d", "on_time_share_365d", "rejected_debits_365d", "overdraft_beyond_limit_months_6m")
# What puts a client into each grade, worst first (default); the first that holds counts, and who is known and in none of them is A.
# 30 and 90 days are the stages of IFRS 9; the other bounds are the bank's to change.
GRADES: dict[str, dict[str, Any]] = {
    "e": {"any": [{"attribute": "worst_days_late_365d", "above": 90}]},
    "d": {"any": [{"attribute": "worst_days_late_365d", "above": 30}, {"attribute": "rejected_debits_365d", "at_least": 12}]},
    "c": {
        "any": [
            {"attribute": "late_instalments_365d", "at_least": 3},
            {"attribute": "on_time_share_365d", "below": 0.8},
            {"attribute": "rejected_debits_365d", "at_least": 4},
            {"attribute": "overdraft_beyond_limit_months_6m", "at_least": 3},
        ]
    },
    "b": {
        "any": [
            {"attribute": "late_instalments_365d", "at_least": 1},
            {"attribute": "rejected_debits_365d", "at_least": 1},
            {"attribute": "overdraft_beyond_limit_months_6m", "at_least": 1},
        ]
    },
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a client has a grade: the comparisons that hold, each with the value found, and the measures that are not known."""

    grade: str
    facts: tuple[tuple[Test, float], ...]
    unknown: tuple[str, ...]


def rules() -> list[tuple[str, Rule | None]]:
    """The grades as a scheme's rules, in order: none without any measure, then E to B, then A."""
    nothing = parse_rule({"all": [{"attribute": name, "is_missing": True} for name in MEASURES]})
    return [(NO_DATA, nothing), *((grade, parse_rule(document)) for grade, document in GRADES.items()), (BEST, None)]


def grades(table: pa.Table) -> list[str]:
    """Grade of each client, `a` to `e`, or `none` where no measure is known.

    Examples
    --------
    >>> grades(pa.table({"worst_days_late_365d": [0, 45, 100, None]}))
    ['a', 'd', 'e', 'none']
    """
    return first_of(table, rules())


def evidence(client: Mapping[str, Any]) -> Evidence:
    """The grade of one client with its reasons. `Any`: the client's attributes.

    Examples
    --------
    >>> found = evidence({"worst_days_late_365d": 45, "late_instalments_365d": 2})
    >>> found.grade, [(test.attribute, value) for test, value in found.facts]
    ('d', [('worst_days_late_365d', 45.0)])
    """
    unknown = tuple(name for name in MEASURES if client.get(name) is None)
    for grade, rule in rules():
        if rule is None:
            break
        if holds(rule, client):
            met = [test for test in tests_of(rule) if test.comparison != "is_missing" and holds(test, client)]
            return Evidence(grade, tuple((test, float(client[test.attribute])) for test in met), unknown)
    return Evidence(BEST, (), unknown)
