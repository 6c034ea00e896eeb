"""Columns in memory and the expressions of feature SQL over them: the part of the dialect that needs one row at a time, with SQL's three-valued logic.

What is not here raises `UnsupportedError`, and the engine's SQL computes it instead; nothing is ever approximated.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlglot import exp

Array = npt.NDArray[Any]
EPOCH = date(1970, 1, 1)


class UnsupportedError(Exception):
    """An expression, or a size, that only the engine computes."""


@dataclass(frozen=True, slots=True)
class Vector:
    """One column, or one value where `values` has no dimension.

    `values` holds numbers, days since 1970 (`is_date`), truth values, or positions in `words`; what stands at a null is unspecified, but never true.
    `null` is True where nothing is known, None where all is.
    """

    values: Array
    null: Array | None = None
    words: pa.StringArray | None = None
    is_date: bool = False

    def at(self, rows: Array | slice) -> "Vector":
        """The same column at some rows."""
        if self.values.ndim == 0:
            return self
        return Vector(_taken(self.values, rows), None if self.null is None else _taken(self.null, rows), self.words, self.is_date)

    def arrow(self, length: int) -> Any:
        """As an Arrow array: int64, float64, bool, date32, or dictionary-encoded text."""
        values = spread(self.values, length)
        mask = None if self.null is None else spread(self.null, length)
        if self.words is not None:
            return pa.DictionaryArray.from_arrays(_arrow(values.astype(np.int32, copy=False), pa.int32(), mask), self.words)
        if self.is_date:
            return _arrow(values.astype(np.int32, copy=False), pa.date32(), mask)
        if values.dtype.kind == "b":
            return _arrow(np.packbits(values, bitorder="little"), pa.bool_(), mask, length)
        return _arrow(values, pa.float64(), mask) if values.dtype.kind == "f" else _arrow(values.astype(np.int64, copy=False), pa.int64(), mask)


def _arrow(values: Array, kind: pa.DataType, null: Array | None, length: int | None = None) -> Any:
    """Numbers that lie in memory as Arrow lays them, without a copy; `pa.array` would load pandas, half a second of a process."""
    valid = None if null is None else pa.py_buffer(np.packbits(~null, bitorder="little").data)
    return pa.Array.from_buffers(kind, len(values) if length is None else length, [valid, pa.py_buffer(np.ascontiguousarray(values).data)])


def vector_of(column: Any) -> Vector:
    """An Arrow array in memory: whole numbers, days, truth values or dictionary-encoded text.

    Raises
    ------
    UnsupportedError
        For any other type.
    """
    null = ~_bits(column, 0) if column.null_count else None
    if pa.types.is_dictionary(column.type):
        return Vector(_filled(column.indices, null), null, column.dictionary)
    if pa.types.is_date32(column.type):
        return Vector(_filled(column, null), null, is_date=True)
    if pa.types.is_int64(column.type):
        return Vector(_filled(column, null), null)
    if pa.types.is_boolean(column.type):
        return Vector(_bits(column, 1) if null is None else _bits(column, 1) & ~null, null)
    raise UnsupportedError(f"a column of type {column.type}")


def _bits(column: Any, buffer: int) -> Array:
    """Truth values of an Arrow array: 0 which rows are known, 1 what they hold."""
    held = np.frombuffer(column.buffers()[buffer], np.uint8)
    found: Array = np.unpackbits(held, count=column.offset + len(column), bitorder="little")[column.offset :].view(bool)
    return found


def _filled(column: Any, null: Array | None) -> Array:
    """Whole numbers of an Arrow array, zero at a null; copied only where there is one. Its own `to_numpy` would load pandas."""
    kind = np.dtype(f"i{column.type.bit_width // 8}")
    held: Array = np.frombuffer(column.buffers()[1] or b"", kind)[column.offset : column.offset + len(column)]
    return held if null is None else np.where(null, kind.type(0), held)


def chained(parts: Sequence[tuple[Vector, int]]) -> Vector:
    """Vectors one after the other, each with its length.

    Raises
    ------
    UnsupportedError
        When they are not of one kind.
    """
    first = parts[0][0]
    if any(vector.words is not first.words or vector.is_date != first.is_date or vector.values.dtype.kind != first.values.dtype.kind for vector, _ in parts):
        raise UnsupportedError("pieces of a column of several kinds")
    values = np.concatenate([spread(vector.values, length) for vector, length in parts])
    if all(vector.null is None for vector, _ in parts):
        return Vector(values, None, first.words, first.is_date)
    nulls = [np.zeros(length, bool) if vector.null is None else spread(vector.null, length) for vector, length in parts]
    return Vector(values, np.concatenate(nulls), first.words, first.is_date)


def _taken(values: Array, rows: Array | slice) -> Array:
    found: Array = values[rows] if isinstance(rows, slice) else values.take(rows, mode="clip")  # every row is there: nothing is clipped, and nothing is asked
    return found


def spread(values: Array, length: int) -> Array:
    """One value for every row; a column stays what it is."""
    return values if values.shape == (length,) else np.broadcast_to(values, (length,))


def sums(values: Array, first: Array) -> Array:
    """Sum of the whole numbers of every group, whose rows begin at `first` and lie together: exact as long as each group's own sum fits 64 bits.

    Running totals cost two fifths of `np.add.reduceat` where groups are of some ten rows; should they wrap around, their differences do not show it.
    """
    running = np.cumsum(values, dtype=np.int64)
    found = running[np.append(first[1:], len(values)) - 1] if len(first) else running[:0]
    found[1:] -= found[:-1].copy()
    return found


class Node(NamedTuple):
    """What is known of an expression before any row is read: its number, the same wherever it occurs, and the column it looks at if that is but one."""

    number: int
    column: str | None


class Expressions:
    """Evaluates expressions over the columns that `column` returns, each distinct expression once; what looks at nothing but a day is asked once per day.

    Parameters
    ----------
    nodes
        Of every expression, by the identity of each of its occurrences: comparing trees again for every bucket would cost more than the sums.
    """

    def __init__(self, column: Callable[[str], Vector], parameters: Mapping[str, Any], nodes: Mapping[int, Node]) -> None:
        self._column = column
        self._parameters = parameters
        self._nodes = nodes
        self._known: dict[int, Vector] = {}
        self._calendars: dict[str, tuple[Expressions, Array] | None] = {}

    def value(self, tree: exp.Expr) -> Vector:
        """The expression, row by row.

        Raises
        ------
        UnsupportedError
            When it holds anything that only the engine computes.
        """
        number = self.number(tree)
        found = self._known.get(number)
        if found is None:
            found = self._known[number] = self._by_day(tree) or self._by_row(tree)
        return found

    def _by_row(self, tree: exp.Expr) -> Vector:
        evaluate = EVALUATORS.get(type(tree))
        if evaluate is None:
            raise UnsupportedError(type(tree).__name__)
        return evaluate(self, tree)

    def _by_day(self, tree: exp.Expr) -> Vector | None:
        """An expression that looks at one day alone, asked once per day of the calendar; None for any other, and where there are fewer rows than days."""
        name = self._nodes[id(tree)].column
        if name is None or not isinstance(tree, ASKED_BY_DAY):
            return None
        if name not in self._calendars:
            self._calendars[name] = self._calendar(self._column(name))
        calendar = self._calendars[name]
        return _narrow(calendar[0].value(tree)).at(calendar[1]) if calendar is not None else None

    def _calendar(self, days: Vector) -> "tuple[Expressions, Array] | None":
        """Expressions over every day from the first to the last, and each row's place among them."""
        if not days.is_date or days.null is not None or days.values.size < 2:
            return None
        first, last = int(days.values.min()), int(days.values.max())
        if last - first + 1 >= days.values.size:
            return None
        every = Vector(np.arange(first, last + 1, dtype=days.values.dtype), is_date=True)
        return Expressions(lambda _: every, self._parameters, self._nodes), (days.values - first).astype(np.intp)

    def knowing(self, found: Mapping[int, Vector]) -> "Expressions":
        """The same, with what some expressions come to, by their numbers."""
        self._known.update(found)
        return self

    def number(self, tree: exp.Expr) -> int:
        """The number of an expression: the same for every occurrence."""
        return self._nodes[id(tree)].number

    def column(self, tree: exp.Column) -> Vector:
        """A column by name."""
        return self._column(tree.name)

    def parameter(self, tree: exp.Placeholder) -> Vector:
        """A parameter bound from the horizon: a day or a whole number."""
        given = self._parameters[tree.name]
        return Vector(np.array((given - EPOCH).days), is_date=True) if isinstance(given, date) else Vector(np.array(given))


