"""Building a snapshot: every feature group of one bucket at a horizon, joined to one row per client."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from sqlglot import exp

from bankseg.domain.horizon import Horizon, add_months
from bankseg.domain.seams import BucketConnection
from bankseg.features.catalogue import Group, available_groups, expand_feature
from bankseg.features.expand import DIALECT, expand
from bankseg.features.reduction import execute, plan
from bankseg.features.relation import Rows, whole
from bankseg.features.vectors import UnsupportedError

ATTRIBUTE_PREFIX = "attr_"
MOVEMENTS = "transactions"  # the one table with so many rows that their first reduction decides how long a snapshot takes


def build_snapshot(connection: BucketConnection, horizon: Horizon, products: Sequence[str], attributes: Sequence[Mapping[str, Any]] = ()) -> pa.Table:
    """All features of one bucket's clients.

    Parameters
    ----------
    connection
        The bucket as known at `horizon.as_of`.
    products
        The bank's products, for the features that exist once per product.
    attributes
        Columns declared through the attributes door: `name` and `type` each.

    Returns
    -------
    pyarrow.Table
        One row per client, ordered by `client_id`: `client_id` and the features of every group whose extracts are loaded.
        A column is null where the client has no row in its source; a group whose extract was never loaded is absent.
    """
    snapshot: pa.Table = connection.arrow("SELECT client_id FROM clients ORDER BY client_id")
    parameters = sql_parameters(horizon)
    statements = {group: expand(group.sql, tuple(products)) for group in available_groups(connection.tables)}
    movements = _reduced_rows(connection, statements.values())
    for group, sql in statements.items():
        rows = _computed(connection, sql, movements, parameters)
        snapshot = _join(snapshot, _exact(rows.select(["client_id", *feature_names(group, products)])))
    if attributes and "client_attributes" in connection.tables:
        snapshot = _join(snapshot, connection.arrow(attributes_sql(attributes)))
    return snapshot.sort_by("client_id")


def build_columns(connection: BucketConnection, horizon: Horizon, products: Sequence[str], names: Collection[str]) -> pa.Table:
    """Some features of one bucket's clients, as `build_snapshot` computes them, at the cost of these alone: what is not asked for is not computed.

    Parameters
    ----------
    names
        Features wanted; those whose extract was never loaded are absent.

    Returns
    -------
    pyarrow.Table
        One row per client, ordered by `client_id`.
    """
    snapshot: pa.Table = connection.arrow("SELECT client_id FROM clients ORDER BY client_id")
    parameters = sql_parameters(horizon)
    wanted = {group: tuple(name for name in feature_names(group, products) if name in names) for group in available_groups(connection.tables)}
    statements = [_asking(group, tuple(products), columns) for group, columns in wanted.items() if columns]
    movements = _reduced_rows(connection, statements)
    for sql in statements:
        snapshot = _join(snapshot, _exact(_computed(connection, sql, movements, parameters)))
    return snapshot.sort_by("client_id")


def _reduced_rows(connection: BucketConnection, statements: Iterable[str]) -> Rows | None:
    """The rows that the first stage of these statements reads, read once for all; None when there are none to be read."""
    plans = [planned for sql in statements if (planned := plan(sql, MOVEMENTS))] if MOVEMENTS in connection.tables else []
    rows = connection.rows(MOVEMENTS, sorted({column for planned in plans for column in planned.columns})) if plans else None
    if rows is None:
        return None
    columns = dict(zip(rows.column_names, rows.columns, strict=True))
    del rows  # its columns alone hold what was read, and are let go one by one
    return Rows(columns)


def _computed(connection: BucketConnection, sql: str, rows: Rows | None, parameters: Mapping[str, Any]) -> pa.Table:
    """A group's statement: what can be reduced from rows that lie sorted by client is, the engine does the rest."""
    planned, relations = plan(sql, MOVEMENTS) if rows is not None else None, None
    if planned is not None and rows is not None:
        with suppress(UnsupportedError):
            relations = execute(planned, MOVEMENTS, rows, parameters)
    found: pa.Table = connection.arrow(sql, parameters) if planned is None or relations is None else connection.arrow(planned.rest, parameters, relations)
    return found


@cache
def _asking(group: Group, products: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    """The statement of a group for some of its columns: the engine leaves out what nobody asks for."""
    inner = sqlglot.parse_one(expand(group.sql, products), dialect=DIALECT)
    first_stages = inner.args.get("with_")
    inner.set("with_", None)
    columns = [exp.column(name, quoted=True) for name in ("client_id", *wanted)]
    outer = exp.select(*columns).from_(exp.Subquery(this=inner, alias=exp.to_identifier("features")))
    outer.set("with_", first_stages)
    return outer.sql(dialect=DIALECT)


def feature_names(group: Group, products: Sequence[str]) -> list[str]:
    """Columns a group returns for a bank with these products."""
    return [feature.name for template in group.templates for feature in expand_feature(template, products)]


def sql_parameters(horizon: Horizon) -> dict[str, Any]:
    """Every parameter feature SQL may name; dates are computed here and nowhere else."""
    return {
        "as_of": horizon.as_of,
        "as_of_month": horizon.month_index(),
        "after_24_months": add_months(horizon.as_of, -24),
        **horizon.window_starts(),
    }


def attributes_sql(attributes: Sequence[Mapping[str, Any]]) -> str:
    """Pivot of the attributes door: the latest value of each declared name."""
    columns = [exp.column("client_id"), *(_latest(str(entry["name"]), "category" if entry["type"] == "category" else "number") for entry in attributes)]
    return exp.select(*columns).from_("client_attributes").group_by("client_id").sql(dialect=DIALECT)


def _latest(name: str, column: str) -> exp.Expr:
    value = exp.column(column)
    newest = exp.func("arg_max", value, exp.column("observed_on"), dialect=DIALECT)
    chosen = exp.Filter(this=newest, expression=exp.Where(this=exp.column("name").eq(exp.Literal.string(name))))
    return exp.alias_(chosen, f"{ATTRIBUTE_PREFIX}{name}", quoted=True)


def _exact(rows: pa.Table) -> pa.Table:
    """Wide integers of SQL sums back to int64, other decimals to float64: exact where it counts, plain for models."""
    columns = []
    for field, column in zip(rows.schema, rows.columns, strict=True):
        if pa.types.is_decimal(field.type):
            columns.append(column.cast(pa.int64() if field.type.scale == 0 else pa.float64()))
        elif pa.types.is_boolean(field.type) or pa.types.is_integer(field.type):
            columns.append(column.cast(pa.int64()))
        else:
            columns.append(column)
    return pa.table(columns, names=rows.column_names)


def _join(left: pa.Table, right: pa.Table) -> pa.Table:
    """Left join on client_id that keeps the left's order; a position lookup, for both sides hold each client once."""
    positions = pc.index_in(left.column("client_id"), value_set=whole(right.column("client_id")))
    taken = right.drop_columns(["client_id"]).take(positions)
    for name in taken.column_names:
        left = left.append_column(name, taken.column(name))
    return left


@cache
def features_digest() -> str:
    """SHA-256 of every definition a snapshot depends on: the catalogue, the SQL of groups and labels."""
    digest = sha256(files("bankseg.features").joinpath("catalogue.toml").read_bytes())
    for folder in ("groups", "labels"):
        for entry in sorted(files("bankseg.features").joinpath(folder).iterdir(), key=lambda item: item.name):
            if entry.name.endswith(".sql"):
                digest.update(entry.read_bytes())
    return digest.hexdigest()
