"""The evidence behind a payer's grade: which comparisons of its rule hold, on which values, and what is not known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bankseg.domain.schemes import Scheme
from bankseg.domain.segment_rules import Test, holds, tests_of


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a client has a grade: the comparisons that hold, each with the value found, and the measures of the scheme that are not known."""

    grade: str
    facts: tuple[tuple[Test, float], ...]
    unknown: tuple[str, ...]


def evidence(scheme: Scheme, client: Mapping[str, Any]) -> Evidence:
    """The grade of one client under a scheme of grades, with its reasons. `Any`: the client's attributes.

    Parameters
    ----------
    scheme
        An exclusive scheme over numbers, its rules settled.

    Examples
    --------
    >>> from bankseg.domain.schemes import parse_scheme
    >>> late = {"code": "d", "label_en": "D", "label_fr": "D", "when": {"attribute": "worst_days_late_365d", "above": 30}}
    >>> scheme = parse_scheme({"code": "p", "label_en": "P", "label_fr": "P", "segment": [late, {"code": "a", "label_en": "A", "label_fr": "A"}]})
    >>> found = evidence(scheme, {"worst_days_late_365d": 45})
    >>> found.grade, [(test.attribute, value) for test, value in found.facts]
    ('d', [('worst_days_late_365d', 45.0)])
    """
    unknown = tuple(name for name in sorted(scheme.attributes) if client.get(name) is None)
    for segment in scheme.segments:
        if segment.when is None or holds(segment.when, client):
            tests = tests_of(segment.when) if segment.when else []
            met = [test for test in tests if test.comparison != "is_missing" and holds(test, client)]
            return Evidence(segment.code, tuple((test, float(client[test.attribute])) for test in met), unknown)
    return Evidence("", (), unknown)
