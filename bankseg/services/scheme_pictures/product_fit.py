"""Product fit: what each segment holds beside what it is likely to want, and what its holders complain of and answer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import MissingDataError
from bankseg.domain.extracts import PRODUCTS
from bankseg.domain.people import Scope
from bankseg.domain.rights import sees
from bankseg.segments.reading import Reading, figures_of, figures_of_segments
from bankseg.services.scheme_pictures.geography import NOT_SOLD
from bankseg.services.scheme_pictures.sight import Sight, look
from bankseg.services.segment_schemes import SchemeEntry
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings

FIRST = "value_tiers"  # the scheme the page begins with, where the person may read it
COMPLAINTS, SATISFACTION = "complaints_365d", "latest_nps"


@dataclass(frozen=True, slots=True)
class Fit:
    """One product in one group of active clients; what is not known, or of fewer clients than the policy's smallest group, is None.

    `share` of the group hold it, `wanted` is the mean propensity of the `scored`; `held_index` and `wanted_index` are both as multiples of the whole base's, for a
    chance of taking a product and a share that hold it can only be compared so. `complained` is the share of holders with a complaint within a year, `satisfaction`
    the mean of the latest recommendation score (0 to 10) of the `answered` holders.
    """

    product: str
    holders: int
    share: float | None
    scored: int
    wanted: float | None
    complained: float | None
    answered: int | None
    satisfaction: float | None
    held_index: float | None = None
    wanted_index: float | None = None

    @property
    def gap(self) -> float | None:
        """Wanted less held, each as a multiple of the whole base's: above 0 the group wants more of the product than it has."""
        return None if self.wanted_index is None or self.held_index is None else self.wanted_index - self.held_index


@dataclass(frozen=True, slots=True)
class FitRow:
    """One segment and its products, in the page's order."""

    code: str
    clients: int
    fits: list[Fit]


@dataclass(frozen=True, slots=True)
class ProductFitPage:
    """Segments with active clients by products, the whole base in scope under `base`, and the widest gaps as (segment, fit); groups below `least_clients` tell no mean."""

    stamp: Stamp
    entry: SchemeEntry
    choices: list[SchemeEntry]
    products: list[str]
    rows: list[FitRow]
    base: FitRow
    gaps: dict[tuple[str, str], float | None]
    widest: list[FitRow]
    least_clients: int
    has_complaints: bool
    has_answers: bool

    def heat(self, gap: float | None) -> int:
        """How wide a gap is against the widest and the narrowest of the page, 0 (unknown, or the narrowest) to 9."""
        known = [one for one in self.gaps.values() if one is not None]
        if gap is None or len(known) < 2 or max(known) == min(known):
            return 0
        return round(9 * (gap - min(known)) / (max(known) - min(known)))


def product_fit_page(settings: Settings, session: Session, scope: Scope, code: str = "") -> ProductFitPage:
    """The products of a scheme's segments.

    Raises
    ------
    NotFoundError
        When there is no such scheme for this person.
    MissingDataError
        When no product is known of anybody.
    """
    sight = look(settings, session, scope)
    entry = sight.scheme(code or (FIRST if FIRST in sight.schemes else next(iter(sight.schemes), "")))
    products = [name for name in PRODUCTS if name not in NOT_SOLD and f"holds_{name}" in sight.reading.roll.columns]
    if not products:
        raise MissingDataError("no product is known of any client", "accounts with products in the lake", "load accounts and publish a run")
    reading, least = sight.reading_of(entry), int(sight.policy.section("pictures")["least_place_clients"])
    base, found = _rows(sight, reading, entry, products, least)
    rows = [against(row, base) for row in found if row.clients]
    gaps = {(row.code, fit.product): fit.gap for row in rows for fit in row.fits}
    return ProductFitPage(
        sight.stamp, entry, list(sight.schemes.values()), products, rows, base, gaps, _widest(rows), least, _reads(sight, COMPLAINTS), _reads(sight, SATISFACTION),
    )  # fmt: skip


def against(row: FitRow, base: FitRow) -> FitRow:
    """A row with each product held against the whole base."""
    pairs = zip(row.fits, base.fits, strict=True)
    return replace(row, fits=[replace(fit, held_index=_times(fit.share, all_.share), wanted_index=_times(fit.wanted, all_.wanted)) for fit, all_ in pairs])


def _times(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _reads(sight: Sight, name: str) -> bool:
    return name in sight.reading.roll.columns and name in sight.attributes and sees(sight.scope.role, name)


def _rows(sight: Sight, reading: Reading, entry: SchemeEntry, products: list[str], least: int) -> tuple[FitRow, list[FitRow]]:
    """The whole base, and every segment."""
    figures = {"clients": "count(*)"} | {f"{product}__{name}": sql for product in products for name, sql in _figures(sight, product).items()}
    active = exp.condition("status = 'active'")
    base = figures_of(reading, figures, active)
    parts = figures_of_segments(entry.scheme, reading, figures, active)
    return _row("", base, products, least), [_row(code, row, products, least) for code, row in parts.items()]


def _row(code: str, row: Mapping[str, Any], products: list[str], least: int) -> FitRow:
    clients = int(row["clients"])
    return FitRow(code, clients, [_fit(product, clients, {name: row.get(f"{product}__{name}") for name in NAMES}, least) for product in products])


NAMES = ("holders", "scored", "wanted", "complained", "answered", "satisfaction")


def _figures(sight: Sight, product: str) -> dict[str, str]:
    """SQL of the figures the roll has; what it lacks is no data, never zero."""
    holds = f"holds_{product} = 1"
    found = {"holders": f"count(*) FILTER (WHERE {holds})"}
    target = f"p:cross_sell:{product}"
    if _reads(sight, target):
        found |= {"scored": f'count("{target}")', "wanted": f'avg("{target}")'}
    if _reads(sight, COMPLAINTS):
        found["complained"] = f"avg(({COMPLAINTS} > 0)::INTEGER) FILTER (WHERE {holds})"
    if _reads(sight, SATISFACTION):
        found |= {"answered": f"count({SATISFACTION}) FILTER (WHERE {holds})", "satisfaction": f"avg({SATISFACTION}) FILTER (WHERE {holds})"}
    return found


def _fit(product: str, clients: int, row: dict[str, Any], least: int) -> Fit:
    holders, scored, answered = int(row["holders"]), int(row["scored"] or 0), row["answered"]
    return Fit(
        product,
        holders,
        holders / clients if clients >= least else None,
        scored,
        row["wanted"] if scored >= least else None,
        row["complained"] if holders >= least else None,
        answered,
        row["satisfaction"] if (answered or 0) >= least else None,
    )


def _widest(rows: list[FitRow], most: int = 3) -> list[FitRow]:
    """The widest gaps, each as a row of its segment with its one product."""
    found = [FitRow(row.code, row.clients, [fit]) for row in rows for fit in row.fits if fit.gap is not None]
    return sorted(found, key=lambda row: (-(row.fits[0].gap or 0.0), row.code, row.fits[0].product))[:most]
