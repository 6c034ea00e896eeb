"""The attribute catalogue: everything a segment rule may read, with its names, unit, source, coverage and what it may be used for."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from bankseg.domain.errors import InputError
from bankseg.domain.extracts import PRODUCTS
from bankseg.domain.governance import product_name
from bankseg.domain.purposes import CREDIT_REVIEW, is_propensity_output
from bankseg.domain.schemes import Purpose
from bankseg.domain.segment_rules import Rule, Test, tests_of
from bankseg.features.catalogue import Feature

Type = Literal["number", "category", "date", "boolean"]
PROPENSITY = "p:"
# What a family of features may serve in rules beside describing. Credit facts are for credit review alone; a propensity is never one of its inputs.
CREDIT_FAMILIES = frozenset({"credit", "arrears", "overdraft", "incidents"})
PURPOSES_OF_FEATURES: Mapping[bool, tuple[Purpose, ...]] = {True: ("describe", "credit_review"), False: ("describe", "marketing", "retention", "credit_review")}
CONSENT_FAMILY = "consent"
ORDER = frozenset({"at_least", "at_most", "above", "below", "between"})


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of the roll.

    `coverage` is the share of clients that have it in the run looked at (0 to 1), None when its extract was never loaded.
    A protected attribute describes; no rule with another purpose may read it. `reads` are the attributes that one of the bank's own is computed from.
    """

    name: str
    family: str
    type: Type
    unit: str
    label_en: str
    label_fr: str
    source: str
    purposes: tuple[Purpose, ...]
    is_protected: bool = False
    coverage: float | None = None
    definition_en: str = ""
    definition_fr: str = ""
    owner: str = ""
    reads: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """`available`, or `no data`."""
        return "no data" if self.coverage is None else "available"

    def label(self, language: str) -> str:
        """Name in a language."""
        words = self.label_fr if language == "fr" else self.label_en
        head, colon, product = words.rpartition(": ")
        return f"{head}{colon}{product_name(product, language)}" if product in PRODUCTS else words

    def definition(self, language: str) -> str:
        """What it is, in a language; its name where nothing more is known."""
        return (self.definition_fr if language == "fr" else self.definition_en) or self.label(language)


def attribute_catalogue(
    features: Iterable[Feature], targets: Sequence[str], present: Mapping[str, float], french: Mapping[str, str] | None = None
) -> dict[str, Attribute]:
    """Every attribute by name, in the order of the catalogue.

    Parameters
    ----------
    features
        Features a bank has or could have.
    targets
        Targets with a propensity.
    present
        Column of the roll -> share of clients that have it.
    french
        French names of features, where there are any.
    """
    found = [*_declared(), *(_of_feature(feature, french or {}) for feature in features), *(_of_target(target) for target in targets)]
    return {entry.name: replace(entry, coverage=present.get(entry.name)) for entry in found}


def check_rule(rule: Rule, attributes: Mapping[str, Attribute], purpose: Purpose) -> None:
    """Refuse a rule that reads an unknown attribute, compares it with the wrong kind of value, or may not read it for its purpose.

    Raises
    ------
    InputError
        Names the attribute and says what is wrong.
    """
    for test in tests_of(rule):
        for name in (test.attribute, *([test.within] if test.within else [])):
            if name not in attributes:
                raise InputError(f"attribute {name!r} is unknown", "an attribute of the catalogue", "bankseg segments attributes lists them")
            if not may_serve(attributes[name], purpose):
                told = "is protected" if attributes[name].is_protected else f"may serve {', '.join(attributes[name].purposes)}"
                raise InputError(
                    f"attribute {name!r} {told}, not {purpose}", f"attributes with the purpose {purpose}", "leave it out, or make the scheme describe"
                )
        _check_kind(test, attributes[test.attribute])


def may_serve(attribute: Attribute, purpose: Purpose) -> bool:
    """Whether a rule with this purpose may read the attribute.

    Examples
    --------
    >>> may_serve(attribute_catalogue([], [], {})["sex"], "marketing")
    False
    """
    if purpose == "describe":
        return True
    if attribute.is_protected or (purpose == CREDIT_REVIEW and is_propensity_output(attribute.name)):
        return False
    wanted = "marketing" if purpose == "retention" else purpose
    return wanted in attribute.purposes


def _check_kind(test: Test, attribute: Attribute) -> None:
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    expected = {"number": (int, float), "category": (str,), "date": (object,), "boolean": (bool,)}[attribute.type]
    is_right = True
    match test.comparison:
        case "is_missing":
            return
        case "in_last_days":
            is_right = attribute.type == "date"
        case "in_top_share" | "in_bottom_share":
            is_right = attribute.type == "number"
        case "starts_with":
            is_right = attribute.type == "category"
        case comparison if comparison in ORDER:
            is_right = attribute.type in {"number", "date"} and all((attribute.type == "date") == hasattr(value, "isoformat") for value in values)
        case _:
            is_right = all(isinstance(value, expected) and (attribute.type == "boolean") == isinstance(value, bool) for value in values)
    if not is_right:
        raise InputError(
            f"{test.attribute} {test.comparison} {test.value!r}",
            f"a comparison for a {attribute.type}",
            "correct the rule; the catalogue says of what kind it is",
        )


@cache
def _declared() -> tuple[Attribute, ...]:
    document = tomllib.loads(files("bankseg.segments").joinpath("attributes.toml").read_text(encoding="utf-8"))
    defined = tomllib.loads(files("bankseg.segments").joinpath("attribute_definitions.toml").read_text(encoding="utf-8"))
    return tuple(_read(line, defined.get(line[0], ("", ""))) for line in document["attributes"])


def _read(line: Sequence[str], defined: Sequence[str]) -> Attribute:
    name, family, kind, unit, english, french, source, *purposes = line
    serves: Any = tuple(purpose for purpose in purposes if purpose != "protected")
    type_of: Any = kind
    return Attribute(name, family, type_of, unit, english, french, source, serves, "protected" in purposes, definition_en=defined[0], definition_fr=defined[1])


def _of_feature(feature: Feature, french: Mapping[str, str]) -> Attribute:
    if feature.family == CONSENT_FAMILY:
        purposes: tuple[Purpose, ...] = ("describe", "marketing")
    elif feature.is_protected:
        purposes = ("describe",)
    else:
        purposes = PURPOSES_OF_FEATURES[feature.family in CREDIT_FAMILIES]
    return Attribute(
        feature.name, feature.family, feature.type, feature.unit, feature.definition, french.get(feature.name, feature.definition), ", ".join(feature.sources),
        purposes, feature.is_protected,
    )  # fmt: skip


def _of_target(target: str) -> Attribute:
    return Attribute(
        f"{PROPENSITY}{target}", "propensity", "number", "probability", f"Propensity: {target}", f"Propension : {target}", "run", ("describe", "marketing")
    )
