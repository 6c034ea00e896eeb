"""Offers to segments: a product at a price, what the segment would bring at it, and a floor below which no offer is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import InputError, NotFoundError
from bankseg.domain.people import Scope
from bankseg.domain.policy import Policy
from bankseg.domain.rights import Right, require
from bankseg.domain.segment_offers import FIELDS, OfferTerms, held_to_floor, needed_rise, read_offer_terms
from bankseg.segments.compiler import DIALECT
from bankseg.segments.reading import members
from bankseg.services.credit_kept_back import kept_from_credit
from bankseg.services.rolls import OpenRoll, open_for, roll_path
from bankseg.services.segment_schemes import SchemeEntry, scheme_for
from bankseg.services.segments_desk import stamp_of
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings
from bankseg.storage import audit, segment_offer
from bankseg.storage.database import database_time, reading, transaction
from bankseg.storage.segment_offer import SegmentOffer

LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Offered:
    """One offer with what it would bring; `clients` who are eligible and in scope, `sales` expected of them by propensity at the standard price.

    Money in minor units: `standard_minor` and `margin_minor` are of one sale, the others of all expected sales. None: the run kept no propensities, or the policy names no
    margin of the product.
    """

    offer: SegmentOffer
    terms: OfferTerms
    standard_minor: int | None
    margin_minor: int | None
    clients: int | None
    sales: float | None
    rise: float | None

    @property
    def at_standard_minor(self) -> int | None:
        """Margin expected at the standard price."""
        return None if self.sales is None or self.standard_minor is None else round(self.sales * self.standard_minor)

    @property
    def at_offer_minor(self) -> int | None:
        """Margin expected at the offer, were no more and no fewer sold."""
        return None if self.sales is None or self.margin_minor is None else round(self.sales * self.margin_minor)


@dataclass(frozen=True, slots=True)
class OffersPage:
    """The offers of a scheme, and what one may be made of: products with their standard margin."""

    stamp: Stamp
    entry: SchemeEntry
    offers: list[Offered]
    products: dict[str, int]
    currency: str


def offers_page(settings: Settings, session: Session, scope: Scope, policy: Policy, code: str) -> OffersPage:
    """Every standing offer of a scheme with what it would bring from the clients in scope.

    Raises
    ------
    NotFoundError
        When there is no such scheme, or it reads what this person may not.
    """
    require(scope, Right.SEGMENTS)
    entry = scheme_for(settings, session, scope, code)
    roll = open_for(settings, session, scope, frozen=entry.cuts)
    margins = standard_margins(policy)
    rows = segment_offer.standing_offers(session, code)
    expected = {key: _expected(settings, roll, entry, *key) for key in {(one.segment, one.product) for one in rows}}
    offers = [_offered(one, margins.get(one.product), expected[one.segment, one.product]) for one in rows]
    return OffersPage(stamp_of(roll), entry, offers, margins, str(roll.run.summary.get("currency") or policy.section("value")["currency"]))


def save_offer(settings: Settings, engine: Engine, scope: Scope, policy: Policy, code: str, document: Mapping[str, Any]) -> int:
    """Keep an offer that reaches its floor; returns its number.

    Parameters
    ----------
    document
        `segment`, `product`, `name` and the terms in minor units.

    Raises
    ------
    InputError
        When its margin is below its floor, its terms mean nothing, or the policy names no margin of the product.
    """
    require(scope, Right.DESIGN)
    with reading(engine) as session:
        segment = scheme_for(settings, session, scope, code).scheme.segment(str(document.get("segment", ""))).code
    product, name = str(document.get("product", "")), " ".join(str(document.get("name", "")).split())
    margins = standard_margins(policy)
    if product not in margins:
        raise InputError(f"no standard margin of {product[:40]!r}", ", ".join(sorted(margins)), "choose one of these, or add it to the policy")
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InputError(f"a name of {len(name)} characters", f"1 to {LONGEST_NAME}", "name the offer as the client would know it")
    terms = read_offer_terms({field: document.get(field, 0) for field in FIELDS})
    margin = held_to_floor(terms, margins[product])
    with transaction(engine) as session:
        row = SegmentOffer(
            code=code, segment=segment, product=product, name=name, terms=terms.document, saved_by=scope.person_id, saved_at=database_time(session)
        )
        session.add(row)
        session.flush()
        told = {"product": product, "terms": terms.document, "margin_minor": margin}
        audit.record(session, "offer_saved", f"{code}/{segment} offer:{row.id}", person_id=scope.person_id, **told)
        return row.id or 0


def withdraw_offer(settings: Settings, engine: Engine, scope: Scope, offer_id: int) -> str:
    """Take an offer back; returns the code of its scheme. One that was taken back already stays so.

    Raises
    ------
    NotFoundError
        When there is none, or its scheme reads what this person may not.
    """
    require(scope, Right.DESIGN)
    with transaction(engine) as session:
        row = session.get(SegmentOffer, offer_id, with_for_update=True)
        if row is None:
            raise NotFoundError("nothing here")
        scheme_for(settings, session, scope, row.code)
        if row.withdrawn_at is None:
            row.withdrawn_by, row.withdrawn_at = scope.person_id, database_time(session)
            session.add(row)
            audit.record(session, "offer_withdrawn", f"{row.code}/{row.segment} offer:{offer_id}", person_id=scope.person_id)
        return row.code


def standard_margins(policy: Policy) -> dict[str, int]:
    """Yearly margin of a new contract at the standard price by product, minor units."""
    return {product: int(margin) for product, margin in sorted(policy.section("value")["new_contract_margin_minor"].items())}


def _offered(row: SegmentOffer, standard: int | None, expected: tuple[int, float] | None) -> Offered:
    terms = read_offer_terms(row.terms)
    margin = None if standard is None else terms.margin(standard)
    clients, sales = expected or (None, None)
    return Offered(row, terms, standard, margin, clients, sales, None if standard is None or margin is None else needed_rise(standard, margin))


def _expected(settings: Settings, roll: OpenRoll, entry: SchemeEntry, segment: str, product: str) -> tuple[int, float] | None:
    """Clients of a segment who are eligible for a product, and the sales expected of them; None when the run kept no propensities."""
    path = roll_path(settings, roll.run.id or 0).with_name("offers.parquet")
    if not path.exists():
        return None
    inside = members(entry.scheme, entry.scheme.segment(segment), roll.reading)
    barred = kept_from_credit(settings, roll.reading.roll.columns, exp.Placeholder(this="product"))
    chosen = exp.select("client_id").from_("roll").where(roll.reading.visible(), inside, exp.not_(barred))
    counted = exp.select("count(*) AS clients", "coalesce(sum(propensity), 0) AS sales").from_("read_parquet($offers)", dialect=DIALECT)
    query = counted.where("product = $product", dialect=DIALECT).where(exp.column("client_id").isin(query=chosen))
    row = roll.reading.roll.arrow(query.sql(dialect=DIALECT), {"offers": str(path), "product": product}).to_pylist()[0]
    return int(row["clients"]), float(row["sales"])
