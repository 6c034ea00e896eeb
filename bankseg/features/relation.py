"""Rows in memory, computed column by column, and the slices they are reduced in."""

from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
import pyarrow as pa

from bankseg.features.vectors import Array, UnsupportedError, Vector, chained, vector_of

SLICE_ROWS = 300_000  # rows reduced at a time: memory stays small, and the columns stay near the processor
CLIENT = "client_id"


class Relation:
    """Rows in memory, column by column, each computed when it is first asked for."""

    def __init__(self, length: int, names: Sequence[str], column: Callable[[str], Vector], sorted_by: tuple[str, ...] = ()) -> None:
        self.length, self.names, self.sorted_by = length, tuple(names), sorted_by
        self._compute = column
        self._known: dict[str, Vector] = {}

    def column(self, name: str) -> Vector:
        """One column.

        Raises
        ------
        UnsupportedError
            When there is none of this name.
        """
        if name not in self._known:
            if name not in self.names:
                raise UnsupportedError(f"no column {name}")
            self._known[name] = self._compute(name)
        return self._known[name]

    def at(self, rows: Array | slice) -> "Relation":
        """Some of the rows, in the order given."""
        length = len(range(*rows.indices(self.length))) if isinstance(rows, slice) else len(rows)
        return Relation(length, self.names, lambda name: self.column(name).at(rows), self.sorted_by)

    def only(self, names: Sequence[str]) -> "Relation":
        """Some columns, worked out now: what they were worked out of is let go."""
        columns = {name: self.column(name) for name in names}
        order = takewhile(columns.__contains__, self.sorted_by)
        return Relation(self.length, names, columns.__getitem__, tuple(order))

    def arrow(self, names: Sequence[str]) -> pa.Table:
        """Some columns as an Arrow table."""
        return pa.table([self.column(name).arrow(self.length) for name in names], names=list(names))


def joined(parts: Sequence[Relation]) -> Relation:
    """Relations of the same columns one after the other, each of clients that come after those before."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    sorted_by = first.sorted_by if first.sorted_by[:1] == (CLIENT,) else ()
    length = sum(part.length for part in parts)
    return Relation(length, first.names, lambda name: chained([(part.column(name), part.length) for part in parts]), sorted_by)


def whole(column: Any) -> Any:  # Arrow's stubs know no array of any type
    """A column in one piece, copied only where it lies in several."""
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)


class Rows:
    """The rows that the steps of a bucket's statements read.

    Parameters
    ----------
    columns
        Of a table as known at the as-of date, by name, texts dictionary-encoded, in any order; sorted by client and day they are reduced fastest, and in little memory.
        They are taken out one by one: the pieces of a column are let go before the next is put together.
    """

    def __init__(self, columns: dict[str, Any]) -> None:  # as above
        names = list(columns)
        arrays = {name: whole(columns.pop(name).unify_dictionaries()) for name in names}
        self.relation = Relation(len(arrays[CLIENT]), names, lambda name: vector_of(arrays[name]))

    @classmethod
    def of(cls, rows: pa.Table) -> "Rows":
        """The rows of a table."""
        return cls(dict(zip(rows.column_names, rows.columns, strict=True)))

    def cuts(self) -> list[int]:
        """Bounds of slices that split no client; one slice where rows do not lie by client."""
        length, client = self.relation.length, self.relation.column(CLIENT)
        if length <= SLICE_ROWS or client.null is not None or not (client.values[1:] >= client.values[:-1]).all():
            return [0, length]
        wanted = client.values[np.arange(SLICE_ROWS, length, SLICE_ROWS)]
        return [0, *np.unique(np.searchsorted(client.values, wanted, side="left")).tolist(), length]
