"""Settling relative comparisons: "in the last 30 days" and "among the top tenth" become plain ones, for one date and one reference population."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from bankseg.domain.segment_rules import RELATIVE, AnyOf, Comparison, Every, Not, Rule, Test, tests_of


@dataclass(frozen=True, slots=True)
class Share:
    """A cut to be found on the reference population: the least value of the top share, or the largest of the bottom one."""

    attribute: str
    share: float
    is_top: bool
    within: str | None


# Cut of each group of the reference population; without `within` the one group is None. A group without any known value has no cut.
Cuts = Mapping[str | None, float]


def shares_of(rule: Rule) -> list[Share]:
    """Cuts that must be found before the rule can be settled."""
    return list(dict.fromkeys(_share(test) for test in tests_of(rule) if test.comparison in {"in_top_share", "in_bottom_share"}))


def settle(rule: Rule, as_of: date, cuts_of: Callable[[Share], Cuts]) -> Rule:
    """The rule without relative comparisons.

    Parameters
    ----------
    rule
        A rule as parsed.
    as_of
        Day the windows end on; "in the last n days" are the n days up to and with it.
    cuts_of
        Cut points by share, found once on the reference population and frozen.

    Examples
    --------
    >>> settle(Test("last_interaction_on", "in_last_days", 30), date(2025, 12, 31), lambda share: {})
    Test(attribute='last_interaction_on', comparison='between', value=(datetime.date(2025, 12, 2), datetime.date(2025, 12, 31)), within=None)
    """
    match rule:
        case Every(parts):
            return Every(tuple(settle(part, as_of, cuts_of) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(settle(part, as_of, cuts_of) for part in parts))
        case Not(part):
            return Not(settle(part, as_of, cuts_of))
        case Test(comparison=comparison) if comparison not in RELATIVE:
            return rule
        case Test(attribute, "in_last_days", days):
            return Test(attribute, "between", (as_of - timedelta(days=days - 1), as_of))
        case Test():
            return _settled_share(_share(rule), cuts_of(_share(rule)))


def _settled_share(share: Share, cuts: Cuts) -> Rule:
    comparison: Comparison = "at_least" if share.is_top else "at_most"
    if not cuts:  # nobody has the attribute: nobody is among the top
        return Every((Test(share.attribute, "is_missing", True), Test(share.attribute, "is_missing", False)))
    if share.within is None:
        return Test(share.attribute, comparison, cuts[None])
    groups = [
        Every((Test(share.within, "equals", group), Test(share.attribute, comparison, cut)))
        for group, cut in sorted(cuts.items(), key=str)
        if group is not None
    ]
    return AnyOf(tuple(groups))


def _share(test: Test) -> Share:
    return Share(test.attribute, float(test.value), test.comparison == "in_top_share", test.within)
