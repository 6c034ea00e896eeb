"""The first stage of a feature group in memory: rows that lie sorted by client are reduced to a few numbers per client without hashing a single one.

A statement's leading common table expressions that only filter, compute and aggregate one table are executed here; the engine runs the rest over their result.
The SQL stays the one definition: what stands here follows from its tree, and the engine computes whatever is not understood.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import sqlglot
from sqlglot import exp

from bankseg.features.expand import DIALECT
from bankseg.features.grouping import AGGREGATES, grouped, keys
from bankseg.features.relation import CLIENT, Relation, Rows
from bankseg.features.vectors import EVALUATORS, Array, Expressions, Node, UnsupportedError, Vector, spread


@dataclass(frozen=True, slots=True)
class Step:
    """One common table expression that is executed here."""

    name: str
    source: str
    select: exp.Select
    nodes: Mapping[int, Node]


@dataclass(frozen=True, slots=True)
class Plan:
    """A statement in two parts: the steps executed here, and the SQL of the rest.

    `columns` are those of the table that the steps read; `results` are the steps that the rest reads, with the columns it names.
    """

    steps: tuple[Step, ...]
    columns: tuple[str, ...]
    results: Mapping[str, tuple[str, ...]]
    rest: str


@lru_cache(maxsize=64)
def plan(sql: str, table: str) -> Plan | None:
    """Which leading expressions of a statement are executed here; None when none is, or when the rest reads the table itself."""
    if table not in sql:  # most statements: their trees are not needed
        return None
    tree = sqlglot.parse_one(sql, dialect=DIALECT)
    with_ = tree.args.get("with_")
    if with_ is None:
        return None
    known, steps = {table}, []
    for cte in list(with_.expressions):
        select = cte.this
        source = _source(select) if isinstance(select, exp.Select) else None
        if source is None or source not in known or not _is_understood(select):
            continue
        steps.append(Step(cte.alias, source, select.copy(), {}))
        known.add(cte.alias)
        cte.pop()
    if not with_.expressions:
        tree.set("with_", None)
    read = {found.name for found in tree.find_all(exp.Table)}
    if not steps or table in read:
        return None
    results = {step.name: _wanted(step, tree) for step in steps if step.name in read}
    columns = {CLIENT, *(column.name for step in steps if step.source == table for column in step.select.find_all(exp.Column))}
    numbered = tuple(Step(step.name, step.source, step.select, _nodes(step.select)) for step in steps)
    return Plan(numbered, tuple(sorted(columns)), results, tree.sql(dialect=DIALECT))


def execute(planned: Plan, table: str, rows: Rows, parameters: Mapping[str, Any]) -> dict[str, pa.Table]:
    """The tables that the rest of a planned statement reads.

    Raises
    ------
    UnsupportedError
        When these rows are of a kind or size that only the engine computes.
    """
    parts: dict[str, list[pa.Table]] = {name: [] for name in planned.results}
    for start, stop in zip(cuts := rows.cuts(), cuts[1:], strict=False):
        relations = {table: rows.relation.at(slice(start, stop))}
        for step in planned.steps:
            relations[step.name] = _run(step, relations[step.source], parameters)
        for name, found in parts.items():
            found.append(relations[name].arrow(planned.results[name]))
    return {name: pa.concat_tables(found) for name, found in parts.items()}


def _source(select: exp.Select) -> str | None:
    source = select.args.get("from_")
    table = source.this if source is not None else None
    return table.name if isinstance(table, exp.Table) and not select.args.get("joins") else None


def _is_understood(select: exp.Select) -> bool:
    """Whether nothing stands in the statement that is certain to be the engine's."""
    parts = {name for name, value in select.args.items() if value}
    if not parts <= {"expressions", "from_", "where", "group", "distinct"} or any(isinstance(item, exp.Star) for item in select.expressions):
        return False
    if (select.args.get("group") or select.args.get("distinct")) and not any(isinstance(key, exp.Column) and key.name == CLIENT for key in keys(select)):
        return False  # a client's rows are reduced together, but not those of several clients
    return all(isinstance(node, _UNDERSTOOD) for node in select.walk() if node is not select)


