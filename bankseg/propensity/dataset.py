"""Datasets in time and their encoding: one row per client and origin, as the booster reads them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import InputError, MissingDataError
from bankseg.propensity.arrow import Column, compute

# A level seen in fewer rows than this is treated as missing: its rate is noise.
RAREST_LEVEL_ROWS = 5
MOST_LEVELS = 255


class FeatureLike(Protocol):
    """What a model needs to know of a feature; the catalogue's Feature fits."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> Literal["number", "category"]: ...
    @property
    def family(self) -> str: ...
    @property
    def direction(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ModelFeature:
    """A feature as a model keeps it on its card."""

    name: str
    type: Literal["number", "category"] = "number"
    family: str = "attribute"
    direction: int = 0


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled rows.

    Parameters
    ----------
    table
        Features, with `client_id`; null means unknown or not loaded.
    label
        int8, shape (n,), 1 = the outcome happened.
    origin
        datetime64[D], shape (n,); the as-of date of each row. One constant date where the data has no time.
    groups
        Columns the reports by group are cut by, aligned with the rows; never features. Protected attributes are allowed only here.
    """

    table: pa.Table
    label: NDArray[np.int8]
    origin: NDArray[np.datetime64]
    groups: pa.Table | None = None

    def __post_init__(self) -> None:
        if not self.table.num_rows == len(self.label) == len(self.origin):
            raise InputError(
                f"{self.table.num_rows} rows of features, {len(self.label)} labels and {len(self.origin)} origins", "as many of each", "build the dataset again"
            )
        if self.groups is not None and self.groups.num_rows != len(self.label):
            raise InputError(f"{self.groups.num_rows} rows of groups for {len(self.label)} labels", "as many of each", "build the dataset again")
        if not np.isin(self.label, (0, 1)).all():
            raise InputError("labels other than 0 and 1", "0 or 1 in every row", "leave immature outcomes out; never encode them")

    @property
    def positives(self) -> int:
        """Rows with the outcome."""
        return int(self.label.sum())

    def filter(self, kept: NDArray[np.bool_]) -> "Dataset":
        """The rows where the mask holds."""
        mask = pa.array(kept)
        groups = None if self.groups is None else self.groups.filter(mask)
        return Dataset(self.table.filter(mask), self.label[kept], self.origin[kept], groups)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a table becomes the booster's matrix: column order and category levels, learned on training rows only."""

    features: tuple[ModelFeature, ...]
    levels: Mapping[str, tuple[str, ...]]

    @property
    def categorical(self) -> list[int]:
        """Positions of the category features."""
        return [place for place, feature in enumerate(self.features) if feature.type == "category"]

    def matrix(self, table: pa.Table) -> NDArray[np.float32]:
        """Matrix of shape (n, features), float32; unknown categories, nulls and infinities become NaN.

        Raises
        ------
        MissingDataError
            When the table lacks a feature; names them all.
        """
        missing = [feature.name for feature in self.features if feature.name not in table.column_names]
        if missing:
            raise MissingDataError(
                f"the table lacks features {', '.join(missing)}", "every feature the model was trained on", "build the snapshot again or train a new model"
            )
        matrix = np.empty((table.num_rows, len(self.features)), dtype=np.float32)
        for place, feature in enumerate(self.features):
            column = table.column(feature.name)
            matrix[:, place] = _codes(column, self.levels[feature.name]) if feature.type == "category" else numbers(column)
        matrix[np.isinf(matrix)] = np.nan
        return matrix

    def at(self, kept: NDArray[np.intp]) -> "Encoding":
        """The encoding of the features at these positions, ascending."""
        features = tuple(self.features[place] for place in kept)
        return Encoding(features, {feature.name: self.levels[feature.name] for feature in features if feature.type == "category"})

    def as_json(self) -> dict[str, Any]:
        """Part of a card. `Any`: JSON."""
        return {
            "features": [{"name": f.name, "type": f.type, "family": f.family, "direction": f.direction} for f in self.features],
            "categories": {name: list(levels) for name, levels in self.levels.items()},
        }

    @classmethod
    def from_json(cls, card: Mapping[str, Any]) -> "Encoding":
        """Read back from a card. `Any`: JSON."""
        features = tuple(ModelFeature(f["name"], f["type"], f["family"], f["direction"]) for f in card["features"])
        return cls(features, {name: tuple(levels) for name, levels in card["categories"].items()})


def learn_encoding(table: pa.Table, features: Sequence[FeatureLike]) -> Encoding:
    """Column order and category levels from training rows.

    Features absent from the table are left out (an extract that was never loaded is absent, not zero); a feature that is null in every row is left out too.

    Raises
    ------
    MissingDataError
        When no feature is left.
    """
    kept: list[ModelFeature] = []
    levels: dict[str, tuple[str, ...]] = {}
    for feature in features:
        if feature.name not in table.column_names:
            continue
        column = table.column(feature.name)
        if column.null_count == len(column):
            continue
        if feature.type == "category":
            levels[feature.name] = _levels(column)
        kept.append(ModelFeature(feature.name, feature.type, feature.family, feature.direction))
    if not kept:
        raise MissingDataError("no feature with a value", "at least one", "load the extracts that the features read")
    return Encoding(tuple(kept), levels)


def numbers(column: Column) -> NDArray[np.float64]:
    """A numeric, boolean or decimal column as float64, null as NaN."""
    return np.asarray(compute.cast(column, pa.float64()).to_numpy(), dtype=np.float64)


def data_hash(matrix: NDArray[np.float32], label: NDArray[np.int8], origin: NDArray[np.datetime64]) -> str:
    """SHA-256 of what a model was trained on, in row order."""
    digest = hashlib.sha256()
    for part in (matrix, label, origin.astype("datetime64[D]").astype(np.int64)):
        digest.update(part.tobytes())
    return digest.hexdigest()


def _text(column: Column) -> Column:
    return column if pa.types.is_string(column.type) else compute.cast(column, pa.string())


def _levels(column: Column) -> tuple[str, ...]:
    counted = [(entry["counts"], entry["values"]) for entry in compute.value_counts(_text(column)).to_pylist() if entry["values"] is not None]
    frequent = sorted(((count, value) for count, value in counted if count >= RAREST_LEVEL_ROWS), key=lambda pair: (-pair[0], pair[1]))
    return tuple(sorted(value for _, value in frequent[:MOST_LEVELS]))


def _codes(column: Column, levels: Sequence[str]) -> NDArray[np.float64]:
    index = compute.index_in(_text(column), value_set=pa.array(levels, pa.string()), skip_nulls=True)
    return numbers(index)
