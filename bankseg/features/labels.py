"""Labels: whom an outcome may be asked of, at the as-of date; and what happened, by the only readers past that date."""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import pyarrow as pa
import sqlglot
from sqlglot import exp

from bankseg.domain.errors import MissingDataError
from bankseg.domain.horizon import Horizon, add_months
from bankseg.domain.seams import BucketConnection

TAIL_DAYS = 30
# Common tables that every label may build on, reference tables of the bank, and the one extract no bank lacks.
SHARED = frozenset({"population", "clients_with_history", "eligible", "counted"})
RELATIONS = frozenset({"products", "channel_costs"})
ALWAYS_THERE = frozenset({"clients"})
OUTCOME = "outcome_"
ELIGIBLE = "eligible"


def can_label(label: str, tables: frozenset[str]) -> bool:
    """Whether a bank with these tables can observe the label."""
    return tables.issuperset(required_tables(label))


@cache
def required_tables(label: str) -> frozenset[str]:
    """The extracts a label's SQL reads.

    Examples
    --------
    >>> sorted(required_tables("dormancy")), sorted(required_tables("client_label"))
    (['accounts', 'transactions'], ['client_labels'])
    """
    tree = sqlglot.parse_one(_sql(label), dialect="duckdb")
    own = {table.alias for table in tree.find_all(exp.CTE)}
    read = {table.name.removeprefix(OUTCOME) for table in tree.find_all(exp.Table)}
    built_on_population = frozenset() if label == "client_label" else frozenset({"accounts"})
    return frozenset(read - own - SHARED - RELATIONS - ALWAYS_THERE) | built_on_population


@cache
def answers_by_product(label: str) -> bool:
    """Whether a label answers for every product asked for at once, with a column that says which.

    Examples
    --------
    >>> answers_by_product("cross_sell"), answers_by_product("dormancy")
    (True, False)
    """
    tree = sqlglot.parse_one(_sql(label), dialect="duckdb")
    return any(column.alias_or_name == "product" for column in tree.expressions)


def build_labels(connection: BucketConnection, label: str, horizon: Horizon, known_on: date, thresholds: Mapping[str, Any]) -> pa.Table:
    """One bucket's outcomes of one label.

    Parameters
    ----------
    connection
        The bucket as known at `horizon.as_of`, with outcome views up to `horizon.outcome_last_on` as known on `known_on`.
    thresholds
        Policy values the SQL names, such as `dormant_days`, `product` or `label`.

    Returns
    -------
    pyarrow.Table
        `client_id`, `outcome` (0 or 1), and `product` for labels that answer for every product in `products` at once;
        clients outside the label's population are absent.

    Raises
    ------
    MissingDataError
        When the outcome window has not matured by `known_on`.
    """
    if label == "client_label":
        given: pa.Table = connection.arrow(_sql(label), thresholds)
        return given
    if not horizon.has_matured(known_on):
        raise MissingDataError(
            f"the outcome window of {horizon.as_of} ends on {horizon.outcome_last_on}, after {known_on}",
            "a matured window",
            "take an earlier origin: immature outcomes are excluded, never zero",
        )
    outcomes: pa.Table = connection.arrow(_outcome_statement(label, _population(connection)), {**_dates(horizon), **thresholds})
    return outcomes


def eligible_clients(connection: BucketConnection, label: str, horizon: Horizon, thresholds: Mapping[str, Any]) -> pa.Table:
    """One bucket's clients of whom the label's outcome may be asked, as known at `horizon.as_of`: those who may be scored.

    The statement is the part of the label's own SQL up to its population, so that training and scoring can never mean different clients.

    Parameters
    ----------
    connection
        The bucket as known at `horizon.as_of`; no outcome views are needed.
    thresholds
        As for `build_labels`.

    Returns
    -------
    pyarrow.Table
        `client_id`, and `product` for labels that answer by product.
    """
    rows: pa.Table = connection.arrow(_eligible_statement(label, _population(connection)), {**_dates(horizon), **thresholds})
    return rows


def _population(connection: BucketConnection) -> str:
    """Banks with instalments leave out who is in default."""
    return "performing" if "instalments" in connection.tables else "population"


def _dates(horizon: Horizon) -> dict[str, date]:
    return {
        "as_of": horizon.as_of,
        "outcome_first_on": horizon.outcome_first_on,
        "outcome_last_on": horizon.outcome_last_on,
        "outcome_tail_after": horizon.outcome_last_on - timedelta(days=TAIL_DAYS),
        "after_7_months": add_months(horizon.as_of, -7),
        **horizon.window_starts(),
    }


def _sql(name: str) -> str:
    return files("bankseg.features").joinpath("labels", f"{name}.sql").read_text(encoding="utf-8")


@cache
def _outcome_statement(label: str, population: str) -> str:
    """Label SQL with the shared population in front, and after its own population the clients whose outcome counts."""
    tree = sqlglot.parse_one(_sql(label), dialect="duckdb")
    before, after = _parts(tree)
    _tables(tree).set("expressions", [*_shared(population), *before, _named(_sql("counted"), "counted"), *after])
    return tree.sql(dialect="duckdb")


@cache
def _eligible_statement(label: str, population: str) -> str:
    tree = sqlglot.parse_one(_sql(label), dialect="duckdb")
    before, _ = _parts(tree)
    chosen = [exp.column("client_id"), *([exp.column("product")] if answers_by_product(label) else [])]
    statement = exp.select(*chosen).from_(ELIGIBLE)
    statement.set("with_", exp.With(expressions=[*([] if label == "client_label" else _shared(population)), *before]))
    return statement.sql(dialect="duckdb")


def _parts(tree: exp.Expr) -> tuple[list[exp.Expr], list[exp.Expr]]:
    """The common tables of a label up to its population, and those after it."""
    tables = list(_tables(tree).expressions)
    place = next(place for place, table in enumerate(tables) if table.alias == ELIGIBLE)
    return tables[: place + 1], tables[place + 1 :]


def _tables(tree: exp.Expr) -> exp.Expr:
    found: exp.Expr = tree.args["with_"]
    return found


def _shared(population: str) -> list[exp.Expr]:
    if population == "performing":
        return [_named(_sql("population"), "clients_with_history"), _named(_sql(population), "population")]
    return [_named(_sql(population), "population")]


def _named(sql: str, name: str) -> exp.Expr:
    return exp.CTE(this=sqlglot.parse_one(sql, dialect="duckdb"), alias=exp.TableAlias(this=exp.to_identifier(name)))
