"""Repeated windows and products, expanded on the SQL's syntax tree: the one place where feature SQL is rewritten."""

import re
from collections.abc import Sequence
from functools import lru_cache

import sqlglot
from sqlglot import exp

from bankseg.domain.horizon import WINDOW_DAYS

DIALECT = "duckdb"
WINDOW, PRODUCT = "each_window", "each_product"
PLAIN = re.compile(r"[a-z][a-z0-9_]*")  # a bank's own product may be called anything; such a name is quoted


@lru_cache(maxsize=256)
def expand(sql: str, products: tuple[str, ...]) -> str:
    """SQL in which every projection that names `each_window` or `each_product` stands once per window or product.

    Examples
    --------
    >>> expand("SELECT sum(n) FILTER (WHERE r <= each_window) AS n__each_window FROM t", ())[:47]
    'SELECT SUM(n) FILTER(WHERE r <= 0) AS n_30d, SU'
    """
    if WINDOW not in sql and PRODUCT not in sql:
        return sql
    windows: list[tuple[exp.Expr, str]] = [(exp.Literal.number(rank), f"_{days}d") for rank, days in enumerate(WINDOW_DAYS)]
    sold: list[tuple[exp.Expr, str]] = [(exp.Literal.string(product), f"_{product}") for product in products]
    tree = sqlglot.parse_one(sql, dialect=DIALECT)
    for select in list(tree.find_all(exp.Select)):
        projections: list[exp.Expr] = []
        for projection in select.expressions:
            projections.extend(_copies(projection, WINDOW, windows) if _names(projection, WINDOW) else [projection])
        projections = [copy for projection in projections for copy in (_copies(projection, PRODUCT, sold) if _names(projection, PRODUCT) else [projection])]
        select.set("expressions", projections)
    return tree.sql(dialect=DIALECT)


def _names(projection: exp.Expr, word: str) -> bool:
    return any(word in identifier.name for identifier in _own(projection))


def _own(projection: exp.Expr) -> list[exp.Identifier]:
    return list(projection.find_all(exp.Identifier))


def _copies(projection: exp.Expr, word: str, values: Sequence[tuple[exp.Expr, str]]) -> list[exp.Expr]:
    return [_substitute(projection.copy(), word, literal, suffix) for literal, suffix in values]


def _substitute(tree: exp.Expr, word: str, literal: exp.Expr, suffix: str) -> exp.Expr:
    for identifier in _own(tree):
        if identifier.name == word and isinstance(identifier.parent, exp.Column):
            identifier.parent.replace(literal.copy())
        elif identifier.name.endswith(f"__{word}"):
            name = identifier.name.removesuffix(f"__{word}") + suffix
            identifier.set("this", name)
            identifier.set("quoted", not PLAIN.fullmatch(name))
    return tree
