"""Segment rules as data: a tree of comparisons that two readers understand alike, this one and the SQL compiler."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from bankseg.domain.errors import ConfigurationError

Comparison = Literal[
    "equals", "in", "at_least", "at_most", "above", "below", "between", "starts_with", "is_missing", "in_last_days", "in_top_share", "in_bottom_share"
]
COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)
# They depend on the as-of date or on a reference population, and are settled into the others before any reader sees them.
RELATIVE: frozenset[Comparison] = frozenset({"in_last_days", "in_top_share", "in_bottom_share"})


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison. A missing attribute satisfies no comparison except `is_missing = true`.

    `within` belongs to `in_top_share` and `in_bottom_share`: the share is taken within each value of that attribute.
    """

    attribute: str
    comparison: Comparison
    value: Any
    within: str | None = None


@dataclass(frozen=True, slots=True)
class Every:
    """Holds when every part holds."""

    parts: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds when one part or more holds."""

    parts: tuple["Rule", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when its part does not; a part that is false for a missing value makes this true."""

    part: "Rule"


Rule = Test | Every | AnyOf | Not


def holds(rule: Rule, client: Mapping[str, Any]) -> bool:
    """Whether a rule holds for one client's attributes.

    Examples
    --------
    >>> holds(Test("churn", "at_least", 0.5), {"churn": None})
    False
    """
    match rule:
        case Every(parts):
            return all(holds(part, client) for part in parts)
        case AnyOf(parts):
            return any(holds(part, client) for part in parts)
        case Not(part):
            return not holds(part, client)
        case Test():
            return _passes(rule, client.get(rule.attribute))


def attributes_of(rule: Rule) -> frozenset[str]:
    """Attributes a rule reads."""
    match rule:
        case Every(parts) | AnyOf(parts):
            return frozenset().union(*(attributes_of(part) for part in parts))
        case Not(part):
            return attributes_of(part)
        case Test(attribute, within=within):
            return frozenset({attribute, within} if within else {attribute})


def tests_of(rule: Rule) -> list[Test]:
    """Every comparison of a rule, in the order it is written."""
    match rule:
        case Every(parts) | AnyOf(parts):
            return [test for part in parts for test in tests_of(part)]
        case Not(part):
            return tests_of(part)
        case Test():
            return [rule]


def _passes(test: Test, found: Any) -> bool:  # an attribute of any type
    if test.comparison in RELATIVE:
        raise ConfigurationError(f"{test.attribute} {test.comparison} has not been settled", "a rule without relative comparisons", "settle it first")
    if test.comparison == "is_missing":
        return (found is None) is test.value
    if found is None:
        return False
    if test.comparison == "in":
        return found in test.value
    if test.comparison == "between":
        return bool(test.value[0] <= found <= test.value[1])
    return bool(_ORDER[test.comparison](found, test.value))


_ORDER: dict[str, Callable[[Any, Any], bool]] = {  # values of any type that the rule's author compares
    "equals": operator.eq,
    "at_least": operator.ge,
    "at_most": operator.le,
    "above": operator.gt,
    "below": operator.lt,
    "starts_with": str.startswith,
}
