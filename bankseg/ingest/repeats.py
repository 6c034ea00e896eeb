"""Keys that occur more than once among staged rows: copies are counted, contradictions go to quarantine."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import duckdb
import numpy as np
import pyarrow as pa
from sqlglot import exp

from bankseg.domain.extracts import Extract
from bankseg.ingest.sql import Sql, call, cast, name, named, spelled, text
from bankseg.ingest.stage import StagedFile
from bankseg.ingest.statement import Constants

# Key hashes compared at once: 8 bytes each, twice.
HASHES_AT_ONCE = 16_000_000
REPEATED = "repeated_key"


def settle_repeats(
    connection: duckdb.DuckDBPyConnection, extract: Extract, files: Sequence[StagedFile], *, constants: Constants, first_of_key: bool = False
) -> bool:
    """Keep the first row of each key of a file; true when a key still occurs in several files.

    A copy that says the same is a duplicate; one that says something else is quarantined, naming the row it contradicts.
    Where the mapping says that only the first row of a key counts, the others are filtered.
    """
    hashes = _repeated_hashes(connection)
    connection.register("repeated_hashes", pa.table({"key_hash": pa.array(hashes, pa.uint64())}))
    connection.execute("CREATE OR REPLACE TABLE repeated_key AS SELECT key_hash FROM repeated_hashes")
    connection.unregister("repeated_hashes")
    if not len(hashes):
        return False
    connection.execute(spelled(exp.Create(this=exp.to_table("copy"), kind="TABLE", expression=_copies(extract, constants), replace=True)))
    by_number = {file.number: file for file in files}
    for file_no, same, other in connection.execute(
        "SELECT file_no, count(*) FILTER (says_same), count(*) FILTER (NOT says_same) FROM copy GROUP BY file_no"
    ).fetchall():
        if first_of_key:
            by_number[file_no].filtered += same + other
        else:
            by_number[file_no].duplicates += same
    if not first_of_key:
        _quarantine_contradictions(connection, extract, by_number)
    connection.execute("DELETE FROM staged USING copy WHERE staged.file_no = copy.file_no AND staged.row_number = copy.row_number")
    return len(files) > 1


def _quarantine_contradictions(connection: duckdb.DuckDBPyConnection, extract: Extract, by_number: Mapping[int, StagedFile]) -> None:
    column = ", ".join(extract.key)
    for file_no, row_number, first, key in connection.execute(
        "SELECT file_no, row_number, first_row, key FROM copy WHERE NOT says_same ORDER BY ALL"
    ).fetchall():
        file = by_number[file_no]
        about = f"the same key as row {first + file.header_rows} with other content"
        file.quarantine.add(row_number + file.header_rows, column, key, "duplicate_key", about)


def _repeated_hashes(connection: duckdb.DuckDBPyConnection) -> np.ndarray:
    """Hashes of keys staged more than once, found by sorting, a share of them at a time."""
    [(total,)] = connection.execute("SELECT count(*) FROM staged").fetchall()
    shares = 1 + total // HASHES_AT_ONCE
    found: list[np.ndarray] = []
    for share in range(shares):
        rows = connection.sql("SELECT key_hash FROM staged WHERE $shares = 1 OR key_hash % $shares = $share", params={"shares": shares, "share": share})
        hashes = rows.to_arrow_table().column("key_hash").to_numpy()
        with ThreadPoolExecutor(2) as pool:  # sorting lets the other thread run
            found += pool.map(_repeated, (hashes[(hashes & 1) == 0], hashes[(hashes & 1) == 1]))
    return np.sort(np.concatenate(found))


def _repeated(hashes: np.ndarray) -> np.ndarray:
    """Those that occur more than once, each once; sorts what it is given."""
    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


def _copies(extract: Extract, constants: Constants) -> exp.Select:
    """Rows of a file that come after another row of the same key, and whether they say the same."""
    keys = [column for column in extract.key if column not in constants]
    parts = [call("coalesce", cast(name(column), "VARCHAR"), text("")) for column in keys]
    key: Sql = call("concat_ws", text(" | "), *parts)
    content = call("hash", *[name(column.stored_name) for column in extract.columns if column.stored_name not in constants])
    repeated = exp.In(this=name("key_hash"), query=exp.select("key_hash").from_(REPEATED).subquery())
    rows = exp.select(name("file_no"), name("row_number"), named(key, "key"), named(content, "content"), *[name(column) for column in keys])
    rows = rows.from_("staged").where(repeated)
    window = {
        "partition_by": [name("file_no"), *[name(column) for column in keys]],
        "order": exp.Order(expressions=[exp.Ordered(this=name("row_number"))]),
    }
    firsts = [
        named(exp.Window(this=call("first_value", name(column)), **window), alias)
        for column, alias in (("row_number", "first_row"), ("content", "first_content"))
    ]
    ranked = exp.select("*", *firsts).from_(rows.subquery("rows"))
    says_same = exp.EQ(this=name("content"), expression=name("first_content"))
    later = exp.GT(this=name("row_number"), expression=name("first_row"))
    return exp.select("file_no", "row_number", "first_row", "key", named(says_same, "says_same")).from_(ranked.subquery("ranked")).where(later)