def _narrow(found: Vector) -> Vector:
    """Small whole numbers in small columns: what is carried to every row is read again by every sum."""
    if found.values.dtype.kind != "i" or found.is_date or not found.values.ndim:
        return found
    kind = np.result_type(np.min_scalar_type(int(found.values.min())), np.min_scalar_type(int(found.values.max())), np.int8)
    return Vector(found.values.astype(kind), found.null, found.words) if kind.itemsize < found.values.dtype.itemsize and kind.kind == "i" else found


def _literal(_: Expressions, tree: exp.Literal) -> Vector:
    if tree.is_string:
        return Vector(np.array(0), words=_word(str(tree.this)))
    if not tree.is_int:
        raise UnsupportedError("a number with decimals")
    return Vector(np.array(int(tree.this)))


def _word(text: str) -> pa.StringArray:
    held = text.encode()
    return pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, len(held)], np.int32).data), pa.py_buffer(held))


def _is_null(over: Expressions, tree: exp.Is) -> Vector:
    if not isinstance(tree.expression, exp.Null):
        raise UnsupportedError("IS of something else than NULL")
    inner = over.value(tree.this)
    return Vector(np.zeros(inner.values.shape, bool) if inner.null is None else inner.null)


def _not(over: Expressions, tree: exp.Not) -> Vector:
    inner = over.value(tree.this)
    return Vector(~inner.values if inner.null is None else ~(inner.values | inner.null), inner.null)


