"""Marketing's list for a product: who is on it, and what took the others off."""

import math
from dataclasses import dataclass, field

from sqlmodel import Session

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.rights import Right, require
from bankseg.services import book, cursor
from bankseg.services.client_page import parsed
from bankseg.services.kept import kept
from bankseg.services.stamp import Stamp, stamp
from bankseg.storage import client_erasure, client_objection, offer_counts, published_counts
from bankseg.storage import cross_sell as store
from bankseg.storage.client_objection import OBJECTED
from bankseg.storage.cross_sell import CrossSellFilter
from bankseg.storage.offer_counts import OfferCount
from bankseg.storage.portfolio import PAGE, Position, Row

BEYOND_SIZE = "beyond_size"
CAUSES = (
    OBJECTED,
    store.OTHER_TIER,
    store.OTHER_SEGMENT,
    store.TOO_UNLIKELY,
    "consent",
    "contact_policy",
    "risk",
    "vulnerable",
)  # in the order a person reads them
LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class Funnel:
    """What removes whom: candidates = kept + the sum of removed, always."""

    candidates: int
    removed: dict[str, int]
    kept: int


@dataclass(frozen=True, slots=True)
class CrossSellPage:
    """One page of a list with its funnel."""

    stamp: Stamp
    found: CrossSellFilter
    size: int | None
    funnel: Funnel
    rows: list[Row]
    next_after: str | None
    choices: dict[str, list[str]] = field(default_factory=dict)


def products(session: Session, scope: Scope) -> tuple[Stamp, list[Row]]:
    """The products with a list, as far as this person sees."""
    require(scope, Right.CROSS_SELL)
    return stamp(session), _by_product(_offers(session, scope))


def checked(found: CrossSellFilter, size: int | None) -> None:
    """Refuse a cut that means nothing.

    Raises
    ------
    InputError
        When the least propensity is outside [0, 1] or the size is not positive.
    """
    if not 0 <= found.least_propensity <= 1:
        raise InputError(f"a least probability of {found.least_propensity}", "a number between 0 and 1", "give 0.2 for 20 %")
    if size is not None and size < 1:
        raise InputError(f"a list of {size} clients", "1 or more", "leave the size empty for everybody")


def funnel(session: Session, scope: Scope, found: CrossSellFilter, size: int | None = None) -> Funnel:
    """Count the candidates by what removes them; a size cuts those who would come after the last place.

    Raises
    ------
    NotFoundError
        When nobody in scope is a candidate for such a product.
    """
    causes = _causes(session, scope, found)
    if not causes:
        raise NotFoundError("nothing here")
    kept = causes.get(None, 0)
    others = sorted(cause for cause in causes if cause is not None and cause not in CAUSES)
    removed = {cause: causes[cause] for cause in (*CAUSES, *others) if cause in causes}
    if size is not None and kept > size:
        removed[BEYOND_SIZE], kept = kept - size, size
    return Funnel(sum(causes.values()), removed, kept)


def cross_sell_page(session: Session, scope: Scope, found: CrossSellFilter, *, size: int | None = None, after: str = "", limit: int = PAGE) -> CrossSellPage:
    """One page of a product's list, likeliest first; with a size, no page goes beyond it."""
    require(scope, Right.CROSS_SELL)
    checked(found, size)
    run, counted = stamp(session), funnel(session, scope, found, size)
    position, shown_before = _position(after)
    wanted = max(0, min(limit, LARGEST_PAGE, counted.kept - shown_before))
    rows = store.page(session, scope, found, after=position, limit=wanted) if wanted else []
    shown = shown_before + len(rows)
    following = cursor.write(rows[-1]["propensity"], rows[-1]["client_id"], shown) if rows and shown < counted.kept else None
    return CrossSellPage(run, found, size, counted, [parsed(row) for row in rows], following, choices(session, scope))


def choices(session: Session, scope: Scope) -> dict[str, list[str]]:
    """The tiers and segments a list may be narrowed to."""
    cells = book.cells(session, scope)
    return {name: book.choices(name, cells) for name in ("tier", "segment")}


def _offers(session: Session, scope: Scope) -> list[OfferCount]:
    """Candidates by product and cause as they are today."""
    state = f"{client_objection.changed(session)} {client_erasure.changed(session)}"
    return kept(session, scope, f"offers {state}", lambda: _counted(session, scope))


def _counted(session: Session, scope: Scope) -> list[OfferCount]:
    of_run = published_counts.offers(session) if scope.sees_whole_book else None
    return store.counted(session, scope) if of_run is None else offer_counts.as_of_now(session, stamp(session).run_id, of_run)


def _by_product(counts: list[OfferCount]) -> list[Row]:
    products = {name: [count for count in counts if count.product == name] for name in sorted({count.product for count in counts})}
    return [{
        "product": name, "candidates": sum(count.candidates for count in found), "free": sum(count.candidates for count in found if count.cause is None),
        "expected_sales": math.fsum(count.expected_sales for count in found),
    } for name, found in products.items()]  # fmt: skip


def _causes(session: Session, scope: Scope, found: CrossSellFilter) -> dict[str | None, int]:
    """Candidates by what removes them. The whole book is not counted again: a least propensity reads only those above it."""
    if not scope.sees_whole_book or found.tiers or found.segments:
        return store.funnel(session, scope, found)
    every = {count.cause: count.candidates for count in _offers(session, scope) if count.product == found.product}
    if not found.least_propensity:
        return every
    likely = store.likely(session, scope, found)
    objecting = every.get(OBJECTED, 0)
    unlikely = sum(every.values()) - objecting - sum(likely.values())
    return {cause: number for cause, number in {OBJECTED: objecting, store.TOO_UNLIKELY: unlikely, **likely}.items() if number}


def _position(after: str) -> tuple[Position | None, int]:
    if not after:
        return None, 0
    value, client_id, shown = cursor.read(after, ((int, float), str, int))
    return Position(value, client_id), max(0, shown)
