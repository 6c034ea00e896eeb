"""Small, medium and large clients: the Lorenz curve of each kind's contribution, its classes at movable cut-offs, and its Gini coefficient."""

from dataclasses import dataclass

import numpy as np
from sqlglot import exp
from sqlmodel import Session

from bankseg.domain.errors import InputError, MissingDataError
from bankseg.domain.people import Scope
from bankseg.segments.arrays import numbers
from bankseg.segments.compiler import DIALECT
from bankseg.segments.pmg import LARGE_SHARE, MEDIUM_SHARE, Pmg, pmg
from bankseg.services.scheme_pictures.axes import ORDERS
from bankseg.services.scheme_pictures.sight import look
from bankseg.services.stamp import Stamp
from bankseg.settings import Settings

FIRST_LARGE_PCT, FIRST_MEDIUM_PCT = round(100 * LARGE_SHARE), round(100 * MEDIUM_SHARE)


@dataclass(frozen=True, slots=True)
class ConcentrationPage:
    """Classes and curve of every kind of client, most clients first; cut-offs in per cent of positive contribution."""

    stamp: Stamp
    currency: str
    large_pct: int
    medium_pct: int
    kinds: list[Pmg]


def concentration_page(
    settings: Settings, session: Session, scope: Scope, large_pct: int = FIRST_LARGE_PCT, medium_pct: int = FIRST_MEDIUM_PCT
) -> ConcentrationPage:
    """Who brings the value: classes are cut on the whole bank, kind by kind, and told of the clients in scope.

    Raises
    ------
    InputError
        When the cut-offs are no ascending shares.
    MissingDataError
        When the run knows no contribution.
    """
    if not 0 < large_pct <= medium_pct <= 100:
        raise InputError(f"cut-offs {large_pct} and {medium_pct} %", "1 to 100 %, the first not above the second", "move the cut-offs")
    sight = look(settings, session, scope)
    if "value_12m_minor" not in sight.reading.roll.columns:
        raise MissingDataError("the run knows no contribution", "balances or accounts", "load them and run again: bankseg run --as-of DATE")
    select = exp.select("kind", "value_12m_minor", exp.alias_(sight.reading.visible(), "is_visible")).from_("roll")
    table = sight.reading.roll.arrow(select.where("value_12m_minor IS NOT NULL").order_by("client_id").sql(dialect=DIALECT))
    kinds = [str(kind) for kind in table.column("kind").to_pylist()]
    visible = np.asarray(table.column("is_visible").to_numpy(), dtype=np.bool_)
    told = pmg(numbers(table, "value_12m_minor"), kinds, large=large_pct / 100, medium=medium_pct / 100, visible=visible)[1]
    order = {kind: place for place, kind in enumerate(ORDERS["kind"])}
    shown = [one for one in told if sum(band.clients for band in one.bands)]
    return ConcentrationPage(sight.stamp, sight.currency, large_pct, medium_pct, sorted(shown, key=lambda one: order.get(one.kind, len(order))))
