"""The bank's own attributes in the catalogue: each may serve what everything it reads may serve, and no more."""

from collections.abc import Iterable, Mapping
from typing import Protocol, cast

from bankseg.domain.purposes import CREDIT_REVIEW, is_propensity_output
from bankseg.domain.schemes import Purpose
from bankseg.segments.attributes import Attribute, Type

FAMILY = "own"
SOURCE = "run"


class Saved(Protocol):
    """One version of an own attribute as it was saved."""

    @property
    def name(self) -> str: ...
    @property
    def label_en(self) -> str: ...
    @property
    def label_fr(self) -> str: ...
    @property
    def definition(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def reads(self) -> list[str]: ...


def own_attributes(saved: Iterable[Saved], known: Mapping[str, Attribute], coverage: Mapping[str, float]) -> dict[str, Attribute]:
    """Catalogue entries of own attributes by name; one that reads anything not in `known` is left out, for it would tell of it."""
    return {one.name: _entry(one, [known[name] for name in one.reads], coverage.get(one.name)) for one in saved if set(one.reads) <= known.keys()}


def shared_purposes(inputs: Iterable[Attribute]) -> tuple[Purpose, ...]:
    """Purposes that every input may serve; a protected input leaves describing alone."""
    found: tuple[Purpose, ...] | None = None
    for one in inputs:
        own: tuple[Purpose, ...] = ("describe",) if one.is_protected else one.purposes
        if is_propensity_output(one.name):
            own = tuple(purpose for purpose in own if purpose != CREDIT_REVIEW)
        found = own if found is None else tuple(purpose for purpose in found if purpose in own)
    return found or ("describe",)


def _entry(one: Saved, inputs: list[Attribute], coverage: float | None) -> Attribute:
    sources = sorted({source.strip() for attribute in inputs for source in attribute.source.split(",") if source.strip()})
    return Attribute(
        one.name, FAMILY, cast("Type", one.type), one.unit, one.label_en, one.label_fr, ", ".join(sources) or SOURCE, shared_purposes(inputs),
        is_protected=any(attribute.is_protected for attribute in inputs), coverage=coverage, definition_en=one.definition, definition_fr=one.definition, owner=one.owner,
        reads=tuple(sorted(one.reads)),
    )  # fmt: skip
