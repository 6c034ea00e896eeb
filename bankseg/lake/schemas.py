"""Arrow schemas of the lake's tables, from the canonical extracts."""

import pyarrow as pa

from bankseg.domain.extracts import BUCKET, RECORDED_AT, RECORDED_IS_ASSUMED, RECORDED_UNTIL, Extract

INSTANT = pa.timestamp("us", tz="UTC")
ARROW_TYPES = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "money": pa.int64(), "date": pa.date32(), "boolean": pa.bool_()}


def file_schema(extract: Extract) -> pa.Schema:
    """Columns inside each Parquet file: the canonical ones and the two clocks."""
    fields = [pa.field(column.stored_name, ARROW_TYPES[column.type]) for column in extract.columns]
    clocks = [pa.field(RECORDED_AT, INSTANT), pa.field(RECORDED_UNTIL, INSTANT), pa.field(RECORDED_IS_ASSUMED, pa.bool_())]
    return pa.schema(fields + clocks)


def table_schema(extract: Extract) -> pa.Schema:
    """Columns of the Delta table: those of the files and the partition."""
    return file_schema(extract).append(pa.field(BUCKET, pa.int16()))


def repeating_columns(extract: Extract) -> list[str]:
    """Columns whose values repeat, worth a Parquet dictionary; a lone key never repeats."""
    lone_key = extract.key[0] if len(extract.key) == 1 else None
    texts_and_dates = [column.stored_name for column in extract.columns if column.type in {"text", "date"} and column.name != lone_key]
    return [*texts_and_dates, RECORDED_AT, RECORDED_UNTIL]
