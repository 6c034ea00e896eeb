"""Mixed attributes as one matrix of comparable columns: each attribute weighs one, whatever its unit or its number of levels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import InputError
from bankseg.segments.arrays import is_category, is_money, numbers, present, signed_log, texts

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]

# Robust units beyond which a value says no more than that it is large.
CLIP = 3.0
# Levels rarer than this are taken together.
LEAST_LEVEL_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a table becomes a matrix, learned from a reference table by `learn`.

    Amounts (money by signed log) are centred on the median, scaled by the interquartile range, clipped at 3 and brought to variance 1; missing is the median. Categories
    become one indicator a level, divided by the root of its frequency and centred as in factor analysis of mixed data (Pagès 2004), and scaled so
    that a category has the inertia of one amount. `numbers` and `levels` hold sklearn's fitted `RobustScaler` and `OneHotEncoder` (untyped, hence `Any`).
    """

    number_names: tuple[str, ...]
    category_names: tuple[str, ...]
    scaler: Any
    levels: Any
    centre: Vector
    weight: Vector

    @classmethod
    def learn(cls, table: pa.Table, attributes: Sequence[str]) -> Self:
        """Scales of these attributes on this table.

        Raises
        ------
        MissingDataError
            When an attribute is not in the table.
        InputError
            When no attribute is named, or the table is empty.
        """
        from sklearn.preprocessing import OneHotEncoder, RobustScaler

        present(table, attributes)
        if not attributes or not table.num_rows:
            raise InputError(f"{len(attributes)} attributes of {table.num_rows} clients", "one or more of each", "choose attributes that separate clients")
        categories = tuple(name for name in attributes if is_category(table, name))
        amounts = tuple(name for name in attributes if name not in categories)
        scaler = RobustScaler().fit(_amounts(table, amounts)) if amounts else None
        levels = None
        if categories:
            levels = OneHotEncoder(min_frequency=LEAST_LEVEL_SHARE, handle_unknown="infrequent_if_exist", sparse_output=False).fit(_levels(table, categories))
        raw = cls(amounts, categories, scaler, levels, np.zeros(1), np.ones(1)).encode(table)
        centre = raw.mean(axis=0)
        return cls(amounts, categories, scaler, levels, centre, _weights(raw, centre, len(amounts), levels))

    def encode(self, table: pa.Table) -> Matrix:
        """Rows of a table, shape (n, columns), float64 without NaN.

        Raises
        ------
        MissingDataError
            When an attribute is not in the table.
        """
        present(table, [*self.number_names, *self.category_names])
        return (self._raw(table) - self.centre) * self.weight

    def _raw(self, table: pa.Table) -> Matrix:
        parts: list[Matrix] = []
        if self.number_names:
            parts.append(np.nan_to_num(np.clip(self.scaler.transform(_amounts(table, self.number_names)), -CLIP, CLIP)))
        if self.category_names:
            parts.append(self.levels.transform(_levels(table, self.category_names)))
        return np.hstack(parts)


def _amounts(table: pa.Table, names: Sequence[str]) -> Matrix:
    columns = [signed_log(numbers(table, name)) if is_money(name) else numbers(table, name) for name in names]
    # A column nobody has a value in would leave the scaler without a median.
    return np.column_stack([np.zeros(len(column)) if np.isnan(column).all() else column for column in columns])


def _levels(table: pa.Table, names: Sequence[str]) -> NDArray[Any]:
    return np.column_stack([texts(table, name).astype(object) for name in names])


def _weights(raw: Matrix, centre: Vector, amounts: int, levels: Any) -> Vector:  # sklearn ships no types
    weight = np.empty(raw.shape[1])
    spread = raw[:, :amounts].std(axis=0)
    weight[:amounts] = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1.0), 0.0)
    frequency = centre[amounts:]
    weight[amounts:] = np.where(frequency > 0, 1 / np.sqrt(np.where(frequency > 0, frequency, 1.0)), 0.0)
    if levels is not None:
        counts = [len(known) - (0 if rare is None else len(rare) - 1) for known, rare in zip(levels.categories_, levels.infrequent_categories_, strict=True)]
        weight[amounts:] /= np.sqrt(np.maximum(np.repeat(counts, counts) - 1, 1))
    return weight
