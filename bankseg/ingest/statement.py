"""The one SQL statement that turns a batch of source rows into canonical rows with their first fault."""

from collections.abc import Mapping as Dictionary
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

from sqlglot import exp

from bankseg.domain.extracts import BUCKET, RECORDED_AT, RECORDED_IS_ASSUMED, RECORDED_UNTIL, Column, Extract
from bankseg.ingest.checks import Check, checks_of, day, fault_text, first_fault, raw_name
from bankseg.ingest.mapping import Attribute, ExtractMapping, Mapping, Source
from bankseg.ingest.normalise import Reading, as_date, as_number, coded, kept, money_multiplier, needed_columns, raw, source_text, typed
from bankseg.ingest.rows import FILE_NUMBER, ORDINAL
from bankseg.ingest.sql import Sql, both, call, cast, is_not_null, is_null, name, named, number, text

# Tables the statement reads beside the joined look-ups.
BATCH, KNOWN_CLIENT, KNOWN_ACCOUNT = "batch", "known_client", "known_account"
Constants: TypeAlias = Dictionary[str, str | None]
ATTRIBUTE, LABEL, OBSERVED_ON = "attribute:", "label:", "observed:on"


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement, its twin that shows the text at fault, and the checks that fault numbers point into."""

    select: exp.Select
    texts: exp.Select
    checks: list[Check]


def build(mapping: Mapping, extract_mapping: ExtractMapping, reading: Reading, extract_on: date, buckets: int) -> Statement:
    """SELECT from `batch` one row per kept source row: canonical columns that vary, clocks, bucket, key hash, fault."""
    checks = checks_of(mapping, extract_mapping, reading, extract_on)
    checks += _checks_of_extras(extract_mapping, extract_on)
    texts = (
        exp.select("*", *_raw_columns(extract_mapping, reading))
        .from_(_source(extract_mapping, reading, extract_on))
        .where(kept(extract_mapping.where, reading))
    )
    values = exp.select(*_typed_columns(mapping, extract_mapping, reading)).from_(texts.subquery("texts"))
    known = values.subquery("facts")
    checked = exp.select(
        exp.Column(this=exp.Star(), table=exp.to_identifier("facts")), *_owner_columns(extract_mapping), named(first_fault(checks), "fault")
    ).from_(known)
    checked = _joined_owner(checked, extract_mapping)
    constants = constant_columns(mapping, extract_mapping)
    rows = exp.select(*_outputs(extract_mapping, extract_on, buckets, constants)).from_(checked.subquery("checked"))
    place = [named(name(FILE_NUMBER), "file_no"), named(name(ORDINAL), "row_number")]
    faulty = (
        exp.select(*place, name("fault"), named(fault_text(checks), "fault_text")).from_(checked.copy().subquery("checked")).where(is_not_null(name("fault")))
    )
    return Statement(rows, faulty, checks)


def sources_of(extract_mapping: ExtractMapping) -> set[str]:
    """Columns, of the file or joined, that the mapping reads."""
    needed = {column for source in extract_mapping.columns.values() for column in needed_columns(source)}
    needed |= {condition.column for condition in extract_mapping.where}
    needed |= {attribute.column or key for key, attribute in extract_mapping.attributes.items()}
    needed |= needed_columns(extract_mapping.observed_on) if extract_mapping.observed_on else set()
    needed |= {extract_mapping.label.column} if extract_mapping.label else set()
    needed |= {extract_mapping.recorded.column} if extract_mapping.recorded.column else set()
    return needed | {column for join in extract_mapping.join for column in join.on}


def _source(extract_mapping: ExtractMapping, reading: Reading, extract_on: date) -> exp.Subquery:
    """The batch with its look-ups joined on, prefixed, and `extract_on` for expressions."""
    level: exp.Expression = exp.to_table(BATCH, quoted=True)
    for position, join in enumerate(extract_mapping.join):
        alias = lookup_name(position)
        conditions = [exp.EQ(this=source_text(column, reading), expression=name(alias, f"{join.prefix}{other}")) for column, other in join.on.items()]
        level = exp.select("*").from_(level).join(exp.to_table(alias, quoted=True), on=exp.and_(*conditions), join_type="left").subquery(f"joined_{position}")
    return exp.select("*", named(day(extract_on), "extract_on")).from_(level).subquery("source")


def constant_columns(mapping: Mapping, extract_mapping: ExtractMapping) -> Constants:
    """Stored columns that are the same in every row, with their value: they are neither staged nor sorted."""
    unmapped = [column for column in extract_mapping.extract.columns if column.name not in extract_mapping.columns and column.name != "client_id"]
    return {column.stored_name: mapping.bank.currency if column.name == "currency" else None for column in unmapped}


def lookup_name(position: int) -> str:
    """Table of the n-th joined look-up."""
    return f"lookup_{position}"


def _raw_columns(extract_mapping: ExtractMapping, reading: Reading) -> list[Sql]:
    columns = [named(raw(source, reading), raw_name(column)) for column, source in extract_mapping.columns.items()]
    for key, attribute in extract_mapping.attributes.items():
        columns.append(named(source_text(attribute.column or key, reading), raw_name(ATTRIBUTE + key)))
    if extract_mapping.label:
        columns.append(named(source_text(extract_mapping.label.column, reading), raw_name(LABEL + extract_mapping.label.name)))
    if extract_mapping.observed_on:
        columns.append(named(raw(extract_mapping.observed_on, reading), raw_name(OBSERVED_ON)))
    if extract_mapping.recorded.column:
        columns.append(named(source_text(extract_mapping.recorded.column, reading), raw_name(RECORDED_AT)))
    return columns


def _typed_columns(mapping: Mapping, extract_mapping: ExtractMapping, reading: Reading) -> list[Sql]:
    columns: list[Sql] = [name(ORDINAL), name(FILE_NUMBER)]
    columns += [name(raw_name(column)) for column in extract_mapping.columns]
    currency = _text_of("currency", extract_mapping, reading)
    multiplier = money_multiplier(currency, mapping.bank.currency)
    for column in extract_mapping.extract.columns:
        columns.append(named(_value(column, extract_mapping, reading, multiplier, mapping.bank.currency), column.stored_name))
    return columns + _typed_extras(extract_mapping, reading)


def _text_of(column: str, extract_mapping: ExtractMapping, reading: Reading) -> Sql | None:
    source = extract_mapping.columns.get(column)
    return coded(name(raw_name(column)), source, reading) if source is not None else None


def _value(column: Column, extract_mapping: ExtractMapping, reading: Reading, multiplier: Sql, currency: str) -> Sql:
    source = extract_mapping.columns.get(column.name)
    if source is None:
        return text(currency) if column.name == "currency" else cast(exp.Null(), SQL_TYPES[column.type])
    value = typed(column, coded(name(raw_name(column.name)), source, reading), source, reading, multiplier)
    return call("coalesce", value, text(currency)) if column.name == "currency" else value


def _typed_extras(extract_mapping: ExtractMapping, reading: Reading) -> list[Sql]:
    columns = []
    for key, attribute in extract_mapping.attributes.items():
        label = raw_name(ATTRIBUTE + key)
        value = name(label) if attribute.type == "category" else as_number(name(label), Source(column=attribute.column or key), reading)
        columns += [name(label), named(value, ATTRIBUTE + key)]
    if extract_mapping.label:
        label = LABEL + extract_mapping.label.name
        is_positive = exp.In(this=name(raw_name(label)), expressions=[text(value) for value in extract_mapping.label.positive])
        columns += [name(raw_name(label)), named(is_positive, label)]
    if extract_mapping.observed_on:
        columns += [name(raw_name(OBSERVED_ON)), named(as_date(name(raw_name(OBSERVED_ON)), extract_mapping.observed_on, reading), OBSERVED_ON)]
    if extract_mapping.recorded.column:
        form = extract_mapping.recorded.format or reading.dialect.date_format
        columns += [name(raw_name(RECORDED_AT)), named(call("try_strptime", name(raw_name(RECORDED_AT)), text(form)), RECORDED_AT)]
    return columns


def _checks_of_extras(extract_mapping: ExtractMapping, extract_on: date) -> list[Check]:
    checks = []
    for key, attribute in extract_mapping.attributes.items():
        checks += _checks_of_attribute(key, attribute)
    if extract_mapping.observed_on:
        observed = name(OBSERVED_ON)
        checks.append(Check(OBSERVED_ON, "unparsable_date", "not a date in the declared format", is_null(observed)))
        checks.append(Check(OBSERVED_ON, "after_extract_date", f"after the extract date {extract_on}", exp.GT(this=observed, expression=day(extract_on))))
    if extract_mapping.recorded.column:
        recorded = name(RECORDED_AT)
        checks.append(Check(RECORDED_AT, "unparsable_date", "no instant of recording in the declared format", is_null(recorded)))
        late = exp.GTE(this=recorded.copy(), expression=cast(day(extract_on + timedelta(days=1)), "TIMESTAMP"))
        checks.append(Check(RECORDED_AT, "after_extract_date", f"recorded after the extract date {extract_on}", late))
    return checks


def _checks_of_attribute(key: str, attribute: Attribute) -> list[Check]:
    column, label = ATTRIBUTE + key, name(raw_name(ATTRIBUTE + key))
    if attribute.type == "number":
        return [Check(column, "unparsable_number", "not a number in the declared form", both(is_not_null(label), is_null(name(column))))]
    return [Check(column, "card_number", "holds a payment card number, which bankseg must not keep", call("holds_card_number", label))]


def _joined_owner(select: exp.Select, extract_mapping: ExtractMapping) -> exp.Select:
    extract = extract_mapping.extract
    if extract.owner == "account":
        on = exp.EQ(this=name("facts", "account_id"), expression=name(KNOWN_ACCOUNT, "account_id"))
        select = select.join(exp.to_table(KNOWN_ACCOUNT, quoted=True), on=on, join_type="left")
    if extract.name != "clients" and "client_id" in extract_mapping.columns:
        on = exp.EQ(this=name("facts", "client_id"), expression=name(KNOWN_CLIENT, "client_id"))
        select = select.join(exp.to_table(KNOWN_CLIENT, quoted=True), on=on, join_type="left")
    return select


def _owner_columns(extract_mapping: ExtractMapping) -> list[Sql]:
    """The owner found, its bucket and its place in the lake's order."""
    if extract_mapping.table == "clients":
        return []
    table = KNOWN_CLIENT if "client_id" in extract_mapping.columns else KNOWN_ACCOUNT
    return [named(name(table, column), f"owner:{column}") for column in ("client_id", BUCKET, "place")]


