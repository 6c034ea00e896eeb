"""Columns of the roll of clients as numpy arrays."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bankseg.domain.errors import MissingDataError

Vector = NDArray[np.float64]
Texts = NDArray[np.str_]

UNKNOWN = "unknown"


def is_category(table: pa.Table, name: str) -> bool:
    """Whether a column holds texts or yes and no, and not amounts."""
    kind = table.schema.field(name).type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind) or pa.types.is_dictionary(kind))


def is_money(name: str) -> bool:
    """Whether a column counts minor units, by its name.

    >>> is_money("credit_minor_365d"), is_money("tenure_days")
    (True, False)
    """
    return "_minor" in name


def is_share(name: str) -> bool:
    """Whether a column holds shares or probabilities, 0 to 1, by its name.

    >>> is_share("cash_share_365d"), is_share("p:hard_exit"), is_share("tenure_days")
    (True, True, False)
    """
    return "_share" in name or name == "churn" or name.startswith("p:")


def numbers(table: pa.Table, name: str) -> Vector:
    """A column as float64, shape (n,); null and infinities are NaN."""
    found: Vector = np.asarray(table.column(name).cast(pa.float64()).to_numpy(), dtype=np.float64)
    return found if np.isfinite(found).all() else np.where(np.isfinite(found), found, np.nan)


def texts(table: pa.Table, name: str) -> Texts:
    """A column as texts, shape (n,); null is "unknown", yes and no are "true" and "false"."""
    names, places = levels(table, name)
    found: Texts = names[places]
    return found


def levels(table: pa.Table, name: str) -> tuple[Texts, NDArray[np.int64]]:
    """The levels of a column of texts, sorted, and the place of each row's among them; null is "unknown"."""
    encoded = table.column(name).cast(pa.string()).combine_chunks().dictionary_encode()
    spelled = [*(UNKNOWN if level is None else str(level) for level in encoded.dictionary.to_pylist()), UNKNOWN]
    rows = encoded.indices.fill_null(len(spelled) - 1).to_numpy(zero_copy_only=False)
    used = np.unique(rows)
    names, place_of = np.unique(np.array(spelled)[used], return_inverse=True)
    places = np.zeros(len(spelled), dtype=np.int64)
    places[used] = place_of
    return names, places[rows]


def client_ids(table: pa.Table) -> list[str]:
    """Identifiers of the rows.

    Raises
    ------
    MissingDataError
        When the table has no `client_id`.
    """
    present(table, ["client_id"])
    return [str(client) for client in table.column("client_id").to_pylist()]


def signed_log(values: Vector) -> Vector:
    """sign(x) ln(1 + |x|): money spans decades on both sides of 0.

    >>> signed_log(np.array([-1.0, 0.0, 1.0])).round(3).tolist()
    [-0.693, 0.0, 0.693]
    """
    logged: Vector = np.sign(values) * np.log1p(np.abs(values))
    return logged


def present(table: pa.Table, names: Sequence[str]) -> None:
    """Whether the table has these columns.

    Raises
    ------
    MissingDataError
        When some are not there: their extract was never loaded. Names them.
    """
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise MissingDataError(f"attributes {', '.join(missing)} are not in the snapshot", "loaded attributes", "load their extract or leave them out")
