"""The feature catalogue: every feature's name, meaning, unit, family, purposes and source."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from bankseg.domain.errors import ConfigurationError
from bankseg.domain.horizon import WINDOW_DAYS

EACH_WINDOW, EACH_PRODUCT = "__each_window", "__each_product"
DEFAULT_PURPOSES = ("describe", "propensity")
# A direction declared for the features of the product whose sale is estimated.
OWN_PRODUCT = "own_product"
SIGNS = {"rising": 1, "falling": -1}


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the snapshot.

    `type` is `number` (float64 or int64) or `category` (string); null always means not known.
    `purposes` says what it may be used for; a propensity model reads only features tagged `propensity`.
    `direction` is the sign a model must keep (0: free), `directions` the same by kind of target where it depends on what is estimated.
    `is_protected` bars it from every model and text.
    """

    name: str
    definition: str
    unit: str
    family: str
    group: str
    sources: tuple[str, ...]
    purposes: tuple[str, ...] = DEFAULT_PURPOSES
    type: Literal["number", "category"] = "number"
    direction: int = 0
    is_protected: bool = False
    directions: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """One SQL file and the features it returns, before expansion over windows and products."""

    name: str
    requires: tuple[str, ...]
    templates: tuple[Feature, ...]

    @property
    def sql(self) -> str:
        """Text of the group's SQL file."""
        return files("bankseg.features").joinpath("groups", f"{self.name}.sql").read_text(encoding="utf-8")


@cache
def groups() -> tuple[Group, ...]:
    """Every feature group in the order of the catalogue file."""
    text = files("bankseg.features").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return tuple(_group(name, entry) for name, entry in tomllib.loads(text).items())


def available_groups(tables: Iterable[str]) -> tuple[Group, ...]:
    """Groups whose tables are all loaded: a feature that needs a missing extract is absent, not zero."""
    present = set(tables)
    return tuple(group for group in groups() if present.issuperset(group.requires))


def catalogue(tables: Iterable[str], products: Sequence[str], attributes: Sequence[Mapping[str, Any]] = ()) -> tuple[Feature, ...]:
    """Every feature a bank with these tables, products and declared attributes has.

    Examples
    --------
    >>> [feature.name for feature in catalogue(["clients"], [])][:2]
    ['client_kind', 'client_status']
    """
    features = [expanded for group in available_groups(tables) for template in group.templates for expanded in expand_feature(template, products)]
    return (*features, *(attribute_feature(entry) for entry in attributes))


def directed(features: Iterable[Feature], kind: str, product: str | None = None) -> list[Feature]:
    """The features with the direction each must keep for one kind of target; what is declared for the own product holds for features of that product alone.

    Examples
    --------
    >>> held = catalogue(["interactions"], ["savings", "card"])
    >>> {feature.name: feature.direction for feature in directed(held, "cross_sell", "savings") if feature.direction}
    {'asked_90d_savings': 1}
    """
    found = []
    for feature in features:
        declared = dict(feature.directions)
        is_own = product is not None and feature.name.endswith(f"_{product}")
        sign = feature.direction or declared.get(kind, 0) or (declared.get(OWN_PRODUCT, 0) if is_own else 0)
        found.append(replace(feature, direction=sign))
    return found


def expand_feature(template: Feature, products: Sequence[str]) -> tuple[Feature, ...]:
    """The features a catalogue line stands for: one per window or product where it says each."""
    if EACH_WINDOW in template.name:
        return tuple(
            replace(template, name=template.name.replace(EACH_WINDOW, f"_{days}d"), definition=f"{template.definition}, {days} days") for days in WINDOW_DAYS
        )
    if EACH_PRODUCT in template.name:
        return tuple(
            replace(template, name=template.name.replace(EACH_PRODUCT, f"_{product}"), definition=f"{template.definition}: {product}") for product in products
        )
    return (template,)


def attribute_feature(entry: Mapping[str, Any]) -> Feature:
    """Feature of a column declared through the attributes door of a mapping."""
    is_protected = bool(entry.get("is_protected", False))
    return Feature(
        name=f"attr_{entry['name']}",
        definition=str(entry.get("label_en") or entry["name"]),
        unit="category" if entry["type"] == "category" else "as delivered",
        family=str(entry.get("family") or "attributes"),
        group="attributes",
        sources=("client_attributes",),
        purposes=tuple(entry.get("purposes") or (("describe",) if is_protected else DEFAULT_PURPOSES)),
        type="category" if entry["type"] == "category" else "number",
        direction=int(entry.get("direction", 0)),
        is_protected=is_protected,
    )


def _group(name: str, entry: Mapping[str, Any]) -> Group:
    requires = tuple(entry["requires"])
    features = [_feature(name, requires, line) for line in entry["features"]]
    signs = {(column, kind): SIGNS[way] for kind, ways in entry.get("directions", {}).items() for way, columns in ways.items() for column in columns}
    unknown = sorted({column for column, _ in signs} - {feature.name for feature in features})
    if unknown:
        raise ConfigurationError(f"group {name} declares a direction of {', '.join(unknown)}", "columns of the group, as its features name them")
    kinds = list(dict.fromkeys(kind for _, kind in signs))
    declared = {feature.name: tuple((kind, signs[feature.name, kind]) for kind in kinds if (feature.name, kind) in signs) for feature in features}
    return Group(name, requires, tuple(replace(feature, directions=declared[feature.name]) for feature in features))


def _feature(group: str, sources: tuple[str, ...], line: Sequence[str]) -> Feature:
    if len(line) not in {4, 5}:
        raise ConfigurationError(f"catalogue line {line!r} has {len(line)} parts", "column, family, unit, definition and perhaps a purpose")
    name, family, unit, definition, *purpose = line
    kind: Literal["number", "category"] = "category" if unit == "category" else "number"
    return Feature(name, definition, unit, family, group, sources, tuple(purpose) or DEFAULT_PURPOSES, kind)