def _and(over: Expressions, tree: exp.And) -> Vector:
    left, right = over.value(tree.left), over.value(tree.right)
    true = left.values & right.values
    if left.null is None and right.null is None:
        return Vector(true)
    maybe = _maybe(left) & _maybe(right)
    return Vector(true, maybe & ~true)


def _or(over: Expressions, tree: exp.Or) -> Vector:
    left, right = over.value(tree.left), over.value(tree.right)
    true = left.values | right.values
    if left.null is None and right.null is None:
        return Vector(true)
    return Vector(true, (_maybe(left) | _maybe(right)) & ~true)


def _maybe(truth: Vector) -> Array:
    """Where a condition is true or not known."""
    whole: Array = truth.values if truth.null is None else truth.values | truth.null
    return whole


def _in(over: Expressions, tree: exp.In) -> Vector:
    if not all(isinstance(item, exp.Literal) for item in tree.expressions) or not tree.expressions:
        raise UnsupportedError("IN of something else than literals")
    inner = over.value(tree.this)
    wanted = [over.value(item) for item in tree.expressions]
    if inner.words is not None:
        named = {word for item in wanted if item.words is not None for word in item.words.to_pylist()}
        return _known_truth(_by_word(inner, lambda word: word in named), inner.null)
    return _known_truth(np.isin(inner.values, [int(item.values) for item in wanted]), inner.null)


def _by_word(inner: Vector, holds: Callable[[str | None], bool]) -> Array:
    """A condition on text, asked once per distinct word."""
    words = inner.words.to_pylist() if inner.words is not None else []
    answers: Array = np.fromiter((holds(word) for word in words), bool, len(words))
    return answers[inner.values] if answers.size else np.zeros(inner.values.shape, bool)


def _known_truth(true: Array, null: Array | None) -> Vector:
    return Vector(true if null is None else true & ~null, null)


def _either_null(*parts: Vector) -> Array | None:
    nulls = [part.null for part in parts if part.null is not None]
    if not nulls:
        return None
    return np.logical_or.reduce(np.broadcast_arrays(*nulls)) if len(nulls) > 1 else nulls[0]


def _comparison(compare: Callable[[Array, Array], Array]) -> Callable[[Expressions, Any], Vector]:
    def evaluate(over: Expressions, tree: exp.Binary) -> Vector:
        left, right = over.value(tree.left), over.value(tree.right)
        if left.words is None and right.words is None:
            return _known_truth(compare(left.values, right.values), _either_null(left, right))
        if left.words is None or right.words is None or len(right.words) != 1 or not isinstance(tree, exp.EQ | exp.NEQ):
            raise UnsupportedError("a comparison of texts")
        word = right.words[0].as_py()
        return _known_truth(_by_word(left, lambda found: (found == word) is isinstance(tree, exp.EQ)), left.null)

    return evaluate


