"""What a reader yields: batches of source rows with their place in the file, and rows that could not be split."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from bankseg.ingest.traits import Trait

# Name of the column that carries the ordinal of a row in its file, counted from 1.
ORDINAL = "__row"
# Name of the column that carries the number of its file among those staged together.
FILE_NUMBER = "__file"


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that does not have the header's number of fields."""

    ordinal: int
    expected_fields: int
    found_fields: int
    text: str


@dataclass(slots=True)
class Rows:
    """Some consecutive rows of a file."""

    table: pa.Table
    broken: list[BrokenRow] = field(default_factory=list)
    is_suspicious: bool = False
    may_be_padded: bool = True
    is_ascii: bool = False  # known to be; else texts are looked at
    normalised: int = 0  # texts brought to Unicode NFC
    traits: frozenset[tuple[str, Trait]] = frozenset()  # of the text columns


def normalised(rows: Rows) -> Rows:
    """The same rows with every text in Unicode NFC, in which one name has one spelling; those that were not are counted.

    An identifier written with a combining accent and the same one with an accented letter look alike and are one (UAX #15).
    """
    if rows.is_ascii:
        return rows
    table, changed = rows.table, 0
    for position, field_ in enumerate(table.schema):
        column = table.column(position)
        if not pa.types.is_string(field_.type) or pc.all(pc.string_is_ascii(column)).as_py() is not False:
            continue
        composed = pc.utf8_normalize(column, form="NFC")  # type: ignore[attr-defined]  # the stubs lag behind Arrow
        differing = pc.sum(pc.not_equal(composed, column).cast(pa.int64())).as_py() or 0
        if differing:
            table, changed = table.set_column(position, field_.name, composed), changed + differing
    return replace(rows, table=table, normalised=changed)


class Reader(Protocol):
    """A file opened for one pass."""

    columns: tuple[str, ...]
    header_rows: int

    def only(self, columns: set[str]) -> None:
        """Read no other columns."""
        ...

    def read(self) -> Iterator[Rows]:
        """All rows in order, in bounded pieces."""
        ...
