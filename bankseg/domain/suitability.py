"""Suitability: what may not be proposed to whom, as policy data, whatever the estimate says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.purposes import refuse_propensities
from bankseg.domain.rule_documents import parse_rule
from bankseg.domain.segment_rules import Rule

FIELDS = frozenset({"code", "products", "natures", "when"})


@dataclass(frozen=True, slots=True)
class Unsuitable:
    """One rule: products, by name or by nature, that suit no client for whom `when` holds."""

    code: str
    products: tuple[str, ...]
    natures: tuple[str, ...]
    when: Rule

    def speaks_of(self, product: str, nature: str) -> bool:
        """Whether the rule is about a product.

        Examples
        --------
        >>> rule = unsuitable_rules([{"code": "arrears", "natures": ["credit"], "when": {"attribute": "days_past_due", "above": 0}}])[0]
        >>> rule.speaks_of("mortgage", "credit"), rule.speaks_of("savings", "deposit")
        (True, False)
        """
        return product in self.products or nature in self.natures


def unsuitable_rules(entries: Sequence[Any]) -> tuple[Unsuitable, ...]:
    """Read the rules of a policy. `Any`: whatever the file holds.

    Raises
    ------
    ConfigurationError
        When an entry has other fields, names neither products nor natures, shares a code, or reads a propensity: likelihood is asked after suitability.
    """
    rules = tuple(_read(entry) for entry in entries)
    codes = [rule.code for rule in rules]
    if len(set(codes)) != len(codes):
        raise ConfigurationError(f"two rules of cross_sell.unsuitable share a code among {', '.join(codes)}", "distinct codes")
    return rules


def _read(entry: Any) -> Unsuitable:  # whatever the file holds
    is_rule = isinstance(entry, Mapping) and {"code", "when"} <= set(entry) <= FIELDS and isinstance(entry["code"], str)
    if not is_rule or not all(_are_texts(entry.get(name, [])) for name in ("products", "natures")) or not (entry.get("products") or entry.get("natures")):
        raise ConfigurationError(f"cross_sell.unsuitable {entry!r}", "code, when, and products or natures as lists of texts")
    rule = Unsuitable(entry["code"], tuple(entry.get("products", ())), tuple(entry.get("natures", ())), parse_rule(entry["when"]))
    refuse_propensities(rule.when, f"suitability rule {rule.code}")
    return rule


def _are_texts(values: Any) -> bool:  # whatever the file holds
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