def _arithmetic(combine: Callable[[Array, Array], Array]) -> Callable[[Expressions, Any], Vector]:
    def evaluate(over: Expressions, tree: exp.Binary) -> Vector:
        left, right = over.value(tree.left), over.value(tree.right)
        if any(part.is_date or part.words is not None or part.values.dtype.kind not in "iu" for part in (left, right)):
            raise UnsupportedError("arithmetic on something else than whole numbers")
        return Vector(combine(left.values.astype(np.int64), right.values.astype(np.int64)), _either_null(left, right))

    return evaluate


def _shift(left: Array, right: Array) -> Array:
    """Bits moved up; a shift out of range answers 0 and may only stand in a branch that is not taken."""
    inside = (right >= 0) & (right < 63)
    return np.where(inside, np.left_shift(left, np.where(inside, right, 0)), 0)


def _negative(over: Expressions, tree: exp.Neg) -> Vector:
    inner = over.value(tree.this)
    if inner.is_date or inner.words is not None or inner.values.dtype.kind not in "iu":
        raise UnsupportedError("the negative of something else than a whole number")
    return Vector(-inner.values.astype(np.int64), inner.null)


def _between(over: Expressions, tree: exp.Between) -> Vector:
    inner, low, high = (over.value(tree.args[name]) for name in ("this", "low", "high"))
    if any(part.words is not None for part in (inner, low, high)) or low.null is not None or high.null is not None:
        raise UnsupportedError("BETWEEN of texts or of bounds that may be null")
    return _known_truth((inner.values >= low.values) & (inner.values <= high.values), inner.null)


def _case(over: Expressions, tree: exp.Case) -> Vector:
    if tree.this is not None or tree.args.get("default") is None:
        raise UnsupportedError("CASE of a value, or without ELSE")
    branches = [(over.value(branch.this), over.value(branch.args["true"])) for branch in tree.args["ifs"]]
    chosen = over.value(tree.args["default"])
    for condition, answer in reversed(branches):
        if any(part.words is not None or part.null is not None or part.is_date for part in (answer, chosen)):
            raise UnsupportedError("CASE with texts, days or nulls for answers")
        chosen = Vector(np.where(condition.values, answer.values, chosen.values))
    return chosen


def _calendar(part: Callable[[Array], Array]) -> Callable[[Expressions, Any], Vector]:
    def evaluate(over: Expressions, tree: exp.Func) -> Vector:
        inner = over.value(tree.this)
        if not inner.is_date:
            raise UnsupportedError("a part of something else than a day")
        return Vector(part(inner.values.astype("datetime64[D]")), inner.null)

    return evaluate


def _days_between(over: Expressions, tree: exp.DateDiff) -> Vector:
    later, earlier = over.value(tree.this), over.value(tree.expression)
    if not (later.is_date and earlier.is_date and str(tree.unit).lower() == "day"):
        raise UnsupportedError("a difference of something else than days")
    return Vector(later.values.astype(np.int64) - earlier.values, _either_null(later, earlier))


def _year(days: Array) -> Array:
    return days.astype("datetime64[Y]").astype(np.int64) + 1970


def _month(days: Array) -> Array:
    return days.astype("datetime64[M]").astype(np.int64) % 12 + 1


EVALUATORS: Mapping[type[exp.Expr], Callable[[Expressions, Any], Vector]] = {
    exp.Column: Expressions.column,
    exp.Placeholder: Expressions.parameter,
    exp.Literal: _literal,
    exp.Paren: lambda over, tree: over.value(tree.this),
    exp.Is: _is_null,
    exp.Not: _not,
    exp.And: _and,
    exp.Or: _or,
    exp.In: _in,
    exp.EQ: _comparison(np.equal),
    exp.NEQ: _comparison(np.not_equal),
    exp.GT: _comparison(np.greater),
    exp.GTE: _comparison(np.greater_equal),
    exp.LT: _comparison(np.less),
    exp.LTE: _comparison(np.less_equal),
    exp.Add: _arithmetic(np.add),
    exp.Sub: _arithmetic(np.subtract),
    exp.Mul: _arithmetic(np.multiply),
    exp.BitwiseLeftShift: _arithmetic(_shift),
    exp.Neg: _negative,
    exp.Between: _between,
    exp.Case: _case,
    exp.DateDiff: _days_between,
    exp.Year: _calendar(_year),
    exp.Month: _calendar(_month),
}

ASKED_BY_DAY = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.Add, exp.Sub, exp.Mul, exp.BitwiseLeftShift, exp.Neg, exp.Case, exp.DateDiff, exp.Year, exp.Month,
)  # fmt: skip
