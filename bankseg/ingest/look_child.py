"""The child process that looks at an uploaded file: its columns, its first rows, and the values of columns with few."""

import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bankseg.domain.errors import InputError
from bankseg.ingest.child import serve
from bankseg.ingest.mapping import Dialect
from bankseg.ingest.source_file import open_file

SHOWN_ROWS = 20
MOST_VALUES = 40
SHOWN_CHARACTERS = 120


def look(question: dict[str, Any]) -> dict[str, Any]:
    """Columns, the first rows as read, and the distinct values of each column that has few in the sample. `Any`: JSON values."""
    path, form = Path(question["path"]), str(question["format"])
    if form == "parquet":
        _refuse_parquet_bomb(path, int(question["most_bytes"]))
    reader = open_file(path, Dialect.model_validate(question["dialect"]), form)
    table = next(iter(reader.read())).table.select(list(reader.columns))
    rows = [[_shown(value) for value in row.values()] for row in table.slice(0, SHOWN_ROWS).to_pylist()]
    distinct = {name: _distinct(table.column(name)) for name in reader.columns}
    return {"columns": list(reader.columns), "rows": rows, "values": {name: values for name, values in distinct.items() if values}}


def _distinct(column: "pa.ChunkedArray[Any]") -> list[str]:
    """The values of a column in its first piece, none when there are many."""
    found = pc.unique(column)
    return sorted({_shown(value.as_py()).strip() for value in found} - {""}) if len(found) <= MOST_VALUES else []


def _shown(value: object) -> str:
    return "" if value is None else str(value)[:SHOWN_CHARACTERS]


def _refuse_parquet_bomb(path: Path, most_bytes: int) -> None:
    try:
        metadata = pq.read_metadata(path)
        unpacked = sum(metadata.row_group(place).total_byte_size for place in range(metadata.num_row_groups))
    except (pa.ArrowException, OSError) as error:
        raise InputError("the file is not a readable Parquet file", "a complete Parquet file", "have it sent again") from error
    if unpacked > most_bytes:
        raise InputError(f"the file unpacks to more than {most_bytes >> 20} MiB", "a smaller file", "send it in parts, or load it by the command line")


if __name__ == "__main__":
    sys.exit(serve(look))