_UNDERSTOOD = (
    *EVALUATORS, *AGGREGATES, exp.Alias, exp.Identifier, exp.From, exp.Table, exp.TableAlias, exp.Where, exp.Group, exp.Filter, exp.Null, exp.If, exp.Star, exp.Distinct,
    exp.Window, exp.Lag, exp.Order, exp.Ordered, exp.Var,
)  # fmt: skip


def _wanted(step: Step, rest: exp.Expr) -> tuple[str, ...]:
    """Columns of a step that the rest may read; all of them where it reads a star of it."""
    named = {column.name for column in rest.find_all(exp.Column)}
    called = {step.name, *(table.alias for table in rest.find_all(exp.Table) if table.name == step.name)}
    stars = [star.parent for star in rest.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    has_star = any(not isinstance(star, exp.Column) or star.table in called for star in stars)
    names = [projection.alias_or_name for projection in step.select.expressions]
    return tuple(name for name in names if has_star or name in named)


def _nodes(select: exp.Select) -> dict[int, Node]:
    """Every expression of a step by the identity of each of its occurrences."""
    distinct: dict[exp.Expr, int] = {}
    looked_at: dict[int, frozenset[str]] = {}
    for node in reversed(list(select.walk())):  # from the leaves
        below = (looked_at[id(part)] for part in node.iter_expressions())
        looked_at[id(node)] = frozenset([node.name]) if isinstance(node, exp.Column) else frozenset().union(*below)
    return {id(node): Node(distinct.setdefault(node, len(distinct)), _only(looked_at[id(node)])) for node in select.walk()}


def _only(names: frozenset[str]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None


def _run(step: Step, source: Relation, parameters: Mapping[str, Any]) -> Relation:
    select = step.select
    if condition := select.args.get("where"):
        kept = Expressions(source.column, parameters, step.nodes).value(condition.this).values
        source = source.at(np.flatnonzero(spread(kept, source.length)))
    if select.args.get("group") or select.args.get("distinct"):
        return grouped(select, source, parameters, step.nodes)
    over = Expressions(source.column, parameters, step.nodes)
    wanted = {projection.alias_or_name: projection.unalias() for projection in select.expressions}
    kept_order = [name for name in source.sorted_by if isinstance(wanted.get(name), exp.Column)]
    return Relation(source.length, list(wanted), lambda name: _projected(wanted[name], over, source), tuple(kept_order))


def _projected(tree: exp.Expr, over: Expressions, source: Relation) -> Vector:
    is_between_rows = isinstance(tree, exp.DateDiff) and isinstance(tree.expression, exp.Window)
    return _days_since_previous(tree, source) if is_between_rows else over.value(tree)


def _days_since_previous(tree: exp.Expr, source: Relation) -> Vector:
    """`date_diff('day', lag(day) OVER (PARTITION BY key ORDER BY day), day)` of rows that are distinct and lie in this order."""
    window, day = tree.expression, tree.this
    if not (isinstance(window.this, exp.Lag) and str(tree.args["unit"]).lower() == "day" and window.this.this == day):
        raise UnsupportedError("a difference of days that is none between a row and the one before")
    keys = [key.name for key in window.args["partition_by"]]
    order = [ordered.this.name for ordered in window.args["order"].expressions]
    if order != [day.name] or source.sorted_by[: len(keys) + 1] != (*keys, day.name) or len(window.this.args) != 1:
        raise UnsupportedError("a previous row of rows that lie in another order")
    days = source.column(day.name)
    if days.null is not None or not days.is_date:
        raise UnsupportedError("a previous day that may be null")
    first = np.ones(source.length, bool)
    first[1:] = np.logical_or.reduce([_differs(source.column(key)) for key in keys])
    since = np.zeros(source.length, np.int64)
    since[1:] = days.values[1:].astype(np.int64) - days.values[:-1]
    return Vector(since, first)


def _differs(vector: Vector) -> Array:
    """Where a row differs from the one before; one null equals another."""
    different: Array = vector.values[1:] != vector.values[:-1]
    if vector.null is None:
        return different
    both = vector.null[1:] & vector.null[:-1]
    changed: Array = (different & ~both) | (vector.null[1:] != vector.null[:-1])
    return changed
