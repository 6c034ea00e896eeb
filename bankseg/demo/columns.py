"""From arrays to the texts and codes of the demo bank's files."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bankseg.demo.arrays import AnyArray, Bools, Column, Ints

NOTHING: Any = ""  # Any: Arrow takes a plain text where its stubs ask for a scalar


def day_texts(days: Ints, known: Bools | None = None) -> Column:
    """Days as dd/mm/yyyy; empty where not known."""
    texts: Column = pc.fill_null(pc.strftime(day_values(days, known), format="%d/%m/%Y"), NOTHING)
    return texts


def day_values(days: Ints, known: Bools | None = None) -> Column:
    """Days as dates."""
    return pa.array(days.astype("datetime64[D]"), type=pa.date32(), mask=None if known is None else ~known)


def euro_texts(cents: Ints, known: Bools | None = None) -> Column:
    """Amounts with a decimal comma; empty where not known."""
    size = np.abs(cents)
    sign = codes(np.where(cents < 0, 1, 0), ("", "-")).cast(pa.string())
    tens, units = pa.array(size % 100 // 10).cast(pa.string()), pa.array(size % 10).cast(pa.string())
    parts = pc.binary_join_element_wise(sign, pa.array(size // 100).cast(pa.string()), "")
    texts: Column = pc.binary_join_element_wise(parts, pc.binary_join_element_wise(tens, units, ""), ",")
    return texts if known is None else _where(known, texts)


def codes(values: AnyArray, names: Sequence[str]) -> Column:
    """Positions as the codes they stand for; -1 as missing."""
    mask = values < 0
    positions: Any = pa.array(values.astype(np.int32), mask=mask if mask.any() else None)  # Any: the stubs lose the type of the integers
    return pa.DictionaryArray.from_arrays(positions, pa.array(list(names), type=pa.string()))


def pick(names: Column, positions: Ints) -> Column:
    """The same for a long list of names, such as the account numbers of a chunk."""
    places: Any = pa.array(positions.astype(np.int32))  # Any: the stubs lose the type of the integers
    return pa.DictionaryArray.from_arrays(places, names)


def yes_no(values: AnyArray) -> Column:
    """O or N, as the bank writes it."""
    return codes(values.astype(np.int64), ("N", "O"))


def whole_texts(values: Ints, known: Bools) -> Column:
    """Whole numbers; empty where not known."""
    return _where(known, pa.array(values).cast(pa.string()))


def _where(known: Bools, texts: Column) -> Column:
    shown: Column = pc.if_else(pa.array(known), texts, NOTHING)
    return shown
