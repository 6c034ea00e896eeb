"""Rows brought group by group, and one number per group: the aggregates of feature SQL over sorted rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlglot import exp

from bankseg.features.kinds import Kinds, kinds_of
from bankseg.features.relation import Relation
from bankseg.features.vectors import Array, Expressions, Node, UnsupportedError, Vector, spread, sums

DENSE = 1 << 23  # largest table of possible groups that is laid out in memory; beyond it groups are sorted
SAFE_SUM = 1 << 52  # a sum times the days of a year still fits int64
FILTERS_WORTH_KINDS = 3
AGGREGATES = (exp.Count, exp.Sum, exp.Max, exp.Min, exp.Avg, exp.BitwiseOrAgg)


def grouped(select: exp.Select, source: Relation, parameters: Mapping[str, Any], nodes: Mapping[int, Node]) -> Relation:
    """One row per group of a GROUP BY or DISTINCT: its keys, and the aggregates the statement asks for.

    Raises
    ------
    UnsupportedError
        For an aggregate that only the engine computes.
    """
    over = Expressions(source.column, parameters, nodes)
    trees = keys(select)
    code, is_ascending = _code([over.value(tree) for tree in trees], source.length)
    order = _order(code) if not is_ascending else None
    if order is not None:
        source, code = source.at(order), code[order]
        over = Expressions(source.column, parameters, nodes)
    groups = Groups(code)
    wanted = {projection.alias_or_name: projection.unalias() for projection in select.expressions}
    kinds = _kinds(wanted.values(), over, nodes, groups)
    is_ordered = is_ascending or order is not None
    sorted_by = tuple(name for tree in trees for name, given in wanted.items() if given == tree) if is_ordered else ()
    return Relation(len(groups.first), list(wanted), lambda name: _of_groups(wanted[name], over, groups, kinds), sorted_by)


def keys(select: exp.Select) -> list[exp.Expr]:
    """The expressions whose values make a group."""
    group = select.args.get("group")
    return list(group.expressions) if group else [projection.unalias() for projection in select.expressions]


class Groups:
    """Rows that lie group by group.

    Parameters
    ----------
    code
        Number of each row's group, the same for all its rows.
    """

    def __init__(self, code: Array) -> None:
        self.length = len(code)
        starts = np.ones(self.length, bool)
        np.not_equal(code[1:], code[:-1], out=starts[1:])
        self.first = np.flatnonzero(starts)
        self._of_row = np.cumsum(starts, dtype=np.int32) - 1
        self._kept: dict[tuple[int | None, int | None], Kept] = {}

    def kept(self, name: tuple[int | None, int | None], condition: Array | None, null: Array | None) -> "Kept":
        """The rows that meet a condition and are not null, remembered by the numbers of both."""
        if name not in self._kept:
            self._kept[name] = self._rows(condition, null)
        return self._kept[name]

    def _rows(self, condition: Array | None, null: Array | None) -> "Kept":
        if condition is None and null is None:
            return Kept(None, self.first, np.arange(len(self.first)), self.length)
        kept = spread(np.array(True) if condition is None else condition, self.length)
        rows = np.flatnonzero(kept if null is None else kept & ~null)
        of_row = self._of_row[rows]
        starts = np.ones(len(rows), bool)
        np.not_equal(of_row[1:], of_row[:-1], out=starts[1:])
        first = np.flatnonzero(starts)
        return Kept(rows, first, of_row[first], len(rows))


@dataclass(frozen=True, slots=True)
class Kept:
    """Some rows (None: all), where each group begins among them, which group that is, and how many rows there are."""

    rows: Array | None
    first: Array
    group: Array
    length: int

    def sizes(self) -> Array:
        """Rows of each group that has any."""
        return np.diff(self.first, append=self.length)


def _code(vectors: Sequence[Vector], length: int) -> tuple[Array, bool]:
    """One whole number per row for its group, and whether the rows lie in its order; a null is a value of its own, the last."""
    code, size = np.zeros(0, np.int64), 1
    for key in vectors:
        values = spread(key.values, length)
        low = int(values.min()) if length else 0
        span = (int(values.max()) - low + 2) if length else 1
        size *= span
        if size >= 1 << 62:
            raise UnsupportedError("groups too far apart")
        place = np.subtract(values, low, dtype=np.int64)
        if key.null is not None:
            place = np.where(key.null, span - 1, place)
        code = code * span + place if code.size else place
    return code, bool((code[1:] >= code[:-1]).all())


def _order(code: Array) -> Array | None:
    """The order that brings the rows of each group together; None when they lie together already."""
    if not code.size:
        return None
    runs = int(np.count_nonzero(code[1:] != code[:-1])) + 1
    low = int(code.min())
    distinct = int(np.count_nonzero(np.bincount(code - low))) if int(code.max()) - low < DENSE else len(np.unique(code))
    return None if runs == distinct else np.argsort(code, kind="stable")


def _kinds(trees: Iterable[exp.Expr], over: Expressions, nodes: Mapping[int, Node], groups: Groups) -> Kinds | None:
    """Kinds of rows that the filters tell apart, where there are filters enough to be worth it and kinds few enough."""
    conditions = {over.number(tree.expression.this): tree.expression.this for tree in trees if isinstance(tree, exp.Filter)}
    if len(conditions) < FILTERS_WORTH_KINDS:
        return None
    return kinds_of(conditions, over, nodes, groups.first, groups.length)


def _of_kinds(tree: exp.Filter, over: Expressions, kinds: Kinds) -> Vector | None:
    """A filtered aggregate by kinds; None when it is not one of those taken so."""
    inner, number = tree.this, over.number(tree.expression.this)
    if isinstance(inner, exp.Count) and isinstance(inner.this, exp.Star):
        return Vector(kinds.counts(number))
    vector = over.value(inner.this) if isinstance(inner, exp.Sum | exp.Max | exp.Min) and not isinstance(inner.this, exp.Distinct) else None
    if vector is None or vector.null is not None or vector.words is not None or vector.values.dtype.kind != "i" or not vector.values.ndim:
        return None
    counted = kinds.counts(number)
    null = None if counted.all() else counted == 0
    if not isinstance(inner, exp.Sum):
        return Vector(kinds.extreme(number, vector.values, is_largest=isinstance(inner, exp.Max)), null, is_date=vector.is_date)
    largest = max(abs(int(vector.values.max())), abs(int(vector.values.min())))
    return Vector(kinds.total(number, vector.values), null) if largest * kinds.largest_group < SAFE_SUM else None


def _of_groups(tree: exp.Expr, over: Expressions, groups: Groups, kinds: Kinds | None) -> Vector:
    """A key of every group, or an aggregate of its rows."""
    if kinds is not None and isinstance(tree, exp.Filter) and (found := _of_kinds(tree, over, kinds)) is not None:
        return found
    condition, number = None, None
    if isinstance(tree, exp.Filter):
        tree, condition, number = tree.this, over.value(tree.expression.this).values, over.number(tree.expression.this)
    if not isinstance(tree, AGGREGATES):
        if condition is not None:
            raise UnsupportedError("a filter of something else than an aggregate")
        return over.value(tree).at(groups.first)
    if isinstance(tree.this, exp.Distinct):
        raise UnsupportedError("an aggregate of distinct values")
    vector = None if isinstance(tree.this, exp.Star) else over.value(tree.this)
    null = None if vector is None else vector.null
    kept = groups.kept((number, None if vector is None or null is None else over.number(tree.this)), condition, null)
    if isinstance(tree, exp.Count):
        return Vector(_placed(kept.sizes(), kept, len(groups.first)))
    if vector is None or vector.words is not None or vector.values.dtype.kind not in "iu":
        raise UnsupportedError("an aggregate of texts or truth values")
    return _aggregated(tree, vector, kept, len(groups.first))


def _placed(found: Array, kept: Kept, count: int) -> Array:
    """What was found for the groups that have rows, at their places among all; zero elsewhere."""
    if len(kept.group) == count:
        return found
    placed = np.zeros(count, found.dtype)
    placed[kept.group] = found
    return placed


def _aggregated(tree: exp.Expr, vector: Vector, kept: Kept, count: int) -> Vector:
    """The aggregate of every group; null where a group has no row that counts."""
    is_date = vector.is_date and isinstance(tree, exp.Max | exp.Min)
    if not kept.length:
        return Vector(np.zeros(count, np.float64 if isinstance(tree, exp.Avg) else np.int64), np.ones(count, bool), is_date=is_date)
    values = vector.values if kept.rows is None else vector.at(kept.rows).values
    found = _placed(_reduced(tree, spread(values, kept.length), kept), kept, count)
    if len(kept.group) == count:
        return Vector(found, is_date=is_date)
    null = np.ones(count, bool)
    null[kept.group] = False
    return Vector(found, null, is_date=is_date)


def _reduced(tree: exp.Expr, values: Array, kept: Kept) -> Array:
    if isinstance(tree, exp.Max | exp.Min):
        return (np.maximum if isinstance(tree, exp.Max) else np.minimum).reduceat(values, kept.first)
    if isinstance(tree, exp.BitwiseOrAgg):
        return np.bitwise_or.reduceat(values, kept.first)
    sizes = kept.sizes()
    if max(abs(int(values.max())), abs(int(values.min()))) * int(sizes.max()) >= SAFE_SUM:
        raise UnsupportedError("sums so large that the engine's wider integers are needed")
    total = sums(values, kept.first)
    return total / sizes if isinstance(tree, exp.Avg) else total
