"""The attributes door: extra columns of clients, and a flat file's outcome, as long tables."""

from collections.abc import Sequence
from datetime import date

import duckdb
from sqlglot import exp

from bankseg.domain.extracts import BUCKET, EXTRACT_BY_NAME, RECORDED_AT, RECORDED_IS_ASSUMED, RECORDED_UNTIL, Extract
from bankseg.ingest.checks import day
from bankseg.ingest.mapping import ExtractMapping
from bankseg.ingest.sql import Sql, call, cast, is_not_null, name, named, number, spelled, text
from bankseg.ingest.statement import ATTRIBUTE, LABEL, OBSERVED_ON, assumed_recording, key_hash

ATTRIBUTES, LABELS = EXTRACT_BY_NAME["client_attributes"], EXTRACT_BY_NAME["client_labels"]


def door_tables(extract_mapping: ExtractMapping) -> tuple[Extract, ...]:
    """Tables that an extract of clients feeds beside its own."""
    return ((ATTRIBUTES,) if extract_mapping.attributes else ()) + ((LABELS,) if extract_mapping.label else ())


def pass_through_door(connection: duckdb.DuckDBPyConnection, extract_mapping: ExtractMapping, extract_on: date) -> None:
    """Make `door_client_attributes` and `door_client_labels`, shaped like `staged`, from staged clients."""
    if extract_mapping.attributes:
        keys = list(extract_mapping.attributes)
        parts = [_attribute_rows(extract_mapping, extract_on, key, position, len(keys)) for position, key in enumerate(keys)]
        _create(connection, ATTRIBUTES, parts)
    if extract_mapping.label:
        _create(connection, LABELS, [_label_rows(extract_mapping, extract_on)])


def enter(connection: duckdb.DuckDBPyConnection, extract: Extract) -> None:
    """Make a door's table the staged one."""
    select = exp.select("*").from_(exp.to_table(f"door_{extract.name}"))
    connection.execute(spelled(exp.Create(this=exp.to_table("staged"), kind="TABLE", expression=select, replace=True)))


def _create(connection: duckdb.DuckDBPyConnection, extract: Extract, parts: Sequence[exp.Select]) -> None:
    rows: exp.Expression = parts[0]
    for part in parts[1:]:
        rows = exp.union(rows, part, distinct=False)
    hashed = exp.select("*", named(key_hash(extract), "key_hash")).from_(exp.Subquery(this=rows, alias=exp.TableAlias(this=exp.to_identifier("rows"))))
    connection.execute(spelled(exp.Create(this=exp.to_table(f"door_{extract.name}"), kind="TABLE", expression=hashed, replace=True)))


def _attribute_rows(extract_mapping: ExtractMapping, extract_on: date, key: str, position: int, count: int) -> exp.Select:
    value = name(ATTRIBUTE + key)
    is_number = extract_mapping.attributes[key].type == "number"
    figures = [named(value if is_number else cast(exp.Null(), "DOUBLE"), "number"), named(cast(exp.Null(), "VARCHAR") if is_number else value, "category")]
    ordinal = exp.Add(this=exp.Mul(this=name("row_number"), expression=number(count)), expression=number(position))
    columns = [named(ordinal, "row_number"), name("client_id"), named(text(key), "name"), *figures]
    return _rows(columns, extract_mapping, extract_on).where(is_not_null(value))


def _label_rows(extract_mapping: ExtractMapping, extract_on: date) -> exp.Select:
    label = extract_mapping.label.name if extract_mapping.label else ""
    columns: list[Sql] = [name("row_number"), name("client_id"), named(text(label), "label"), named(name(LABEL + label), "outcome")]
    return _rows(columns, extract_mapping, extract_on).where(is_not_null(name(LABEL + label)))


def _rows(columns: list[Sql], extract_mapping: ExtractMapping, extract_on: date) -> exp.Select:
    observed = call("coalesce", name(OBSERVED_ON), day(extract_on)) if extract_mapping.observed_on else day(extract_on)
    recorded = name(RECORDED_AT) if extract_mapping.recorded.column else assumed_recording(observed, extract_mapping, extract_on)
    clocks = [named(recorded, RECORDED_AT), named(cast(exp.Null(), "TIMESTAMP"), RECORDED_UNTIL), name(RECORDED_IS_ASSUMED)]
    place = [name(BUCKET), name("place"), name("file_no")]
    return exp.select(*columns, named(observed, "observed_on"), *clocks, *place).from_(exp.to_table("staged"))
