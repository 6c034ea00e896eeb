"""Kinds of rows: those that no filter of a statement tells apart. A filter is asked once per kind, and several counts are taken in one pass."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import NamedTuple

import numpy as np
from sqlglot import exp

from bankseg.features.vectors import Array, Expressions, Node, Vector, spread, sums

MOST_KINDS = 4096  # a table of them stays in the processor's nearest cache
CONNECTIVES = (exp.And, exp.Or, exp.Not, exp.Paren)
COUNT_BITS = 21  # three counts share one whole number when no group has more rows than this holds


class Trait(NamedTuple):
    """What a filter looks at: a text, or whether a condition holds; and its value in every row."""

    number: int
    tree: exp.Expr
    vector: Vector

    def size(self) -> int:
        """Distinct values, one more for null."""
        return (len(self.vector.words) if self.vector.words is not None else 2) + (self.vector.null is not None)

    def codes(self) -> Array:
        """The value of every row as a number; the last is null."""
        return self.vector.values if self.vector.null is None else np.where(self.vector.null, self.size() - 1, self.vector.values)

    def decoded(self, codes: Array) -> Vector:
        """The values of these numbers."""
        null = None if self.vector.null is None else codes == self.size() - 1
        values = codes if null is None else np.where(null, 0, codes)
        return Vector(values if self.vector.words is not None else values.astype(bool), null, self.vector.words)


class Kinds:
    """Aggregates of the rows of each group that meet a condition, asked of kinds of rows.

    Parameters
    ----------
    truth
        By the number of a condition, whether each kind meets it.
    of_row
        Kind of every row.
    first
        Where each group's rows begin; they lie together.
    """

    def __init__(self, truth: Mapping[int, Array], of_row: Array, first: Array) -> None:
        self._truth, self._of_row, self._first = truth, of_row, first
        self.largest_group = int(np.diff(first, append=len(of_row)).max())
        self._counts: dict[int, Array] = {}

    def counts(self, number: int) -> Array:
        """Rows of each group that meet a condition."""
        if number not in self._counts:
            self._count([number, *(other for other in self._truth if other not in self._counts and other != number)])
        return self._counts[number]

    def _count(self, numbers: Sequence[int]) -> None:
        together = numbers[: 63 // COUNT_BITS if self.largest_group < 1 << COUNT_BITS else 1]
        weights = sum(self._truth[number].astype(np.int64) << (COUNT_BITS * place) for place, number in enumerate(together))
        packed = sums(np.asarray(weights).take(self._of_row, mode="clip"), self._first)
        for place, number in enumerate(together):
            self._counts[number] = (packed >> (COUNT_BITS * place)) & ((1 << COUNT_BITS) - 1) if len(together) > 1 else packed

    def total(self, number: int, values: Array) -> Array:
        """Sum per group of the values of the rows that meet a condition."""
        every_bit_or_none = np.where(self._truth[number], np.int64(-1), np.int64(0))
        return sums(every_bit_or_none.take(self._of_row, mode="clip") & values, self._first)

    def extreme(self, number: int, values: Array, *, is_largest: bool) -> Array:
        """Largest or least value per group among the rows that meet a condition; any value where none does."""
        outside = np.iinfo(values.dtype).min if is_largest else np.iinfo(values.dtype).max
        kept = np.where(self._truth[number].take(self._of_row, mode="clip"), values, outside)
        return (np.maximum if is_largest else np.minimum).reduceat(kept, self._first)


def kinds_of(conditions: Mapping[int, exp.Expr], over: Expressions, nodes: Mapping[int, Node], first: Array, length: int) -> Kinds | None:
    """The kinds of rows that some conditions tell apart; None when they are too many, or there is no row.

    Parameters
    ----------
    conditions
        Of filters, by their numbers.
    nodes
        Of every expression of the statement, as in `Expressions`.
    first
        Where each group's rows begin.
    """
    traits: dict[int, Trait] = {}
    for condition in conditions.values():
        _collect(condition, over, traits)
    count = prod(trait.size() for trait in traits.values())
    if count > MOST_KINDS or not length:
        return None
    of_row, place, known, columns = np.zeros(length, np.int16), 1, {}, {}
    for number, trait in traits.items():
        of_row += trait.codes().astype(np.int16) * np.int16(place)  # MOST_KINDS fit
        known[number] = trait.decoded(np.arange(count) // place % trait.size())
        if isinstance(trait.tree, exp.Column):
            columns[trait.tree.name] = known[number]
        place *= trait.size()
    of_kind = Expressions(lambda name: columns[name], {}, nodes).knowing(known)
    truth = {number: spread(of_kind.value(condition).values, count) for number, condition in conditions.items()}
    return Kinds(truth, of_row.astype(np.intp), first)


def _collect(tree: exp.Expr, over: Expressions, traits: dict[int, Trait]) -> None:
    """What a condition looks at: texts and truth values as they are, anything else by whether it holds."""
    if isinstance(tree, CONNECTIVES):
        for part in tree.iter_expressions():
            _collect(part, over, traits)
        return
    is_of_column = isinstance(tree, exp.In | exp.EQ | exp.NEQ | exp.Is) and isinstance(tree.this, exp.Column)
    looked_at = tree.this if is_of_column and over.value(tree.this).words is not None else tree
    number = over.number(looked_at)
    traits.setdefault(number, Trait(number, looked_at, over.value(looked_at)))