def _outputs(extract_mapping: ExtractMapping, extract_on: date, buckets: int, constants: Constants) -> list[Sql]:
    extract = extract_mapping.extract
    has_owner = extract.name != "clients"
    columns: list[Sql] = [named(name(FILE_NUMBER), "file_no"), named(name(ORDINAL), "row_number")]
    for column in extract.columns:
        if column.stored_name in constants:
            continue
        owner_named = column.name == "client_id" and has_owner
        columns.append(named(name("owner:client_id") if owner_named else _kept_value(extract, column), column.stored_name))
    columns += _clocks(extract, extract_mapping, extract_on)
    columns.append(named(name("owner:bucket"), BUCKET) if has_owner else named(bucket_of_client(buckets), BUCKET))
    columns.append(named(name("owner:place"), "place") if has_owner else named(cast(exp.Null(), "BIGINT"), "place"))
    columns.append(named(key_hash(extract), "key_hash"))
    columns.append(name("fault"))
    columns += [name(ATTRIBUTE + key) for key in extract_mapping.attributes]
    columns += [name(LABEL + extract_mapping.label.name)] if extract_mapping.label else []
    return columns + ([name(OBSERVED_ON)] if extract_mapping.observed_on else [])


def _kept_value(extract: Extract, column: Column) -> Sql:
    """A column's value; a code of a closed list as its number in the list, which is faster to sort and to write. A faulty row's code may be none of it."""
    if not column.values or column.name in extract.key:
        return name(column.stored_name)
    codes = exp.DataType(this=exp.DataType.Type.ENUM, expressions=[text(value) for value in column.values])
    return exp.TryCast(this=name(column.stored_name), to=codes, safe=True)


