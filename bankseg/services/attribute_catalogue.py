"""The catalogue of attributes as a page: what each is, whose, how fresh, how complete, what it may serve, and whether it can be used."""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.policy import Policy
from bankseg.domain.rights import Right, require
from bankseg.segments.attributes import Attribute
from bankseg.segments.reading import listing
from bankseg.services.attribute_freshness import Freshness, freshness
from bankseg.services.attribute_usability import Finding, findings
from bankseg.services.custom_attributes import readers
from bankseg.services.policy_in_force import policy_in_force
from bankseg.services.rolls import OpenRoll, open_for
from bankseg.services.segment_schemes import attributes_for
from bankseg.services.segments_desk import stamp_of
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings

BINS = 12
EDGES = (0.01, 0.99)  # quantiles the picture of a number runs between
LEVELS = 12  # of a category that are shown one by one


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person narrows the catalogue by; empty means everything."""

    search: str = ""
    family: str = ""
    purpose: str = ""
    state: str = ""  # usable, flawed, no_data
    source: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One attribute with its freshness and what is wrong with it."""

    attribute: Attribute
    fresh: Freshness
    findings: list[Finding]

    @property
    def state(self) -> str:
        """no_data, flawed (something grave or middling was found) or usable."""
        if self.attribute.coverage is None:
            return "no_data"
        return "flawed" if any(one.severity != "low" for one in self.findings) else "usable"


@dataclass(frozen=True, slots=True)
class CataloguePage:
    """The attributes that match, how many there are in each state, and what may be chosen."""

    stamp: Stamp
    entries: list[Entry]
    counts: dict[str, int]
    of: int
    families: list[str]
    sources: list[str]
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of a distribution: from `low` to `high` of numbers and dates, or one level; `clients` in scope."""

    label: str
    clients: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class AttributePage:
    """One attribute: its entry, how its values lie among the clients in scope, and which schemes read it."""

    stamp: Stamp
    entry: Entry
    bars: list[Bar]
    clients: int
    known: int
    schemes: list[str]
    read_by: list[str]


def entries_for(settings: Settings, session: Session, scope: Scope, roll: OpenRoll) -> list[Entry]:
    """Every attribute a person may read, with freshness, owner and findings."""
    policy = policy_in_force(settings, session)
    known = {name: _owned(one, policy) for name, one in attributes_for(settings, roll, scope).items()}
    fresh = freshness(session, policy, roll, known.values())
    wrong = findings(known, roll.reading.roll, fresh)
    return [Entry(one, fresh[name], wrong[name]) for name, one in known.items()]


def catalogue_page(settings: Settings, session: Session, scope: Scope, wanted: Wanted, *, language: str) -> CataloguePage:
    """The catalogue, narrowed by what is wanted."""
    require(scope, Right.SEGMENTS)
    roll = open_for(settings, session, scope)
    everything = entries_for(settings, session, scope, roll)
    counts = {state: sum(one.state == state for one in everything) for state in ("usable", "flawed", "no_data")}
    families = sorted({one.attribute.family for one in everything})
    sources = sorted({source for one in everything for source in _sources(one.attribute)})
    shown = [one for one in everything if _matches(one, wanted, language)]
    return CataloguePage(stamp_of(roll), shown, counts, len(everything), families, sources, wanted)


def attribute_page(settings: Settings, session: Session, scope: Scope, name: str) -> AttributePage:
    """One attribute.

    Raises
    ------
    NotFoundError
        When there is none of this name, or this person may not read it: the two look the same.
    """
    require(scope, Right.SEGMENTS)
    roll = open_for(settings, session, scope)
    entry = next((one for one in entries_for(settings, session, scope, roll) if one.attribute.name == name), None)
    if entry is None:
        raise NotFoundError(f"no attribute {name[:60]!r}", "an attribute of the catalogue", "look it up under Attributes")
    clients, known, bars = _distribution(roll, entry.attribute) if name in roll.reading.roll.columns else (0, 0, [])
    return AttributePage(stamp_of(roll), entry, bars, clients, known, readers(session, name), [one.name for one in roll.saved if name in one.reads])


def _owned(attribute: Attribute, policy: Policy) -> Attribute:
    """The attribute with the owner of its first source, where it has none of its own; one that nobody has is without data."""
    owners = policy.section("owners")
    first = next(iter(_sources(attribute)), "")
    return replace(attribute, owner=attribute.owner or str(owners.get(first, "")), coverage=attribute.coverage or None)


def _sources(attribute: Attribute) -> list[str]:
    return [source.strip() for source in attribute.source.split(",") if source.strip()]


def _matches(entry: Entry, wanted: Wanted, language: str) -> bool:
    one, sought = entry.attribute, wanted.search.casefold()
    text = f"{one.name} {one.label(language)} {one.definition(language)}".casefold()
    return (
        all(word in text for word in sought.split())
        and wanted.family in {"", one.family}
        and (not wanted.purpose or wanted.purpose in one.purposes)
        and wanted.state in {"", entry.state}
        and (not wanted.source or wanted.source in _sources(one))
    )


def _distribution(roll: OpenRoll, attribute: Attribute) -> tuple[int, int, list[Bar]]:
    """Clients in scope, how many have the attribute, and how its values lie."""
    column = listing(roll.reading, exp.true(), [attribute.name]).column(attribute.name)
    known = column.drop_null()
    if not len(known):
        return len(column), 0, []
    if attribute.type == "number":
        values = np.asarray(known.cast(pa.float64()).to_numpy(), dtype=np.float64)
        low, high = (float(edge) for edge in np.quantile(values, EDGES))
        if high > low:
            return len(column), len(known), _bins(values, low, high)
    spoken = pc.strftime(known, format="%Y") if attribute.type == "date" else known.cast(pa.string())
    return len(column), len(known), _levels(Counter(str(one) for one in spoken.to_pylist()))


def _bins(values: NDArray[np.float64], low: float, high: float) -> list[Bar]:
    """Equal steps from the first to the last hundredth; what lies beyond is in the outer ones."""
    edges = np.linspace(low, high, BINS + 1)
    counts = np.histogram(np.clip(values, low, high), edges)[0]
    return [Bar("", int(count), float(edges[place]), float(edges[place + 1])) for place, count in enumerate(counts)]


def _levels(counts: Counter[str]) -> list[Bar]:
    ordered = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    rest = sum(clients for _, clients in ordered[LEVELS:])
    return [*(Bar(label, clients) for label, clients in ordered[:LEVELS]), *([Bar("", rest)] if rest else [])]
