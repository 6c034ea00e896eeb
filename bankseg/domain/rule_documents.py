"""Rules as documents: the TOML or JSON form of a rule, read with care and written back."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.segment_rules import COMPARISONS, AnyOf, Comparison, Every, Not, Rule, Test

EXACT_IN_FLOAT = 2**53  # largest whole number up to which a float holds every one
MOST_DAYS = 36_600
MOST_DEPTH = 50  # of rules within rules; every reader and the compiler walk them recursively
ORDERED: frozenset[Comparison] = frozenset({"at_least", "at_most", "above", "below"})
SHARES: frozenset[Comparison] = frozenset({"in_top_share", "in_bottom_share"})


def parse_rule(document: Mapping[str, Any]) -> Rule:
    """Read a rule from its TOML or JSON form.

    Raises
    ------
    ConfigurationError
        When it is no rule, or compares with something that has no one meaning in both readers.

    Examples
    --------
    >>> document_of(parse_rule({"not": {"attribute": "churn", "below": 0.2}}))
    {'not': {'attribute': 'churn', 'below': 0.2}}
    """
    return _parse(document, MOST_DEPTH)


def _parse(document: Any, depth: int) -> Rule:  # whatever the file holds
    if depth == 0:
        raise ConfigurationError("rules within rules without end", f"at most {MOST_DEPTH} levels", "write the rule flatter")
    if not isinstance(document, Mapping):
        raise ConfigurationError(f"rule {document!r}", "a table: an attribute and a comparison, or all, any, not")
    keys = set(document)
    if keys in ({"all"}, {"any"}):
        word = next(iter(keys))
        parts = document[word]
        if not isinstance(parts, list) or not parts:
            raise ConfigurationError(f"rule {word} = {parts!r}", "a list of one rule or more")
        children = tuple(_parse(part, depth - 1) for part in parts)
        return Every(children) if word == "all" else AnyOf(children)
    if keys == {"not"}:
        return Not(_parse(document["not"], depth - 1))
    return _parse_test(document)


def document_of(rule: Rule) -> dict[str, Any]:
    """The TOML or JSON form of a rule, which `parse_rule` reads back to the same rule.

    Examples
    --------
    >>> document_of(Not(Test("churn", "below", 0.2)))
    {'not': {'attribute': 'churn', 'below': 0.2}}
    """
    match rule:
        case Every(parts):
            return {"all": [document_of(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [document_of(part) for part in parts]}
        case Not(part):
            return {"not": document_of(part)}
        case Test(attribute, comparison, value, within):
            plain = [_plain(part) for part in value] if isinstance(value, tuple) else _plain(value)
            return {"attribute": attribute, comparison: plain, **({"within": within} if within else {})}


def _parse_test(document: Mapping[str, Any]) -> Test:
    found = [comparison for comparison in COMPARISONS if comparison in document]
    may_have = {"within"} if SHARES.intersection(found) else set()
    if len(found) != 1 or set(document) - may_have != {"attribute", found[0]}:
        raise ConfigurationError(f"rule {dict(document)!r}", f"an attribute and one of {', '.join(COMPARISONS)}, or all, any, not")
    comparison = found[0]
    value = document[comparison]
    attribute = document["attribute"]
    if not isinstance(attribute, str) or not attribute:
        raise ConfigurationError(f"rule {dict(document)!r}", "the name of an attribute")
    wanted = _WANTED[comparison]
    if not _is_right(comparison, value):
        raise ConfigurationError(f"rule {dict(document)!r}", f"{wanted} after {comparison}")
    within = document.get("within")
    if within is not None and (not isinstance(within, str) or not within):
        raise ConfigurationError(f"rule {dict(document)!r}", "the name of an attribute after within")
    return Test(attribute, comparison, _read_value(comparison, value), within)


def _read_value(comparison: Comparison, value: Any) -> Any:  # a value that is right for the comparison
    if comparison == "between":
        return tuple(_read(part) for part in value)
    if comparison == "in":
        return tuple(value)
    return _read(value) if comparison in ORDERED else value


_WANTED: dict[Comparison, str] = {
    "equals": "a text, a number, a date, true or false",
    "in": "a list of texts or of numbers",
    "is_missing": "true or false",
    "at_least": "a number or a date",
    "at_most": "a number or a date",
    "above": "a number or a date",
    "below": "a number or a date",
    "between": "two numbers or two dates, the lower first",
    "starts_with": "a text",
    "in_last_days": f"a whole number of days from 1 to {MOST_DAYS}",
    "in_top_share": "a share between 0 and 1",
    "in_bottom_share": "a share between 0 and 1",
}


def _is_right(comparison: Comparison, value: Any) -> bool:  # whatever the file holds
    return _RIGHT.get(comparison, _is_ordered)(value)


def _is_set(value: Any) -> bool:  # whatever the file holds
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return False
    return all(isinstance(part, str) for part in value) or all(_is_number(part) for part in value)


def _is_range(value: Any) -> bool:  # whatever the file holds
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2 or not all(_is_ordered(part) for part in value):  # a pair
        return False
    low, high = (_read(part) for part in value)
    return isinstance(low, date) == isinstance(high, date) and bool(low <= high)


def _is_ordered(value: Any) -> bool:  # whatever the file holds
    """A number or a date: what can be more or less than another."""
    return _is_number(value) or type(_read(value)) is date


def _is_share(value: Any) -> bool:  # whatever the file holds
    return _is_number(value) and 0 < value < 1


def _is_number_of_days(value: Any) -> bool:  # whatever the file holds
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_DAYS


def _read(value: Any) -> Any:  # whatever the file holds
    """A date written as JSON must write it; everything else as it stands."""
    if not isinstance(value, str) or not _ISO_DATE.fullmatch(value):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:  # 30 February
        return value


def _plain(value: Any) -> Any:  # any value of a rule
    return value.isoformat() if isinstance(value, date) else value


_ISO_DATE = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")


def _is_number(value: Any) -> bool:  # whatever the file holds
    """A finite number that a float holds exactly; beyond that the two readers would round differently."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= EXACT_IN_FLOAT


_RIGHT: dict[Comparison, Callable[[Any], bool]] = {  # whatever the file holds
    "equals": lambda value: isinstance(value, bool | str) or _is_ordered(value),
    "in": _is_set,
    "is_missing": lambda value: isinstance(value, bool),
    "between": _is_range,
    "starts_with": lambda value: isinstance(value, str) and bool(value),
    "in_last_days": _is_number_of_days,
    "in_top_share": _is_share,
    "in_bottom_share": _is_share,
}
