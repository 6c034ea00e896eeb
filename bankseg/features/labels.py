"""Labels: the only readers past the as-of date, given outcome views that end with the outcome window."""

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
# What each label must be able to read.
REQUIRES = {
    "hard_exit": ("accounts",),
    "primary_loss": ("accounts", "transactions"),
    "balance_attrition": ("accounts", "balances", "transactions"),
    "dormancy": ("accounts", "transactions"),
    "cross_sell": ("accounts",),
    "client_label": ("client_labels",),
}


def can_label(label: str, tables: frozenset[str]) -> bool:
    """Whether a bank with these tables can observe the label."""
    return tables.issuperset(REQUIRES[label])


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
        `client_id`, `outcome` (0 or 1), and `product` for `cross_sell`, which labels every product in `products` at once;
        clients outside the label's population are absent.

    Raises
    ------
    MissingDataError
        When the outcome window has not matured by `known_on`.
    """
    if label == "client_label":
        given: pa.Table = connection.arrow(_sql("client_label"), thresholds)
        return given
    if not horizon.has_matured(known_on):
        raise MissingDataError(
            f"the outcome window of {horizon.as_of} ends on {horizon.outcome_last_on}, after {known_on}",
            "a matured window",
            "take an earlier origin: immature outcomes are excluded, never zero",
        )
    parameters = {
        "as_of": horizon.as_of,
        "outcome_first_on": horizon.outcome_first_on,
        "outcome_last_on": horizon.outcome_last_on,
        "outcome_tail_after": horizon.outcome_last_on - timedelta(days=TAIL_DAYS),
        "after_7_months": add_months(horizon.as_of, -7),
        **horizon.window_starts(),
        **thresholds,
    }
    outcomes: pa.Table = connection.arrow(_with_population(_sql(label), "performing" if "instalments" in connection.tables else "population"), parameters)
    return outcomes


def _sql(name: str) -> str:
    return files("bankseg.features").joinpath("labels", f"{name}.sql").read_text(encoding="utf-8")


@cache
def _with_population(sql: str, population: str) -> str:
    """Label SQL with the shared population in front, as one more common table expression; banks with instalments leave out who is in default."""
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    shared = (
        [_named(_sql("population"), "clients_with_history"), _named(_sql(population), "population")]
        if population == "performing"
        else [_named(_sql(population), "population")]
    )
    known = tree.args.get("with_") or tree.args["with"]
    known.set("expressions", [*shared, *known.expressions])
    return tree.sql(dialect="duckdb")


def _named(sql: str, name: str) -> exp.CTE:
    return exp.CTE(this=sqlglot.parse_one(sql, dialect="duckdb"), alias=exp.TableAlias(this=exp.to_identifier(name)))