def _clocks(extract: Extract, extract_mapping: ExtractMapping, extract_on: date) -> list[Sql]:
    never = cast(exp.Null(), "TIMESTAMP")
    if extract_mapping.recorded.column:
        return [name(RECORDED_AT), named(never, RECORDED_UNTIL), named(exp.false(), RECORDED_IS_ASSUMED)]
    recorded = assumed_recording(name(extract.event_on), extract_mapping, extract_on)
    return [named(recorded, RECORDED_AT), named(never, RECORDED_UNTIL), named(exp.true(), RECORDED_IS_ASSUMED)]


def assumed_recording(event_on: Sql, extract_mapping: ExtractMapping, extract_on: date) -> Sql:
    """Event date plus the declared lag, but not after the extract that holds the row: by then it was known."""
    lagged = exp.Add(this=event_on.copy(), expression=number(extract_mapping.recorded.lag_days or 0))
    return cast(call("least", exp.paren(lagged), day(extract_on)), "TIMESTAMP")


def bucket_of_client(buckets: int) -> Sql:
    """domain.buckets.BUCKET_SQL as a tree."""
    digits = exp.DPipe(this=text("0x"), expression=call("substr", call("md5", name("client_id")), number(1), number(7)))
    return cast(exp.Mod(this=cast(digits, "BIGINT"), expression=number(buckets)), "SMALLINT")


def key_hash(extract: Extract) -> Sql:
    """64-bit hash of a row's key, to find the few rows whose keys must be compared exactly."""
    return call("hash", *[name(column) for column in extract.key])


SQL_TYPES = {"text": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE", "money": "BIGINT", "date": "DATE", "boolean": "BOOLEAN"}
