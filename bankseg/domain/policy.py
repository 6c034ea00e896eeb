"""The policy: every threshold as dated data, read from TOML, hashed, and passed down."""

import json
import math
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from bankseg.domain.assignment import assignment_terms
from bankseg.domain.errors import ConfigurationError
from bankseg.domain.horizon import Horizon
from bankseg.domain.purposes import refuse_propensities
from bankseg.domain.rule_documents import parse_rule
from bankseg.domain.segment_rules import Rule
from bankseg.domain.suitability import unsuitable_rules

# Tables whose keys a bank may extend; elsewhere a key the default policy does not have is a slip of the pen.
OPEN_TABLES = frozenset(
    {"value.products", "value.new_contract_margin_minor", "value.channel_cost_minor", "credit_bands", "risk.arrears_floor_minor", "lists.contracts_in_progress"}
)

RISK_OWNER = "risk"  # segments of this owner lead to a credit review


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of the exclusive scheme; `when` is None for the default that always holds."""

    code: str
    label_en: str
    label_fr: str
    action: str
    owner: str
    when: Rule | None


@dataclass(frozen=True, slots=True)
class Trigger:
    """One early-warning rule: predicates for amber and red over snapshot attributes; a rule of a credit purpose, so it never reads a propensity."""

    code: str
    family: str
    evidence: str
    amber: Rule | None
    red: Rule | None


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy in force: its values by section, the hash that every run records, and the number of the version agreed on, where there is one."""

    values: Mapping[str, Any]
    sha256: str
    version: int | None = None

    def section(self, name: str) -> Mapping[str, Any]:
        """One section's values."""
        found: Mapping[str, Any] = self.values[name]
        return found

    def horizon(self, as_of: date) -> Horizon:
        """The horizon at a date, with the policy's gap and outcome window."""
        section = self.section("horizon")
        return Horizon(as_of, int(section["gap_days"]), int(section["outcome_days"]))

    def segments(self) -> tuple[Segment, ...]:
        """The scheme's segments in order, the default last."""
        return tuple(_segment(entry) for entry in self.section("scheme")["segment"])

    def triggers(self) -> tuple[Trigger, ...]:
        """The early-warning rules in order."""
        return tuple(_trigger(entry) for entry in self.section("risk")["trigger"])


def load_policy(path: Path | None = None, entries: str = "", version: int | None = None) -> Policy:
    """The default policy with a bank's own entries laid over it, and over both the entries (TOML) of a version people agreed on.

    Raises
    ------
    ConfigurationError
        When the file cannot be read, names an unknown entry, or its scheme has no default segment at its end.
    """
    values = tomllib.loads(files("bankseg.policies").joinpath("default.toml").read_text(encoding="utf-8"))
    if path is not None:
        values = _laid_over(values, _read(path), "", f"policy file {path.name}")
    if entries:
        values = _laid_over(values, entries_of(entries), "", "the policy draft" if version is None else f"version {version} of the policy")
    return _checked(values, version)


def entries_of(text: str) -> dict[str, Any]:
    """The entries a TOML text holds.

    Raises
    ------
    ConfigurationError
        When it is not TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"the policy draft is not TOML: {error}", "TOML", "correct the line named") from error


def _checked(values: Mapping[str, Any], version: int | None) -> Policy:
    policy = Policy(values, sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest(), version)
    _check_scheme(policy)
    unsuitable_rules(policy.section("cross_sell")["unsuitable"])
    assignment_terms(policy.section("assignment"))
    return policy


def _segment(entry: Mapping[str, Any]) -> Segment:
    code, label_en, label_fr, action, owner = _texts(entry, "segment", ("code", "label_en", "label_fr", "action", "owner"), {"when"})
    return Segment(code, label_en, label_fr, action, owner, _rule(entry, "when"))


def _trigger(entry: Mapping[str, Any]) -> Trigger:
    code, family, evidence = _texts(entry, "trigger", ("code", "family", "evidence"), {"amber", "red"})
    return Trigger(code, family, evidence, _rule(entry, "amber"), _rule(entry, "red"))


def _rule(entry: Mapping[str, Any], name: str) -> Rule | None:
    return parse_rule(entry[name]) if name in entry else None


def _texts(entry: Any, what: str, names: Sequence[str], others: Collection[str]) -> tuple[str, ...]:  # whatever the file holds
    """The texts an entry must have; anything beside them and `others` is a slip."""
    if not isinstance(entry, Mapping) or set(entry) - set(others) != set(names) or not all(isinstance(entry[name], str) and entry[name] for name in names):
        raise ConfigurationError(f"{what} {entry!r}", f"{', '.join(names)} as texts, and perhaps {', '.join(sorted(others))}")
    return tuple(entry[name] for name in names)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"policy file {path.name} cannot be read: {error.strerror}", "a readable TOML file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"policy file {path.name} is not TOML: {error}", "a TOML file in UTF-8") from error


def _laid_over(base: Mapping[str, Any], own: Mapping[str, Any], where: str, source: str) -> dict[str, Any]:
    merged = dict(base)
    for key, value in own.items():
        name = f"{where}.{key}".lstrip(".")
        if key not in base and where not in OPEN_TABLES:
            raise ConfigurationError(f"{source} has an unknown entry {name}", f"one of {', '.join(base)}", "correct or remove the entry")
        known = base.get(key, value)
        if not _is_alike(known, value):
            raise ConfigurationError(f"{source} gives {name} = {value!r}", f"something like {known!r}", "correct the entry")
        merged[key] = _laid_over(known, value, name, source) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return merged


def _is_alike(known: Any, value: Any) -> bool:  # values of a TOML file
    """Whether a value may stand where another does: a whole number may stand for any number, nothing else changes its kind."""
    if isinstance(known, float):
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return type(value) is type(known)


def _check_scheme(policy: Policy) -> None:
    segments = policy.segments()
    for trigger in policy.triggers():
        for rule in (trigger.amber, trigger.red):
            refuse_propensities(rule, f"early-warning rule {trigger.code}")
    for segment in segments:
        if segment.owner == RISK_OWNER:
            refuse_propensities(segment.when, f"segment {segment.code} of the risk team")
    codes = [segment.code for segment in segments]
    if len(set(codes)) != len(codes):
        raise ConfigurationError("two segments of the scheme share a code", "distinct codes")
    if not segments or segments[-1].when is not None or any(segment.when is None for segment in segments[:-1]):
        raise ConfigurationError("the scheme does not end with its only default segment", "a last segment without `when`, and rules on all others")
