"""Audit groups: the columns that reports by group are cut by, as known at an origin. No feature, no score and no list reads them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bankseg.lake.local import LocalBucket
from bankseg.lake.parquet import read_checked
from bankseg.propensity.segment_metrics import protected
from bankseg.services.bank import Bank
from bankseg.services.snapshot import lake_at, snapshot_path
from bankseg.storage.run import Run

# Bands by completed years; place of residence and marital status are protected grounds as sex and age are.
GROUPS = """
SELECT
    client_id,
    kind,
    CASE
        WHEN date_diff('day', joined_on, $as_of) < 730 THEN 'under 2 years'
        WHEN date_diff('day', joined_on, $as_of) < 1826 THEN '2 to 4 years'
        WHEN date_diff('day', joined_on, $as_of) < 3652 THEN '5 to 9 years'
        ELSE '10 years or more'
    END AS tenure_band,
    home_branch_id AS branch,
    sex,
    CASE
        WHEN birth_on IS NULL THEN NULL
        WHEN date_diff('day', birth_on, $as_of) < 30 * 365.25 THEN 'under 30'
        WHEN date_diff('day', birth_on, $as_of) < 45 * 365.25 THEN '30 to 44'
        WHEN date_diff('day', birth_on, $as_of) < 60 * 365.25 THEN '45 to 59'
        ELSE '60 or more'
    END AS age_band,
    marital_status,
    region
FROM clients
"""
PROTECTED = ("sex", "age_band", "marital_status", "region")
# A number with more values than this is cut at its quartiles.
MOST_VALUES = 8


def audit_groups(bank: Bank, run: Run, origin: str, buckets: Sequence[int]) -> pa.Table:
    """One row a client: `client_id` and texts; protected columns are marked so, the bank's own protected attributes among them."""
    lake = lake_at(bank, run)
    only_clients = replace(lake, versions={"clients": lake.versions["clients"]})
    as_of = date.fromisoformat(origin)
    own = [f"attr_{entry['name']}" for entry in bank.declarations.attributes if entry.get("is_protected")]
    parts = []
    for bucket in buckets:
        with LocalBucket(only_clients, bucket, as_of) as connection:
            rows = connection.arrow(GROUPS, {"as_of": as_of})
        snapshot = read_checked(snapshot_path(bank, run, origin, bucket)) if own else None
        parts.append(rows if snapshot is None else _beside(rows, snapshot, [name for name in own if name in snapshot.column_names]))
    table = pa.concat_tables(parts, promote_options="permissive")
    columns = {name: _texts(table.column(name)) for name in table.column_names if name == "client_id" or table.column(name).null_count < table.num_rows}
    marked = [protected(pa.field(name, pa.string())) if name in PROTECTED or name in own else pa.field(name, pa.string()) for name in columns]
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(marked))


def groups_of_rows(groups: pa.Table, clients: "pa.ChunkedArray[Any]", is_told: NDArray[np.bool_]) -> pa.Table:
    """The groups of each row's client, without `client_id`; null in rows that are not told."""
    found = pc.index_in(clients, value_set=groups.column("client_id").combine_chunks())
    places = pc.if_else(pa.array(is_told, pa.bool_()), found, pa.scalar(None, pa.int32()))
    return groups.drop_columns(["client_id"]).take(places)


def _beside(rows: pa.Table, snapshot: pa.Table, names: list[str]) -> pa.Table:
    places = pc.index_in(rows.column("client_id"), value_set=snapshot.column("client_id").combine_chunks())
    for name in names:
        rows = rows.append_column(name, snapshot.column(name).take(places))
    return rows


def _texts(column: "pa.ChunkedArray[Any]") -> "pa.ChunkedArray[Any]":
    """A column as texts; a number of many values as its quartile bands."""
    if pa.types.is_string(column.type) or pc.count_distinct(column).as_py() <= MOST_VALUES:
        return column.cast(pa.string())
    values = np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    cuts = np.unique(np.nanquantile(values, (0.25, 0.5, 0.75)))
    names = [f"{place + 1}: up to {cut:g}" for place, cut in enumerate(cuts)] + [f"{len(cuts) + 1}: above {cuts[-1]:g}"]
    places = np.searchsorted(cuts, np.nan_to_num(values)).tolist()
    return pa.chunked_array([pa.array([None if np.isnan(value) else names[place] for value, place in zip(values, places, strict=True)], pa.string())])
