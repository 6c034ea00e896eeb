"""Who is proposed no credit: clients in risk review or vulnerable, as a predicate over the roll."""

from collections.abc import Collection

from sqlglot import exp

from bankseg.domain.extracts import PRODUCTS
from bankseg.lake.declarations import read_declarations
from bankseg.segments.compiler import DIALECT
from bankseg.settings import Settings

FLAGS = ("is_high_risk", "is_vulnerable")


def kept_from_credit(settings: Settings, known: Collection[str], product: exp.Expr) -> exp.Expr:
    """SQL predicate: the product is a credit and the client is proposed none; `known` are the columns of the roll."""
    natures = {**PRODUCTS, **read_declarations(settings.lake).products}
    credit = product.isin(*sorted(name for name, nature in natures.items() if nature == "credit"))
    flags = " OR ".join(f"coalesce({flag}, FALSE)" for flag in FLAGS if flag in known) or "FALSE"
    return exp.and_(credit, exp.paren(exp.condition(flags, dialect=DIALECT)))
