"""The first stage of a feature group in memory: rows that lie sorted by client are reduced to a few numbers per client without hashing a single one.

A statement's leading common table expressions that only filter, compute and aggregate one table are executed here; the engine runs the rest over their result.
The SQL stays the one definition: what stands here follows from its tree, and the engine computes whatever is not understood.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import sqlglot
from sqlglot import exp

from bankseg.features.expand import DIALECT
from bankseg.features.grouping import AGGREGATES, grouped, keys
from bankseg.features.relation import CLIENT, Relation, Rows, joined
from bankseg.features.vectors import EVALUATORS, Array, Expressions, Node, UnsupportedError, Vector, spread

LATER_ROWS = 100_000  # reduced rows that are gathered before others are made of them: a step costs some hundred calls, however few its rows


@dataclass(frozen=True, slots=True)
class Step:
    """One common table expression that is executed here.

    `over` names the reduced step whose rows it follows from, directly or through others; empty where it reads the table's own rows.
    """

    name: str
    source: str
    select: exp.Select
    nodes: Mapping[int, Node]
    over: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A statement in two parts: the steps executed here, and the SQL of the rest.

    `columns` are those of the table that the steps read; `results` are the steps that the rest reads, with the columns it names; `held` are the reduced steps that
    others follow from, with the columns those read.
    """

    steps: tuple[Step, ...]
    columns: tuple[str, ...]
    results: Mapping[str, tuple[str, ...]]
    held: Mapping[str, tuple[str, ...]]
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
    known, steps = {table: ""}, []
    for cte in list(with_.expressions):
        select = cte.this
        source = _source(select) if isinstance(select, exp.Select) else None
        if source is None or source not in known or not _is_understood(select):
            continue
        steps.append(Step(cte.alias, source, select.copy(), {}, known[source]))
        known[cte.alias] = known[source] or (cte.alias if _reduces(select) else "")
        cte.pop()
    if not with_.expressions:
        tree.set("with_", None)
    read = {found.name for found in tree.find_all(exp.Table)}
    if not steps or table in read:
        return None
    results = {step.name: _wanted(step, tree) for step in steps if step.name in read}
    columns = {CLIENT, *(column.name for step in steps if step.source == table for column in step.select.find_all(exp.Column))}
    numbered = tuple(replace(step, nodes=_nodes(step.select)) for step in steps)
    held = {name: _read_of(name, steps) for name in dict.fromkeys(step.over for step in steps if step.over)}
    return Plan(numbered, tuple(sorted(columns)), results, held, tree.sql(dialect=DIALECT))


def execute(planned: Plan, table: str, rows: Rows, parameters: Mapping[str, Any]) -> dict[str, pa.Table]:
    """The tables that the rest of a planned statement reads.

    Raises
    ------
    UnsupportedError
        When these rows are of a kind or size that only the engine computes.
    """
    parts: dict[str, list[pa.Table]] = {name: [] for name in planned.results}
    held: dict[str, list[Relation]] = {name: [] for name in planned.held}
    for start, stop in zip(cuts := rows.cuts(), cuts[1:], strict=False):
        found = _follow(planned, "", {table: rows.relation.at(slice(start, stop))}, parameters, parts)
        for name, columns in planned.held.items():
            held[name].append(found[name].only(columns))
            if sum(part.length for part in held[name]) >= LATER_ROWS:
                _follow(planned, name, {name: joined(held[name])}, parameters, parts)
                held[name] = []
        del found  # or the columns of one slice would stay while those of the next are worked out
    for name, waiting in held.items():
        if waiting:
            _follow(planned, name, {name: joined(waiting)}, parameters, parts)
    return {name: pa.concat_tables(found) for name, found in parts.items()}


def _follow(
    planned: Plan, over: str, relations: dict[str, Relation], parameters: Mapping[str, Any], parts: Mapping[str, list[pa.Table]]
) -> dict[str, Relation]:
    """Run the steps that follow from a reduced step, or those that read the table's own rows, and keep what the rest reads of them."""
    for step in planned.steps:
        if step.over == over:
            relations[step.name] = _run(step, relations[step.source], parameters)
            if step.name in parts:
                parts[step.name].append(relations[step.name].arrow(planned.results[step.name]))
    return relations


def _reduces(select: exp.Select) -> bool:
    return bool(select.args.get("group") or select.args.get("distinct"))


def _read_of(name: str, steps: Sequence[Step]) -> tuple[str, ...]:
    """Columns of a step that others read."""
    return tuple(sorted({column.name for step in steps if step.source == name for column in step.select.find_all(exp.Column)}))


def _source(select: exp.Select) -> str | None:
    source = select.args.get("from_")
    table = source.this if source is not None else None
    return table.name if isinstance(table, exp.Table) and not select.args.get("joins") else None


def _is_understood(select: exp.Select) -> bool:
    """Whether nothing stands in the statement that is certain to be the engine's."""
    parts = {name for name, value in select.args.items() if value}
    if not parts <= {"expressions", "from_", "where", "group", "distinct"} or any(isinstance(item, exp.Star) for item in select.expressions):
        return False
    if _reduces(select) and not any(isinstance(key, exp.Column) and key.name == CLIENT for key in keys(select)):
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
    if _reduces(select):
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
