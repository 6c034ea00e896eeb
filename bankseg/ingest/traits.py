"""What the texts of a batch may hold, column by column: a check that no value of a batch can fail is not run on it.

Looking at the bytes of a column costs a hundredth of looking at each of its values in SQL.
"""

from collections.abc import Iterator
from enum import Enum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

MOST_TEXT_CHARACTERS = 65_536
MOST_ID_CHARACTERS = 200
FEWEST_CARD_DIGITS = 13
# Characters from + to 9 in ASCII: signs, comma, point, slash and digits.
PLUS, POINT, NINE = ord("+"), ord("."), ord("9")


class Trait(Enum):
    """Something that at least one value of a column has."""

    MISSING = "is empty or null"
    PADDED = "begins or ends with a blank"
    LONG_AS_CARD = "has at least as many bytes as a card number has digits"
    LONG_AS_ID = "has more bytes than an identifier may have"
    LONG_AS_TEXT = "has more bytes than a text may have"
    PLUS_SIGN = "holds a plus sign"
    DECIMAL_POINT = "holds a point"
    NOT_NUMERIC = "holds a character that is not between + and 9"


def traits_of(table: pa.Table, *, may_be_padded: bool) -> frozenset[tuple[str, Trait]]:
    """Traits of every text column; `may_be_padded` is false where no blank was seen at all."""
    found: set[tuple[str, Trait]] = set()
    for position, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            column = table.column(position)
            found |= {(field.name, trait) for trait in _by_length(column)}
            found |= {(field.name, trait) for chunk in column.chunks for trait in _by_bytes(chunk)}
            if may_be_padded and _is_padded(column):
                found.add((field.name, Trait.PADDED))
    return frozenset(found)


def _by_length(column: "pa.ChunkedArray[pa.StringScalar]") -> Iterator[Trait]:
    lengths = pc.binary_length(column)
    shortest, longest = pc.min(lengths).as_py() or 0, pc.max(lengths).as_py() or 0
    if not shortest or column.null_count:
        yield Trait.MISSING
    for most, trait in ((FEWEST_CARD_DIGITS - 1, Trait.LONG_AS_CARD), (MOST_ID_CHARACTERS, Trait.LONG_AS_ID), (MOST_TEXT_CHARACTERS, Trait.LONG_AS_TEXT)):
        if longest > most:
            yield trait


def _by_bytes(chunk: "pa.Array[pa.StringScalar]") -> Iterator[Trait]:
    values = _bytes_of(chunk)
    if not len(values):
        return
    lowest, highest = values.min(), values.max()
    if lowest < PLUS or highest > NINE:
        yield Trait.NOT_NUMERIC
    elif np.any(values == POINT):
        yield Trait.DECIMAL_POINT
    if lowest <= PLUS <= highest and np.any(values == PLUS):
        yield Trait.PLUS_SIGN


def _bytes_of(chunk: "pa.Array[pa.StringScalar]") -> NDArray[np.uint8]:
    """All values of an array, one after the other; what nulls may hide among them is looked at too."""
    offset_type = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    _, offsets, data = chunk.buffers()
    if data is None or offsets is None:
        return np.empty(0, np.uint8)
    ends = np.frombuffer(memoryview(offsets), offset_type, count=len(chunk) + 1, offset=chunk.offset * np.dtype(offset_type).itemsize)
    return np.frombuffer(memoryview(data), np.uint8)[ends[0] : ends[-1]]


def _is_padded(column: "pa.ChunkedArray[pa.StringScalar]") -> bool:
    return any(pc.any(found(column, " ")).as_py() for found in (pc.starts_with, pc.ends_with))
