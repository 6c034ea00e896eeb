"""Who should serve whom, as policy data: which skill a client needs by rule, and what counts against an assignment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.rule_documents import parse_rule
from bankseg.domain.segment_rules import Rule

CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
POINTS = ("skill_unmet", "client_moved", "over_capacity")
LANGUAGE = "language:"  # before a language among skills, so that none is taken for a skill of its own name
MOST_POINTS = 1_000_000


@dataclass(frozen=True, slots=True)
class Need:
    """A client for whom `when` holds needs an adviser with the skill `code`."""

    code: str
    when: Rule


@dataclass(frozen=True, slots=True)
class AssignmentTerms:
    """The policy's section `assignment`. Points are whole: of each skill a client misses, of each client moved (1 or more), of each client above an adviser's capacity."""

    skill_unmet: int
    client_moved: int
    over_capacity: int
    speaks_language: bool
    needs: tuple[Need, ...]


def assignment_terms(section: Mapping[str, Any]) -> AssignmentTerms:
    """Read the section. `Any`: whatever the file holds.

    Raises
    ------
    ConfigurationError
        When points are out of range, or a need is no code with a rule, or shares its code.

    Examples
    --------
    >>> section = {"skill_unmet": 10, "client_moved": 5, "over_capacity": 20, "speaks_language": True, "needs": []}
    >>> assignment_terms(section).client_moved
    5
    """
    for name in POINTS:
        least = 1 if name == "client_moved" else 0  # a move that costs nothing would be made for nothing
        if not least <= section[name] <= MOST_POINTS:
            raise ConfigurationError(f"assignment.{name} is {section[name]}", f"{least} to {MOST_POINTS} points", "correct the entry")
    needs = tuple(_need(entry) for entry in section["needs"])
    if len({need.code for need in needs}) != len(needs):
        raise ConfigurationError("two needs of assignment share a code", "distinct codes", "join their rules with any")
    return AssignmentTerms(section["skill_unmet"], section["client_moved"], section["over_capacity"], section["speaks_language"], needs)


def _need(entry: Any) -> Need:  # whatever the file holds
    if not isinstance(entry, Mapping) or set(entry) != {"code", "when"} or not isinstance(entry["code"], str) or not CODE.fullmatch(entry["code"]):
        raise ConfigurationError(f"assignment.needs {entry!r}", "code (small letters, digits and _) and when", "correct the entry")
    return Need(entry["code"], parse_rule(entry["when"]))
