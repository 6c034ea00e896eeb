"""Segment rules as data: a tree of comparisons that two readers understand alike, this one and the SQL compiler."""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bankseg.domain.errors import ConfigurationError

Comparison = Literal["equals", "in", "at_least", "at_most", "above", "below", "is_missing"]
EXACT_IN_FLOAT = 2**53  # largest whole number up to which a float holds every one
COMPARISONS: tuple[Comparison, ...] = ("equals", "in", "at_least", "at_most", "above", "below", "is_missing")


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison. A missing attribute satisfies no comparison except `is_missing = true`."""

    attribute: str
    comparison: Comparison
    value: Any


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


def parse_rule(document: Mapping[str, Any]) -> Rule:
    """Read a rule from its TOML or JSON form.

    Raises
    ------
    ConfigurationError
        When it is no rule, or compares with something that has no one meaning in both readers.

    Examples
    --------
    >>> parse_rule({"all": [{"attribute": "tier", "in": ["gold"]}, {"not": {"attribute": "churn", "below": 0.2}}]})
    Every(parts=(Test(attribute='tier', comparison='in', value=('gold',)), Not(part=Test(attribute='churn', comparison='below', value=0.2))))
    """
    if not isinstance(document, Mapping):
        raise ConfigurationError(f"rule {document!r}", "a table: an attribute and a comparison, or all, any, not")
    keys = set(document)
    if keys in ({"all"}, {"any"}):
        word = next(iter(keys))
        parts = document[word]
        if not isinstance(parts, list) or not parts:
            raise ConfigurationError(f"rule {word} = {parts!r}", "a list of one rule or more")
        children = tuple(parse_rule(part) for part in parts)
        return Every(children) if word == "all" else AnyOf(children)
    if keys == {"not"}:
        return Not(parse_rule(document["not"]))
    return _parse_test(document)


def holds(rule: Rule, client: Mapping[str, Any]) -> bool:
    """Whether a rule holds for one client's attributes.

    Examples
    --------
    >>> holds(parse_rule({"attribute": "churn", "at_least": 0.5}), {"churn": None})
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
        case Test(attribute):
            return frozenset({attribute})


def words(rule: Rule | None) -> str:
    """The rule in words, for the reason beside a segment.

    Examples
    --------
    >>> words(parse_rule({"attribute": "tier", "in": ["platinum", "gold"]}))
    'tier is platinum or gold'
    """
    match rule:
        case None:
            return "no other rule holds"
        case Every(parts):
            return " and ".join(_grouped(part) for part in parts)
        case AnyOf(parts):
            return " or ".join(_grouped(part) for part in parts)
        case Not(part):
            return f"not ({words(part)})"
        case Test():
            return _test_in_words(rule)


def _grouped(part: Rule) -> str:
    return f"({words(part)})" if isinstance(part, Every | AnyOf) else words(part)


def _parse_test(document: Mapping[str, Any]) -> Test:
    found = [comparison for comparison in COMPARISONS if comparison in document]
    if "attribute" not in document or len(found) != 1 or len(document) != 2:  # the attribute and its comparison
        raise ConfigurationError(f"rule {dict(document)!r}", f"an attribute and one of {', '.join(COMPARISONS)}, or all, any, not")
    comparison = found[0]
    value = document[comparison]
    attribute = document["attribute"]
    if not isinstance(attribute, str) or not attribute:
        raise ConfigurationError(f"rule {dict(document)!r}", "the name of an attribute")
    wanted = _WANTED[comparison]
    if not _is_right(comparison, value):
        raise ConfigurationError(f"rule {dict(document)!r}", f"{wanted} after {comparison}")
    return Test(attribute, comparison, tuple(value) if comparison == "in" else value)


_WANTED: dict[Comparison, str] = {
    "equals": "a text, a number, true or false",
    "in": "a list of texts or of numbers",
    "is_missing": "true or false",
    "at_least": "a number",
    "at_most": "a number",
    "above": "a number",
    "below": "a number",
}


def _is_right(comparison: Comparison, value: Any) -> bool:  # whatever the file holds
    match comparison:
        case "equals":
            return isinstance(value, bool | str) or _is_number(value)
        case "in":
            if not isinstance(value, Sequence) or isinstance(value, str) or not value:
                return False
            return all(isinstance(part, str) for part in value) or all(_is_number(part) for part in value)
        case "is_missing":
            return isinstance(value, bool)
        case _:
            return _is_number(value)


def _is_number(value: Any) -> bool:  # whatever the file holds
    """A finite number that a float holds exactly; beyond that the two readers would round differently."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= EXACT_IN_FLOAT


def _passes(test: Test, found: Any) -> bool:  # an attribute of any type
    if test.comparison == "is_missing":
        return (found is None) is test.value
    if found is None:
        return False
    if test.comparison == "in":
        return found in test.value
    return bool(_ORDER[test.comparison](found, test.value))


_ORDER: dict[str, Callable[[Any, Any], bool]] = {  # values of any type that the rule's author compares
    "equals": operator.eq,
    "at_least": operator.ge,
    "at_most": operator.le,
    "above": operator.gt,
    "below": operator.lt,
}


def _test_in_words(test: Test) -> str:
    name = test.attribute.replace("_", " ")
    match test.comparison:
        case "is_missing":
            return f"{name} is {'missing' if test.value else 'known'}"
        case "in":
            return f"{name} is {' or '.join(str(value) for value in test.value)}"
        case "equals":
            return f"{name} is {'yes' if test.value is True else 'no' if test.value is False else test.value}"
        case _:
            return f"{name} {test.comparison.replace('_', ' ')} {test.value}"
